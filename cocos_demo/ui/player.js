// The player of the PatchMatch tab. Everything is in the page already: of what carries a number, `data-at`, the frame's is shown.
// `element` and `watch` are gradio's.
const one = selector => element.querySelector(selector);
let timer = null;

function show(at) {
  if (!one(".at")) return;
  const last = Number(one(".at").max);
  at = Math.min(Math.max(at, 0), last);
  one(".at").value = at;
  for (const part of element.querySelectorAll("[data-at]")) part.classList.toggle("now", Number(part.dataset.at) === at);
  one(".at").setAttribute("aria-valuetext", one(".told .now strong").textContent);
  if (at === last) stop();
}

function stop() {
  clearInterval(timer);
  timer = null;
  if (one(".play")) one(".play").textContent = "▶ Play";
}

function play() {
  const range = one(".at");
  if (range.value === range.max) show(0);
  clearInterval(timer);
  timer = setInterval(() => range.isConnected ? show(Number(range.value) + 1) : stop(), Number(one(".speed").value));
  one(".play").textContent = "❚❚ Pause";
}

element.addEventListener("input", event => {
  if (event.target.matches(".at")) { stop(); show(Number(event.target.value)); }
});
element.addEventListener("change", event => { if (event.target.matches(".speed") && timer) play(); });
element.addEventListener("click", event => {
  const part = event.target.closest("button, circle");
  if (!part) return;
  if (part.matches(".frame")) return stop(); // save.js saves it
  if (part.matches(".play")) return timer ? stop() : play();
  stop();
  show(part.matches("circle") ? Number(part.dataset.at) : Number(one(".at").value) + Number(part.dataset.by));
});
watch("value", () => { stop(); show(0); });
