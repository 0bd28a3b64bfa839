// What a key press in a text field means.

// Whether the key belongs to an input method's composition. Safari ends the composition before the keydown of the Enter
// that ended it, with keyCode 229 (https://www.w3.org/TR/uievents/#determine-keydown-keyup-keyCode).
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

// Enter that submits: neither Shift+Enter nor the end of a composition.
export function isEnter(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}
