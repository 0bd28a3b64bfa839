// Previews of the files of the next message: a thumbnail for pictures, name and size, and what is wrong with a file
// that can't be sent.

// `chosen` are {file, problem}; `remove` gets the one whose button was pressed.
export function draw(list, chosen, remove) {
  list.hidden = !chosen.length;
  list.replaceChildren(...chosen.map((one) => preview(list, one, remove)));
  list.querySelector(".is-failed")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function preview(list, one, remove) {
  const { file, problem } = one;
  const row = list.parentElement.querySelector("template.chosen-file").content.cloneNode(true).firstElementChild;
  row.classList.toggle("is-failed", Boolean(problem));
  row.querySelector("b").textContent = file.name;
  row.querySelector("small").textContent = problem || sizeOf(file.size, list);
  if (!problem && file.type.startsWith("image/")) picture(row.querySelector(".file-mark"), file);
  const label = row.querySelector("button span");
  label.textContent = label.textContent.replace("{name}", file.name);
  row.querySelector("button").addEventListener("click", () => remove(one));
  return row;
}

function picture(icon, file) {
  const image = new Image();
  const url = URL.createObjectURL(file);
  const release = () => URL.revokeObjectURL(url);
  image.alt = "";
  image.decoding = "async";
  image.addEventListener("load", () => {
    icon.replaceWith(image);
    release();
  });
  // A picture that the browser can't decode keeps the file icon.
  image.addEventListener("error", release);
  image.src = url;
}

// As on the server, a kilobyte is 1,024 bytes.
function sizeOf(size, list) {
  const units = list.dataset.units.split(" ");
  let amount = size;
  while (amount >= 1024 && units.length > 1) {
    amount /= 1024;
    units.shift();
  }
  const digits = { maximumFractionDigits: amount < 10 && units.length < 3 ? 1 : 0 };
  return `${amount.toLocaleString(document.documentElement.lang, digits)} ${units[0]}`;
}
