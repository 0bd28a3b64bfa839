// Actions on reactions, loaded like message-commands.js: toggle one, offer common ones, or open the picker.
import { leave } from "navigation";
import { request, article, messageOf, part } from "message-commands";

const GAP = 6; // px

export function toggle(button, messageList) {
  const given = button.ariaPressed === "true";
  return setReaction(
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
    button.ariaPressed = String(reactionButton(id, button.value)?.ariaPressed === "true");
  row.querySelector("[name=who]").hidden = !article(id).querySelector(":scope > .reactions");
  row.addEventListener("toggle", (event) => event.newState === "closed" && row.remove());
  row.addEventListener("keydown", (event) => moveFocus(event, row));
  row.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    row.hidePopover();
    if (button.name === "who") await whoReacted(link, messageList);
    else if (button.name === "more") await chooseAny(link, messageList, id);
    else await setReaction(messageList, id, button.value, button.ariaPressed !== "true", button.title);
  });
  placeBeside(row, link);
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
  if (emoji) await setReaction(messageList, id, emoji, true, "");
}

// Shown at once, corrected by the response and by the row that the stream brings.

async function setReaction(messageList, id, emoji, isGiven, name) {
  if ((reactionButton(id, emoji)?.ariaPressed === "true") === isGiven) return;
  showReaction(messageList, id, emoji, isGiven, name);
  const message = await request(
    messageList,
    isGiven ? "PUT" : "DELETE",
    `/api/messages/${id}/reactions/${encodeURIComponent(emoji)}`,
  );
  if (!message) return showReaction(messageList, id, emoji, !isGiven, name);
  const count = message.reactions.find((tally) => tally.emoji === emoji)?.count ?? 0;
  const button = reactionButton(id, emoji);
  if (button) count ? (button.lastChild.data = ` ${count}`) : removeReaction(button);
}

function showReaction(messageList, id, emoji, isGiven, name) {
  const message = article(id);
  if (!message) return;
  const button = reactionButton(id, emoji) ?? (isGiven ? addReaction(messageList, message, emoji, name) : null);
  if (!button) return;
  const count = Number(button.lastChild.data) + (isGiven ? 1 : -1);
  button.ariaPressed = String(isGiven);
  button.name = isGiven ? "take_back" : "give";
  button.lastChild.data = ` ${count}`;
  if (count < 1) removeReaction(button);
}

function addReaction(messageList, message, emoji, name) {
  const fragment = part(messageList, ".reactions");
  const button = fragment.querySelector("button");
  const [icon, label] = button.children;
  button.value = emoji;
  button.setAttribute(
    "formaction",
    `/chats/${messageList.getAttribute("chat")}/messages/${message.id.slice("message-".length)}/reactions`,
  );
  icon.textContent = emoji;
  label.textContent = name;
  const list = message.querySelector(":scope > .reactions");
  if (list) list.append(...fragment.children);
  else message.querySelector(":scope > .message-actions").before(fragment);
  return button;
}

function removeReaction(button) {
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

function reactionButton(id, emoji) {
  return [...(article(id)?.querySelectorAll(":scope > .reactions button") ?? [])].find(
    (button) => button.value === emoji,
  );
}

// Places it beside the pressed control, or its message if the control is hidden or was replaced. On touch screens the
// stylesheet makes it a bottom sheet.
function placeBeside(row, anchor) {
  const box = (
    anchor.checkVisibility() ? anchor : (article(messageOf(anchor)) ?? document.body)
  ).getBoundingClientRect();
  row.style.setProperty("--block", `${Math.max(GAP, box.top - 44 - GAP)}px`);
  row.style.setProperty("--inline", `${Math.max(GAP, document.documentElement.clientWidth - box.right)}px`);
}

function moveFocus(event, row) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const buttons = [...row.querySelectorAll("button:not([hidden])")];
  buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
}
