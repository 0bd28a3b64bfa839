// <avatar-crop> beside a file field: crops the chosen picture to a square. `begin(file, face)` shows it, also in the
// circle `face`, and resolves to whether the browser could decode the file; `cut()` resolves to the square as a File.
// Its button discards the picture (event "discarded").

const SIDE = 512; // pixels of the canvas, and at most of the result
const STEP = 1.1; // zoom factor of a key press or wheel notch
const NEAREST = 64; // the fewest pixels of the picture that may fill the square

class AvatarCrop extends HTMLElement {
  #listening = null;
  #file = null;
  #picture = null; // an ImageBitmap, upright
  #canvases = [];
  #zoom = 1; // 1 shows the largest square that fits
  #centre = { x: 0, y: 0 }; // in the picture's pixels
  #fingers = new Map(); // pointer id -> position

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (element, type, handler, options) =>
      element.addEventListener(type, handler, { signal: this.#listening.signal, ...options });
    on(this.#stage, "pointerdown", (event) => this.#onPointerdown(event));
    on(this.#stage, "pointermove", (event) => this.#onPointermove(event));
    for (const type of ["pointerup", "pointercancel"])
      on(this.#stage, type, ({ pointerId }) => this.#fingers.delete(pointerId));
    on(this.#stage, "wheel", (event) => this.#onWheel(event), { passive: false });
    on(this.#stage, "keydown", (event) => this.#onKeydown(event));
    on(this.querySelector("button"), "click", () => this.#discard());
    on(this.#range, "input", () => this.#zoomTo(Number(this.#range.value)));
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#close();
  }

  async begin(file, face) {
    this.#close();
    try {
      this.#picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return false;
    }
    this.#file = file;
    const small = document.createElement("canvas");
    small.width = small.height = 160;
    face.replaceChildren(small);
    this.#canvases = [this.#stage.querySelector("canvas"), small];
    this.hidden = false;
    const { width, height } = this.#picture;
    this.#centre = { x: width / 2, y: height / 2 };
    this.#range.max = Math.max(1, Math.min(8, Math.min(width, height) / NEAREST));
    this.#range.disabled = this.#range.max === "1";
    this.#zoomTo(1);
    return true;
  }

  #close() {
    this.hidden = true;
    this.#picture?.close();
    this.#picture = this.#file = null;
    this.#canvases = [];
    this.#fingers.clear();
  }

  #discard() {
    this.#close();
    this.dispatchEvent(new Event("discarded"));
  }

  // Side of the square, in the picture's pixels.
  get #side() {
    return Math.min(this.#picture.width, this.#picture.height) / this.#zoom;
  }

  #zoomTo(zoom) {
    this.#zoom = Math.min(Math.max(zoom, 1), Number(this.#range.max));
    this.#range.value = this.#zoom;
    this.#range.setAttribute("aria-valuetext", `${Math.round(100 * this.#zoom)} %`);
    this.#moveBy(0, 0);
  }

  // Moves by fractions of the square's side, within the picture.
  #moveBy(x, y) {
    const half = this.#side / 2;
    const within = (value, end) => Math.min(Math.max(value, half), end - half);
    this.#centre.x = within(this.#centre.x + x * this.#side, this.#picture.width);
    this.#centre.y = within(this.#centre.y + y * this.#side, this.#picture.height);
    for (const canvas of this.#canvases) this.#draw(canvas);
  }

  #draw(canvas) {
    const { x, y } = this.#centre;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(
      this.#picture,
      x - this.#side / 2,
      y - this.#side / 2,
      this.#side,
      this.#side,
      0,
      0,
      canvas.width,
      canvas.height,
    );
  }

  async cut() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.max(1, Math.min(SIDE, Math.round(this.#side)));
    this.#draw(canvas);
    // PNG keeps transparency.
    const type = this.#file.type === "image/jpeg" ? "image/jpeg" : "image/png";
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));
    return new File([blob], type === "image/png" ? "avatar.png" : "avatar.jpg", { type });
  }

  #onPointerdown(event) {
    this.#stage.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  #onPointermove(event) {
    if (!this.#fingers.has(event.pointerId)) return;
    const before = spanOf(this.#fingers);
    this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = spanOf(this.#fingers);
    const width = this.#stage.clientWidth;
    if (before.width) this.#zoomTo((this.#zoom * after.width) / before.width);
    this.#moveBy((before.x - after.x) / width, (before.y - after.y) / width);
  }

  #onWheel(event) {
    event.preventDefault();
    this.#zoomTo(this.#zoom * STEP ** -Math.sign(event.deltaY));
  }

  #onKeydown(event) {
    const step = event.shiftKey ? 0.25 : 0.05;
    const action = {
      ArrowLeft: () => this.#moveBy(-step, 0),
      ArrowRight: () => this.#moveBy(step, 0),
      ArrowUp: () => this.#moveBy(0, -step),
      ArrowDown: () => this.#moveBy(0, step),
      "+": () => this.#zoomTo(this.#zoom * STEP),
      "=": () => this.#zoomTo(this.#zoom * STEP),
      "-": () => this.#zoomTo(this.#zoom / STEP),
    }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  get #stage() {
    return this.querySelector(".crop-stage");
  }

  get #range() {
    return this.querySelector("input[type=range]");
  }
}

// The midpoint of one or two fingers, and their distance.
function spanOf(fingers) {
  const [one, two = one] = fingers.values();
  return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, width: Math.hypot(one.x - two.x, one.y - two.y) };
}

customElements.define("avatar-crop", AvatarCrop);
