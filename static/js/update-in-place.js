// Updates what is on screen to a newer rendering. Whatever did not change stays the same node, so that a click that has
// begun, an open menu, the focus, selected text and loaded pictures survive.

const CONTROL = "[href], [value]";

// Makes `old` equal to `fresh`, from which it takes nodes. Children that match `added` stay: a script put them there.
export function updateInPlace(old, fresh, added = null) {
  // Keep tabindex: a script may have set it.
  const removed = [...old.attributes].filter(({ name }) => name !== "tabindex" && !fresh.hasAttribute(name));
  for (const { name } of removed) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  let at = old.firstChild;
  const removeUntil = (end) => {
    while (at !== end) {
      const current = at;
      at = at.nextSibling;
      if (!added || !isElement(current) || !current.matches(added)) current.remove();
    }
  };
  for (const node of [...fresh.childNodes]) {
    const kept = counterpart(node, at);
    if (kept) {
      removeUntil(kept);
      at = kept.nextSibling;
      if (!kept.isEqualNode(node)) updateNode(kept, node);
    } else old.insertBefore(node, at);
  }
  removeUntil(null);
}

// The sibling, from `at` on, that is equal to a node or an older rendering of it.
function counterpart(node, at) {
  if (!isElement(node)) return at?.nodeType === node.nodeType ? at : null;
  const rest = [];
  for (let one = at; one; one = one.nextSibling) if (isElement(one)) rest.push(one);
  const name = identityOf(node);
  return rest.find((one) => one.isEqualNode(node)) ?? rest.find((one) => identityOf(one) === name);
}

// Links and buttons keep what they lead to: one that turned into another would get the clicks that were meant for it.
function identityOf(element) {
  const control = element.localName === "li" ? element.querySelector(CONTROL) : element;
  return [element.localName, element.className, control?.getAttribute("href") ?? control?.getAttribute("value")].join();
}

function updateNode(old, fresh) {
  if (!isElement(old)) old.data = fresh.data;
  // A custom element fills itself, from its attributes.
  else if (!old.localName.includes("-")) updateInPlace(old, fresh);
  else if (!haveSameAttributes(old, fresh)) old.replaceWith(fresh);
}

function haveSameAttributes(old, fresh) {
  const attributes = [...fresh.attributes];
  return (
    attributes.length === old.attributes.length &&
    attributes.every(({ name, value }) => old.getAttribute(name) === value)
  );
}

function isElement(node) {
  return node.nodeType === Node.ELEMENT_NODE;
}
