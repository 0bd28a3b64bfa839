// Shows the pictures of a <message-list> or a gallery over the page, one at a time; keys, buttons or swipes lead to the
// next. Loaded when the first picture is opened; without it the link opens the picture itself.
import { showModal } from "navigation";

const SWIPE = 48; // px

// `link` is the a.thumb that was pressed.
export function show(link) {
  const links = [...link.closest(".message-column, .gallery").querySelectorAll("a.thumb")];
  const box = document.querySelector("template.picture-box").content.cloneNode(true).firstElementChild;
  const [picture, name, count, download] = ["img", "b", "[role=status]", "a"].map((part) => box.querySelector(part));
  const [previous, next, close] = ["previous", "next", "close"].map((button) => box.querySelector(`[name=${button}]`));
  const countText = count.textContent;
  let at = links.indexOf(link);

  const showAt = (to) => {
    if (!links[to]) return;
    at = to;
    const thumb = links[at].querySelector("img");
    // First the thumbnail, at the size of the large picture.
    picture.width = thumb.getAttribute("width");
    picture.height = thumb.getAttribute("height");
    picture.alt = name.textContent = thumb.alt;
    picture.src = thumb.currentSrc || thumb.src;
    loaded(links[at].href).then(
      (src) => at === to && (picture.src = src),
      () => {},
    );
    download.href = links[at].href.replace(/\/display$/, "");
    count.textContent = countText.replace("{number}", at + 1).replace("{total}", links.length);
    count.hidden = links.length === 1;
    const hadFocus = document.activeElement;
    previous.disabled = !links[at - 1];
    next.disabled = !links[at + 1];
    if (hadFocus?.disabled) close.focus();
    for (const one of [links[at + 1], links[at - 1]]) if (one) loaded(one.href).catch(() => {});
  };

  previous.addEventListener("click", () => showAt(at - 1));
  next.addEventListener("click", () => showAt(at + 1));
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => event.target === box && box.close());
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) showAt(at + step);
    else if (event.key === "Home" || event.key === "End") showAt(event.key === "Home" ? 0 : links.length - 1);
    else return;
    event.preventDefault();
  });
  swipes(
    box,
    (step) => showAt(at + step),
    () => box.close(),
  );
  box.addEventListener("close", () => {
    box.remove();
    link.focus({ preventScroll: true });
  });
  document.body.append(box);
  showAt(at);
  showModal(box);
}

// Swipe sideways for the next one, down to close; two fingers zoom.
function swipes(box, step, close) {
  let start = null;
  box.addEventListener(
    "touchstart",
    ({ touches }) => (start = touches.length === 1 && !(visualViewport?.scale > 1) ? touches[0] : null),
    { passive: true },
  );
  box.addEventListener("touchend", ({ changedTouches: [end] }) => {
    if (!start) return;
    const [x, y] = [end.clientX - start.clientX, end.clientY - start.clientY];
    start = null;
    if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) step(x < 0 ? 1 : -1);
    else if (y > 2 * SWIPE && y > 2 * Math.abs(x)) close();
  });
}

async function loaded(src) {
  const picture = new Image();
  picture.src = src;
  await picture.decode();
  return src;
}
