// Overlays (dialogs and popovers) and the Back button: each open overlay is an extra history entry with the same URL,
// so that Back closes the topmost. The entry is removed however the overlay closes, also where the browser itself
// closes it on Back (CloseWatcher on Android). docs/decisions/0026-back-closes-overlays.md
const open = []; // bottom to top
let moving = null; // a promise, while the history goes back
let arrived = () => {};
let isLeaving = false; // to another page

// Opens a modal dialog.
export function showModal(dialog) {
  dialog.showModal();
  dialog.addEventListener("close", align);
  add(dialog);
}

// Goes to another page, whose entry replaces those of open overlays. Not while offline: the browser would show its
// error page instead.

export async function leave(address) {
  if (!(await isReachable())) return document.dispatchEvent(new Event("unreachable"));
  isLeaving = true;
  if (levelOf(history.state)) location.replace(address);
  else location.assign(address);
}

export async function enter(address) {
  await moving;
  if (levelOf(history.state)) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

// Resolves when the history matches the open overlays.
export async function aligned() {
  await moving;
}

// The stream knows whether the server can be reached; if not, ask it.
async function isReachable() {
  if (!isCutOff()) return true;
  if (!navigator.onLine) return false;
  const asked = fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(3000) });
  return asked.then(
    () => true,
    () => false,
  );
}

function isCutOff() {
  return !navigator.onLine || document.querySelector("live-stream:not([hidden])") !== null;
}

function add(overlay) {
  if (open.includes(overlay)) return;
  isLeaving = false;
  open.push(overlay);
  align();
}

function isOpen(overlay) {
  return overlay.open ?? overlay.matches(":popover-open");
}

function levelOf(state) {
  return state?.overlays ?? 0;
}

// Makes the history have one entry for each overlay.
function align() {
  for (const overlay of [...open]) if (!isOpen(overlay)) open.splice(open.indexOf(overlay), 1);
  if (moving || isLeaving) return;
  const surplus = levelOf(history.state) - open.length;
  if (surplus < 0) history.pushState({ overlays: open.length }, "", location.href);
  if (surplus <= 0) return;
  moving = new Promise((resolve) => (arrived = resolve));
  history.go(-surplus);
}

addEventListener("popstate", () => {
  if (moving) {
    moving = null;
    arrived();
    return align(); // an overlay may have opened meanwhile
  }
  while (open.length > levelOf(history.state)) close(open.at(-1));
  align(); // forward can't reopen an overlay
});

function close(overlay) {
  open.pop();
  if (overlay.close) overlay.close();
  else overlay.hidePopover();
}

// Popovers open natively; their toggle event does not bubble.
document.addEventListener(
  "toggle",
  ({ target, newState }) => {
    if (!target.hasAttribute?.("popover")) return;
    if (newState === "open") add(target);
    else align();
  },
  true,
);

// Links and forms that no other script handled.
addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain =
    !event.defaultPrevented && !event.button && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (
    !link ||
    !isPlain ||
    !(levelOf(history.state) || isCutOff()) ||
    link.target ||
    link.download ||
    link.origin !== location.origin
  )
    return;
  if (
    link.pathname.startsWith("/files/") ||
    (link.hash && link.pathname + link.search === location.pathname + location.search)
  )
    return;
  event.preventDefault();
  leave(link.href);
});
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method === "dialog") return;
  isLeaving = navigator.onLine;
  if (isLeaving) return;
  event.preventDefault();
  document.dispatchEvent(new Event("unreachable"));
});
addEventListener("pageshow", () => {
  isLeaving = false;
  align();
});
align(); // reloaded while an overlay was open
