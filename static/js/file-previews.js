// Previews of the files of the next message: a thumbnail for pictures, name and size, and what is wrong with a file
// that can't be sent.

// `chosen` are {file, wrong}; `remove` gets the one whose button was pressed.
export function draw(list, chosen, remove) {
  list.hidden = !chosen.length;
  list.replaceChildren(...chosen.map((one) => preview(list, one, remove)));
  list.querySelector(".is-failed")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function preview(list, one, remove) {
  const { file, wrong } = one;
  const row = list.parentElement.querySelector("template.chosen-file").content.cloneNode(true).firstElementChild;
  row.classList.toggle("is-failed", Boolean(wrong));
  row.querySelector("b").textContent = file.name;
  row.querySelector("small").textContent = wrong || sizeOf(file.size, list);
  if (!wrong && file.type.startsWith("image/")) picture(row.querySelector(".file-mark"), file);
  const words = row.querySelector("button span");
  words.textContent = words.textContent.replace("{name}", file.name);
  row.querySelector("button").addEventListener("click", () => remove(one));
  return row;
}

function picture(mark, file) {
  const image = new Image();
  const address = URL.createObjectURL(file);
  const done = () => URL.revokeObjectURL(address);
  image.alt = "";
  image.decoding = "async";
  image.addEventListener("load", () => {
    mark.replaceWith(image);
    done();
  });
  // A picture that the browser can't decode keeps the file icon.
  image.addEventListener("error", done);
  image.src = address;
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
