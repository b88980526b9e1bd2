// Pictures that are in the page already, side by side, as one PNG: of a link or button with `data-sheet`, a selector of what
// holds them, and `data-name`, the file's. A title stands over each, where the page has one in `figcaption b`.
const SIDE = 512, HEAD = 40;

function sheet(holders) {
  const found = holders.filter(each => each.offsetParent).map(each => {
    const images = [...each.querySelectorAll("img")];
    return [images.find(image => image.closest(".now")) ?? images[0], each.querySelector("figcaption b")?.textContent ?? ""];
  }).filter(([image]) => image?.naturalWidth);
  const top = found.some(([, title]) => title) ? HEAD : 0;
  const canvas = Object.assign(document.createElement("canvas"), { width: found.length * SIDE, height: SIDE + top });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "black";
  pen.font = "22px system-ui, sans-serif";
  found.forEach(([image, title], i) => {
    pen.imageSmoothingEnabled = image.naturalWidth > SIDE; // small maps keep their pixels
    pen.drawImage(image, i * SIDE, top, SIDE, SIDE);
    pen.fillText(title, i * SIDE + 8, 28);
  });
  return canvas;
}

document.addEventListener("click", event => {
  const asked = event.target.closest("[data-sheet]");
  if (!asked) return;
  event.preventDefault();
  sheet([...document.querySelectorAll(asked.dataset.sheet)]).toBlob(file => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: asked.dataset.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
});
