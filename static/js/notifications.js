// System notifications, one per chat: a newer one replaces the older.

const STORAGE_KEY = "notices"; // in localStorage: "off" when turned off in this browser

const shown = new Map(); // chat -> {notification, message}

// Returns "none" (unsupported), "refused" (denied), "off" or "on".
export function state() {
  // They need TLS. Chrome on Android has the constructor, but it throws.
  if (!isSecureContext || !("Notification" in globalThis) || /Android/.test(navigator.userAgent)) return "none";
  if (Notification.permission === "denied") return "refused";
  return Notification.permission === "granted" && localStorage.getItem(STORAGE_KEY) !== "off" ? "on" : "off";
}

// Whether the person was never asked.
export function isUndecided() {
  return state() === "off" && Notification.permission === "default" && localStorage.getItem(STORAGE_KEY) !== "off";
}

// Asks for permission if needed. Returns the new state.
export async function setEnabled(on) {
  localStorage.setItem(STORAGE_KEY, on ? "on" : "off");
  if (on) await Notification.requestPermission();
  return state();
}

export function show({ chat, message, title, body, picture }, open) {
  const notification = new Notification(title, { body, icon: picture, tag: `chat ${chat}`, renotify: true });
  shown.set(chat, { notification, message });
  notification.addEventListener("click", () => {
    focus();
    close(chat);
    open();
  });
}

// With `message`, only if the notification is about that one.
export function close(chat, message = null) {
  const one = shown.get(chat);
  if (!one || (message && one.message !== message)) return;
  one.notification.close();
  shown.delete(chat);
}
