// Actions on reactions, loaded like message-commands.js: toggle one, offer common ones, or open the picker.
import { leave } from "navigation";
import { act, article, messageOf, part } from "message-commands";

const GAP = 6; // px

export function toggle(button, messageList) {
  const given = button.ariaPressed === "true";
  return put(
    messageList,
    messageOf(button),
    button.value,
    !given,
    button.querySelector(".visually-hidden").textContent,
  );
}

// Offers common emoji beside the message's actions, and the picker.
export function react(link, messageList) {
  const id = messageOf(link);
  const row = part(messageList, ".reaction-choice");
  document.body.append(row);
  for (const button of row.querySelectorAll("[value]"))
    button.ariaPressed = String(reaction(id, button.value)?.ariaPressed === "true");
  row.querySelector("[name=who]").hidden = !article(id).querySelector(":scope > .reactions");
  row.addEventListener("toggle", (event) => event.newState === "closed" && row.remove());
  row.addEventListener("keydown", (event) => walk(event, row));
  row.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    row.hidePopover();
    if (button.name === "who") await whoReacted(link, messageList);
    else if (button.name === "more") await chooseAny(link, messageList, id);
    else await put(messageList, id, button.value, button.ariaPressed !== "true", button.title);
  });
  place(row, link);
  row.showPopover();
  row.querySelector("button").focus();
}

async function whoReacted(link, messageList) {
  const { openPage } = await import("page-dialog");
  const dialog = await openPage(link, part(messageList, "dialog"));
  for (const form of dialog?.querySelectorAll("form") ?? []) form.remove();
}

async function chooseAny(link, messageList, id) {
  let picker;
  try {
    picker = await import("emoji-picker");
  } catch {
    return leave(link.href); // the page where any emoji can be typed
  }
  const emoji = await picker.openPicker(link.checkVisibility() ? link : article(id));
  if (emoji) await put(messageList, id, emoji, true, "");
}

// Shown at once, corrected by the response and by the row that the stream brings.

async function put(messageList, id, emoji, gives, name) {
  if ((reaction(id, emoji)?.ariaPressed === "true") === gives) return;
  show(messageList, id, emoji, gives, name);
  const message = await act(
    messageList,
    gives ? "PUT" : "DELETE",
    `/api/messages/${id}/reactions/${encodeURIComponent(emoji)}`,
  );
  if (!message) return show(messageList, id, emoji, !gives, name);
  const count = message.reactions.find((one) => one.emoji === emoji)?.count ?? 0;
  const button = reaction(id, emoji);
  if (button) count ? (button.lastChild.data = ` ${count}`) : remove(button);
}

function show(messageList, id, emoji, gives, name) {
  const message = article(id);
  if (!message) return;
  const button = reaction(id, emoji) ?? (gives ? added(messageList, message, emoji, name) : null);
  if (!button) return;
  const count = Number(button.lastChild.data) + (gives ? 1 : -1);
  button.ariaPressed = String(gives);
  button.name = gives ? "take_back" : "give";
  button.lastChild.data = ` ${count}`;
  if (count < 1) remove(button);
}

function added(messageList, message, emoji, name) {
  const fresh = part(messageList, ".reactions");
  const button = fresh.querySelector("button");
  const [sign, words] = button.children;
  button.value = emoji;
  button.setAttribute(
    "formaction",
    `/chats/${messageList.getAttribute("chat")}/messages/${message.id.slice("message-".length)}/reactions`,
  );
  sign.textContent = emoji;
  words.textContent = name;
  const list = message.querySelector(":scope > .reactions");
  if (list) list.append(...fresh.children);
  else message.querySelector(":scope > .message-actions").before(fresh);
  return button;
}

function remove(button) {
  const list = button.closest("ul");
  const hadFocus = button === document.activeElement;
  const [item, next] = [
    button.closest("li"),
    button.closest("li").nextElementSibling ?? button.closest("li").previousElementSibling,
  ];
  item.remove();
  if (hadFocus)
    (next?.querySelector("button") ?? list.closest("article").querySelector(".message-actions [data-action]"))?.focus();
  if (!list.children.length) list.remove();
}

function reaction(id, emoji) {
  return [...(article(id)?.querySelectorAll(":scope > .reactions button") ?? [])].find(
    (button) => button.value === emoji,
  );
}

// Places it beside the pressed control, or its message if the control is hidden or was replaced. On touch screens the
// stylesheet makes it a bottom sheet.
function place(row, anchor) {
  const box = (
    anchor.checkVisibility() ? anchor : (article(messageOf(anchor)) ?? document.body)
  ).getBoundingClientRect();
  row.style.setProperty("--block", `${Math.max(GAP, box.top - 44 - GAP)}px`);
  row.style.setProperty("--inline", `${Math.max(GAP, document.documentElement.clientWidth - box.right)}px`);
}

function walk(event, row) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const buttons = [...row.querySelectorAll("button:not([hidden])")];
  buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
}
