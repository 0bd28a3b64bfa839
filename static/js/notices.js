// Showing notices by the browser, as far as the person lets it. One a chat: a newer one takes the older one's place.

const SWITCH = "notices"; // in this browser's own memory: "off" when the person does not want them here

const shown = new Map(); // chat -> {notice, message}

// "none" where this browser can't, "refused" where it may not, "off" or "on".
export function state() {
  // On an address without TLS there are none. Android's Chrome has the constructor, and throws when it is called.
  if (!isSecureContext || !("Notification" in globalThis) || /Android/.test(navigator.userAgent)) return "none";
  if (Notification.permission === "denied") return "refused";
  return Notification.permission === "granted" && localStorage.getItem(SWITCH) !== "off" ? "on" : "off";
}

// Whether nobody was asked yet.
export function isOpen() {
  return state() === "off" && Notification.permission === "default" && localStorage.getItem(SWITCH) !== "off";
}

// Asks for leave where there is none. Returns the state from now on.
export async function turn(on) {
  localStorage.setItem(SWITCH, on ? "on" : "off");
  if (on) await Notification.requestPermission();
  return state();
}

export function show({ chat, message, title, body, picture }, open) {
  const notice = new Notification(title, { body, icon: picture, tag: `chat ${chat}`, renotify: true });
  shown.set(chat, { notice, message });
  notice.addEventListener("click", () => {
    focus();
    close(chat);
    open();
  });
}

// With `message` only the notice of that one.
export function close(chat, message = null) {
  const one = shown.get(chat);
  if (!one || (message && one.message !== message)) return;
  one.notice.close();
  shown.delete(chat);
}
