// A guided tour: a card in a corner that names one control after the other. It is offered once, and never in the way.
const KEY = "cocos_demo.toured", still = matchMedia("(prefers-reduced-motion: reduce)");
const remembered = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
const remember = () => { try { localStorage.setItem(KEY, "1"); } catch {} welcome(); };
let card = null, now = 0, from = null;

// Who has not been here before is asked; the others find the same words, smaller.
function welcome() {
  document.body.classList.toggle("new-here", !remembered());
}

function begin(asker) {
  end();
  from = asker;
  document.querySelector("[role=tablist] [role=tab]")?.click(); // the first tab has all that is shown
  card = document.createElement("section");
  card.className = "tour";
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", "Show me around");
  card.innerHTML = `<p aria-live="polite"></p><div><span></span><button type="button" data-by="-1">Back</button>
    <button type="button" data-by="1"></button><button type="button" class="end" aria-label="End the tour">×</button></div>`;
  document.querySelector(".gradio-container").append(card);
  show(0);
}

function show(step) {
  now = Math.min(Math.max(step, 0), STEPS.length - 1);
  const [selector, words] = STEPS[now], control = [...document.querySelectorAll(selector)].find(each => each.offsetParent);
  document.querySelector(".toured")?.classList.remove("toured");
  control?.classList.add("toured");
  control?.scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
  const box = control?.getBoundingClientRect();
  card.classList.toggle("left", !!box && box.left + box.width / 2 > innerWidth / 2); // away from what is shown
  const [back, next] = card.querySelectorAll("[data-by]");
  card.querySelector("p").textContent = words;
  card.querySelector("span").textContent = `${now + 1} of ${STEPS.length}`;
  back.disabled = !now;
  next.textContent = now < STEPS.length - 1 ? "Next" : "Done";
  next.focus({ preventScroll: true });
}

function end() {
  document.querySelector(".toured")?.classList.remove("toured");
  card?.remove();
  card = null;
}

function close() {
  end();
  remember();
  (from?.isConnected ? from : document.querySelector(".around"))?.focus();
}

const go = by => now + by < STEPS.length ? show(now + by) : close();
document.addEventListener("click", event => {
  const part = event.target.closest(".around, .no-tour, .tour button");
  if (!part) return;
  if (part.matches(".around")) begin(part);
  else if (part.matches(".no-tour")) { remember(); document.querySelector(".around").focus(); }
  else if (part.matches(".end")) close();
  else go(Number(part.dataset.by));
});
document.addEventListener("keydown", event => {
  if (!card || !(event.key === "Escape" || card.contains(event.target))) return;
  // Enter presses the button that it is on.
  const does = { Escape: close, ArrowRight: () => go(1), ArrowLeft: () => go(-1) }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
welcome();
