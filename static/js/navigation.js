// Overlays (dialogs and popovers) and the Back button: each open overlay is an extra history entry with the same URL,
// so that Back closes the topmost. The entry is removed however the overlay closes, also where the browser itself
// closes it on Back (CloseWatcher on Android). docs/decisions/0026-back-closes-overlays.md
const openOverlays = []; // bottom to top
let movingBack = null; // a promise, while the history goes back
let onArrived = () => {};
let isLeaving = false; // to another page

// Opens a modal dialog.
export function showModal(dialog) {
  dialog.showModal();
  dialog.addEventListener("close", alignHistory);
  track(dialog);
}

// Goes to another page, whose entry replaces those of open overlays. Not while offline: the browser would show its
// error page instead.

export async function leave(url) {
  if (!(await isReachable())) return document.dispatchEvent(new Event("unreachable"));
  isLeaving = true;
  if (levelOf(history.state)) location.replace(url);
  else location.assign(url);
}

export async function enter(url) {
  await movingBack;
  if (levelOf(history.state)) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
}

// Resolves when the history matches the open overlays.
export async function aligned() {
  await movingBack;
}

// The stream knows whether the server can be reached; if not, ask it.
async function isReachable() {
  if (!isOffline()) return true;
  if (!navigator.onLine) return false;
  const response = fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(3000) });
  return response.then(
    () => true,
    () => false,
  );
}

function isOffline() {
  return !navigator.onLine || document.querySelector("live-stream:not([hidden])") !== null;
}

function track(overlay) {
  if (openOverlays.includes(overlay)) return;
  isLeaving = false;
  openOverlays.push(overlay);
  alignHistory();
}

function isOpen(overlay) {
  return overlay.open ?? overlay.matches(":popover-open");
}

function levelOf(state) {
  return state?.overlays ?? 0;
}

// Makes the history have one entry for each overlay.
function alignHistory() {
  for (const overlay of [...openOverlays]) if (!isOpen(overlay)) openOverlays.splice(openOverlays.indexOf(overlay), 1);
  if (movingBack || isLeaving) return;
  const surplus = levelOf(history.state) - openOverlays.length;
  if (surplus < 0) history.pushState({ overlays: openOverlays.length }, "", location.href);
  if (surplus <= 0) return;
  movingBack = new Promise((resolve) => (onArrived = resolve));
  history.go(-surplus);
}

addEventListener("popstate", () => {
  if (movingBack) {
    movingBack = null;
    onArrived();
    return alignHistory(); // an overlay may have opened meanwhile
  }
  while (openOverlays.length > levelOf(history.state)) closeOverlay(openOverlays.at(-1));
  alignHistory(); // forward can't reopen an overlay
});

function closeOverlay(overlay) {
  openOverlays.pop();
  if (overlay.close) overlay.close();
  else overlay.hidePopover();
}

// Popovers open natively; their toggle event does not bubble.
document.addEventListener(
  "toggle",
  ({ target, newState }) => {
    if (!target.hasAttribute?.("popover")) return;
    if (newState === "open") track(target);
    else alignHistory();
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
    !(levelOf(history.state) || isOffline()) ||
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
  alignHistory();
});
alignHistory(); // reloaded while an overlay was open
