// For those who see little, or use no mouse: words for every picture, and pictures that are pointed at by keyboard.
const STEP = 16, FINE = 1; // pixels of 512 that an arrow moves the cross, and with Shift
const POINT = "arrow keys move a cross, with Shift slowly; Enter asks for its match";
const SPOKEN = ["points", "compare-answers", "blind-told"]; // answers that are read out when they come
const hidden = {}; // labels that gradio leaves out of the page where they are not shown, by elem_id
for (const { props } of window.gradio_config?.components ?? []) {
  if (props?.elem_id && props.label) hidden[props.elem_id] = props.label;
}

// The name of a picture's file, in words; nothing where the program gave it one of no meaning.
function named(source) {
  if (source.startsWith("data:")) return "";
  const name = decodeURIComponent(source.split(/[?#]/)[0].split("/").pop()).replace(/\.\w+$/, "");
  return /^(picture|image|composite|background|layer|tmp.*|[0-9a-f]{16,})?$/i.test(name) ? "" : name.replaceAll("_", " ");
}

function describe(image) {
  const block = image.closest(".block"), name = named(image.src);
  const thumbnail = image.closest("button[aria-label^=Thumbnail], button[data-place]");
  if (thumbnail) {
    thumbnail.dataset.place ??= thumbnail.getAttribute("aria-label").replace(/\D*(\d+\D+\d+)$/, "$1");
    const star = thumbnail.querySelector(".caption-label")?.innerText.includes("★") ? ", rendered" : "";
    image.alt = name || "Picture";
    thumbnail.setAttribute("aria-label", `${image.alt}${star}, ${thumbnail.dataset.place}`);
    return;
  }
  const label = block?.querySelector("label[data-testid=block-label]")?.innerText.trim() || hidden[block?.id] || "";
  if (!label || image.closest(".html-container")) return; // our own HTML has its words
  image.alt = name ? `${label}: ${name}` : label;
  if (block.matches(".pointed")) image.closest("button")?.setAttribute("aria-label", `${label}: ${POINT}`);
}

let asked = false;
function look() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    document.querySelectorAll(".gradio-container .block img").forEach(describe);
    document.querySelectorAll("[data-testid=slider][role=none]").forEach(lineUp);
    for (const id of SPOKEN) document.getElementById(id)?.setAttribute("aria-live", "polite");
  });
}
new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["src"] });
look();

// The cross on a picture that can be pointed at: where it is, in pixels of 512, by elem_id.
const at = {};
function cross(block) {
  const image = block.querySelector("img").getBoundingClientRect(), around = block.getBoundingClientRect();
  const [x, y] = at[block.id].map(i => (i + 0.5) / 512);
  const mark = block.querySelector(".cross") ?? block.appendChild(document.createElement("output"));
  mark.className = "cross";
  mark.style.left = `${image.left - around.left + x * image.width}px`;
  mark.style.top = `${image.top - around.top + y * image.height}px`;
  mark.textContent = at[block.id].join(", ");
  return { clientX: image.left + x * image.width, clientY: image.top + y * image.height };
}

document.addEventListener("keydown", event => {
  const block = event.target.closest?.(".pointed");
  if (!block?.querySelector("img") || event.ctrlKey || event.metaKey || event.altKey) return;
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!way && event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault(); // the button's own click would come from no place
  at[block.id] ??= [256, 256];
  const far = event.shiftKey ? FINE : STEP;
  if (way) at[block.id] = at[block.id].map((i, axis) => Math.min(Math.max(i + way[axis] * far, 0), 511));
  const place = cross(block);
  if (way || event.repeat) return;
  const click = new MouseEvent("click", { bubbles: true, cancelable: true, view: window, ...place });
  block.querySelector("img").dispatchEvent(click);
});
document.addEventListener("keyup", event => {
  if (event.key === " " && event.target.closest?.(".pointed")) event.preventDefault();
});
document.addEventListener("focusin", event => {
  const block = event.target.closest?.(".pointed");
  if (!block?.querySelector("img") || !event.target.matches(":focus-visible")) return;
  at[block.id] ??= [256, 256];
  cross(block);
});
document.addEventListener("focusout", event => event.target.closest?.(".pointed")?.querySelector(".cross")?.remove());

// The line between two pictures that lie under one another: gradio's own is for a mouse, so the keys draw it like one.
function lineUp(line) {
  const block = line.closest(".block"), words = block.querySelector("label[data-testid=block-label]")?.innerText.trim();
  const is = { role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50,
    "aria-label": `Line between ${words || hidden[block.id] || "two pictures"}` };
  for (const [name, value] of Object.entries(is)) line.setAttribute(name, value);
}

document.addEventListener("keydown", event => {
  const line = event.target.closest?.("[data-testid=slider][role=slider]"), by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!line || !by) return;
  event.preventDefault();
  const own = line.getBoundingClientRect(), all = line.parentElement.getBoundingClientRect();
  const start = own.left + own.width / 2, end = Math.min(Math.max(start + by * all.width / 20, all.left), all.right);
  for (const [what, to, x] of [["mousedown", line, start], ["mousemove", window, end], ["mouseup", window, end]]) {
    to.dispatchEvent(new MouseEvent(what, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: own.top + 20 }));
  }
  line.setAttribute("aria-valuenow", Math.round(100 * (end - all.left) / all.width));
});

document.addEventListener("click", event => {
  if (!event.target.closest(".skip")) return;
  event.preventDefault();
  const panel = [...document.querySelectorAll("[role=tabpanel]")].find(each => each.offsetParent);
  panel.tabIndex = -1;
  panel.focus();
});
