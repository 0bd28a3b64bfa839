// openPage(link, dialog): shows the main part of another page of this site in a modal dialog; resolves to the dialog.
// Esc, its close button, and a link with `data-close` close it. Its forms are submitted to their own page.
import { folded } from "choices";
import { isEnter } from "keys";
import { leave, showModal } from "navigation";
import { fetchFragment } from "server";

let pageCount = 0;

export async function openPage(link, dialog) {
  const main = await fetchFragment(link.href, "main");
  if (!main) return leave(link.href);
  const heading = main.querySelector("h1");
  heading.id = `page-${++pageCount}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const close = dialog.querySelector("[name=close]");
  for (const form of main.querySelectorAll("form:not([action])")) form.action = link.href;
  dialog.append(...main.childNodes);
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[name=close], [data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  addFilter(dialog);
  showModal(dialog);
  // On touch screens the keyboard would cover half of the dialog.
  const field = matchMedia("(hover: none)").matches ? null : dialog.querySelector("input[type=search]");
  (field ?? close).focus();
  return dialog;
}

// Filters a long list of choices while the user types.
function addFilter(dialog) {
  const field = dialog.querySelector("fieldset input[type=search]");
  if (!field) return;
  field.hidden = false;
  field.addEventListener("input", () => {
    const wanted = folded(field.value);
    for (const label of dialog.querySelectorAll("fieldset label"))
      label.hidden = !folded(label.textContent).includes(wanted);
  });
  field.addEventListener("keydown", (event) => {
    if (!isEnter(event)) return;
    event.preventDefault();
    dialog.querySelector("fieldset label:not([hidden]) input")?.click();
  });
}
