// openPage(link, dialog): shows the main part of another page of this site in a modal dialog instead of leaving this
// one; gives the dialog. A link in it with `data-close` and the button "close" end it, as Escape does.
import { folded } from "choices";
import { piece } from "server";

let number = 0;

export async function openPage(link, dialog) {
  const main = await piece(link.href, "main");
  if (!main) return location.assign(link.href);
  const heading = main.querySelector("h1");
  heading.id = `page-${++number}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const close = dialog.querySelector("[name=close]");
  dialog.append(...main.childNodes);
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[name=close], [data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  filter(dialog);
  dialog.showModal();
  // With a finger the field would bring up the keyboard, which covers half of the dialog.
  const field = matchMedia("(hover: none)").matches ? null : dialog.querySelector("input[type=search]");
  (field ?? close).focus();
  return dialog;
}

// A long list of choices is narrowed down while one types.
function filter(dialog) {
  const field = dialog.querySelector("fieldset input[type=search]");
  if (!field) return;
  field.hidden = false;
  field.addEventListener("input", () => {
    const wanted = folded(field.value);
    for (const label of dialog.querySelectorAll("fieldset label")) label.hidden = !folded(label.textContent).includes(wanted);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    dialog.querySelector("fieldset label:not([hidden]) input")?.click();
  });
}
