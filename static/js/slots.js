// Fills templates with slots, as lib/slots.py does: {name} in a text or an attribute is a field; `data-if`,
// `data-unless`, `data-each` and `data-html` name the field by which an element is there, repeated or filled.
import { parseHtml } from "server";

const SLOT = /\{(\w+)\}/g;
const WHOLE = /^\{(\w+)\}$/;
const CONDITIONS = ["data-if", "data-unless", "data-each"];

// Returns a filled clone of an element of a <template>, whatever its own conditions.
export function fill(element, fields) {
  // Within the inert document of the <template>: an <img> would load its slot as an address.
  const clone = element.cloneNode(true);
  for (const name of CONDITIONS) clone.removeAttribute(name);
  fillElement(clone, fields);
  return clone;
}

function fillElement(element, fields) {
  const html = fields[takeAttribute(element, "data-html")];
  for (const { name, value } of [...element.attributes]) fillAttribute(element, name, value, fields);
  if (html !== undefined) element.replaceChildren(...parseHtml(html).childNodes);
  else for (const child of [...element.childNodes]) fillChild(child, fields);
}

function fillChild(child, fields) {
  if (child.nodeType === Node.TEXT_NODE) child.data = filled(child.data, fields);
  if (child.nodeType !== Node.ELEMENT_NODE) return;
  const [wanted, unwanted, each] = CONDITIONS.map((name) => takeAttribute(child, name));
  for (const item of each ? fields[each] : [{}]) {
    const all = { ...fields, ...item };
    if ((wanted && !isPresent(all[wanted])) || (unwanted && isPresent(all[unwanted]))) continue;
    const copy = child.cloneNode(true);
    fillElement(copy, all);
    child.before(copy);
  }
  child.remove();
}

// An attribute that is one slot as a whole is left out for false and null, and empty for true.
function fillAttribute(element, name, value, fields) {
  const field = WHOLE.exec(value)?.[1];
  const whole = fields[field];
  if (field && (whole ?? false) === false) element.removeAttribute(name);
  else if (SLOT.test(value)) element.setAttribute(name, whole === true ? "" : filled(value, fields));
  SLOT.lastIndex = 0;
}

function filled(text, fields) {
  return text.replace(SLOT, (_, name) => ((fields[name] ?? false) === false ? "" : fields[name]));
}

function takeAttribute(element, name) {
  const value = element.getAttribute(name);
  element.removeAttribute(name);
  return value;
}

function isPresent(value) {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
