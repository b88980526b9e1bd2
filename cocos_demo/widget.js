// The browser's side of CorrespondenceWidget: shows what Python answers, and asks. All places are pixels of the given pictures.
const SIDES = ["photo", "exemplar"];
const HINT = "Click a point of either picture.";
const PATIENCE = 5000; // milliseconds until a missing answer is told

/** An element of HTML, or of SVG below an <svg>. */
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "line", "circle", "rect", "path", "polygon", "text"].includes(tag);
  const element = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const pixel = ([x, y]) => `${Math.floor(x)}, ${Math.floor(y)}`;
const swatch = (colour) => make("i", { class: "swatch", style: `background:${colour}` });
const badge = (number, [fill, ink]) => make("b", { class: "badge", style: `background:${fill};color:${ink}` }, String(number));
const bar = (share) => make("span", {}, make("i", { class: "bar", style: `width:${(5 * share).toFixed(2)}em` }), share.toFixed(3));

function table(head, rows) {
  const row = (kind, cells) => make("tr", {}, ...cells.map((cell) => make(kind, {}, cell)));
  return make("table", {}, make("thead", {}, row("th", head)), make("tbody", {}, ...rows.map((cells) => row("td", cells))));
}

/** One of the two pictures, with what is drawn over it. `ask` gets the pixel under the pointer; `resized` is told of a new width. */
class Plate {
  constructor(side, ask, resized) {
    this.side = side;
    this.caption = make("figcaption", {}, side);
    this.picture = make("img", { alt: side, draggable: "false" });
    this.drawing = make("svg", { "aria-hidden": "true" });
    const label = `${side}: arrow keys move a cross, Enter asks for the point under it`;
    this.plate = make("div", { class: "plate", tabindex: "0", role: "application", "aria-label": label,
      "data-lm-suppress-shortcuts": "true" }, this.picture, this.drawing);
    this.element = make("figure", { "data-side": side }, this.caption, this.plate);
    this.plate.addEventListener("click", (event) => {
      const box = this.picture.getBoundingClientRect();
      this.ask(ask, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
    this.plate.addEventListener("keydown", (event) => this.key(event, ask));
    this.plate.addEventListener("blur", () => this.cross?.remove());
    this.observer = new ResizeObserver(() => this.box && this.plate.clientWidth !== this.size[0] && resized());
    this.observer.observe(this.plate);
  }

  start({ box, size, outline }, plain) {
    if (this.plain) URL.revokeObjectURL(this.plain);
    [this.box, this.outline, this.plain] = [box, outline, plain];
    this.element.style.maxWidth = this.element.style.flexBasis = `${size[0]}px`;
    this.plate.style.aspectRatio = `${size[0]} / ${size[1]}`;
  }

  /** Shares of width and height -> the centre of the given picture's pixel there. */
  ask(ask, right, down) {
    const [left, top, width, height] = this.box;
    const inside = (share, length) => Math.min(Math.max(Math.floor(share * length), 0), length - 1);
    const at = [left + inside(right, width) + 0.5, top + inside(down, height) + 0.5];
    this.drawing.append(make("circle", { class: "pending", ...this.centre(at), r: 9 }));
    ask(this.side, at);
  }

  key(event, ask) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    const stride = event.shiftKey ? 0.05 : 0.01;
    this.place ??= [0.5, 0.5]; // shares of width and height
    if (step) this.place = this.place.map((at, i) => Math.min(Math.max(at + stride * step[i], 0), 1));
    else this.ask(ask, ...this.place);
    const [x, y] = this.place.map((at, i) => at * this.size[i]);
    this.cross?.remove();
    this.cross = make("path", { class: "cross", d: `M${x - 10} ${y}h20M${x} ${y - 10}v20` });
    this.drawing.append(this.cross);
  }

  onScreen([x, y]) {
    const [left, top, width, height] = this.box;
    return [((x - left) / width) * this.size[0], ((y - top) / height) * this.size[1]];
  }

  centre(at) {
    const [cx, cy] = this.onScreen(at);
    return { cx, cy };
  }

  clear(source) {
    this.picture.src = source ?? this.plain;
    this.size = [this.plate.clientWidth, this.plate.clientHeight];
    this.drawing.setAttribute("viewBox", `0 0 ${this.size.join(" ")}`);
    this.drawing.replaceChildren();
    if (!this.outline) return;
    this.drawing.append(make("polygon", { class: "outline", points: this.outline.map((at) => this.onScreen(at)).join(" ") }));
  }

  line(start, end, colour) {
    const [[x1, y1], [x2, y2]] = [this.onScreen(start), this.onScreen(end)];
    for (const [stroke, width] of [["black", 4.5], [colour, 2]])
      this.drawing.append(make("line", { x1, y1, x2, y2, stroke, "stroke-width": width }));
    return [x2, y2];
  }

  /** From a point to where its round trip ends: a white square. */
  way(start, end, colour) {
    const [x, y] = this.line(start, end, colour);
    this.drawing.append(make("rect", { class: "home", x: x - 5, y: y - 5, width: 10, height: 10 }));
  }

  /** Where a match should be. */
  star(at, colour) {
    const [x, y] = this.onScreen(at);
    for (const [reach, fill] of [[12, "black"], [10, "white"], [6.5, colour]]) {
      const corner = (i) => [i % 2 ? reach / 2 : reach, (i * Math.PI) / 5 - Math.PI / 2];
      const corners = Array.from({ length: 10 }, (_, i) => corner(i)).map(([r, turn]) => [x + r * Math.cos(turn), y + r * Math.sin(turn)]);
      this.drawing.append(make("polygon", { class: "star", fill, points: corners.join(" ") }));
    }
  }

  /** A numbered ring, for an answer a diamond. */
  mark(number, at, [fill, ink], answer = false) {
    const { cx, cy } = this.centre(at);
    const x = cx + (cx < this.size[0] - 32 ? 17 : -17);
    const y = cy + (cy > 32 ? -15 : 15);
    const disc = (cx, cy, r, how) => make("circle", { cx, cy, r, fill: "none", ...how });
    const diamond = (cx, cy, r, how) => make("path", { d: `M${cx} ${cy - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`, fill: "none", ...how });
    const [ring, r] = answer ? [diamond, 11] : [disc, 8.5];
    this.drawing.append(make("g", { "data-number": number, "data-at": at.join(" ") },
      ring(cx, cy, r, { stroke: "black", "stroke-width": 5.5 }), ring(cx, cy, r, { stroke: fill, "stroke-width": 3 }),
      disc(cx, cy, 3, { fill: "black" }), disc(cx, cy, 2, { fill }),
      disc(x, y, 9.5, { fill, stroke: "black", "stroke-width": 1.4 }),
      make("text", { x, y, fill: ink, "text-anchor": "middle", "dominant-baseline": "central" }, String(number))));
  }
}

/** Undo, Clear, alpha, and what the heat shows. */
function toolbar(ask) {
  const tools = make("div", { class: "tools" });
  const buttons = ["Undo", "Clear"].map((what) => {
    const button = make("button", { type: "button" }, what);
    button.addEventListener("click", () => ask({ do: what.toLowerCase() }));
    tools.append(button);
    return button;
  });
  const name = `heat-${Math.random()}`;
  const radios = ["cosines", "weights"].map((heat) => {
    const radio = make("input", { type: "radio", name, value: heat });
    radio.addEventListener("change", () => ask({ do: "heat", heat }));
    tools.append(make("label", {}, radio, heat === "cosines" ? "cosines (Eq. 3)" : "softmax weights (Eq. 4)"));
    return radio;
  });
  const slider = make("input", { type: "range", min: 1, max: 200, step: 1 });
  const value = make("output");
  slider.addEventListener("input", () => {
    value.textContent = slider.value;
    ask({ do: "alpha", alpha: Number(slider.value) });
  });
  tools.append(make("label", {}, "alpha", slider, value));
  return { tools, show({ points, alpha, heat }) {
    buttons.forEach((button) => (button.disabled = !points.length));
    radios.forEach((radio) => (radio.checked = radio.value === heat));
    if (document.activeElement !== slider || !value.textContent) [slider.value, value.textContent] = [alpha, Math.round(alpha)];
  } };
}

/** All points, last first. */
function pointsTable(points, colours) {
  const known = points.some((point) => point.truth);
  const head = ["", "point", "match", "cosine", "there and back", ...(known ? ["true place", "match is off"] : [])];
  return table(head, points.map((p, i) => [badge(i + 1, colours[i]), `${p.source} ${pixel(p.at)}`, pixel(p.match),
    p.score.toFixed(3), p.off === 0 ? "home" : `${p.off.toFixed(0)} px off`,
    ...(known ? (p.truth ? [pixel(p.truth), `${p.error.toFixed(1)} px`] : ["hidden", ""]) : [])]).reverse());
}

/** The best five of the last point, the rest, and what they blend to. */
function numbersTable({ best, rest, blend }) {
  return table(["", "place", "cosine", "softmax weight"], [
    ...best.map((c) => [swatch(c.colour), pixel(c.at), c.score.toFixed(3), bar(c.weight)]),
    ["", "all others", "", bar(rest)], [swatch(blend), "their blend", "", "Eq. 4"]]);
}

export default {
  render({ model, el }) {
    let colours, late, next, redraw; // next: a message that waits for the answer to the one before
    let waiting = false;
    const urls = [];
    const plates = Object.fromEntries(SIDES.map((side) => [side, new Plate(side, (on, at) => ask({ do: "click", on, at }), () => redraw?.())]));
    const { tools, show } = toolbar(ask);
    const status = make("p", { role: "status" });
    const tables = make("div", { class: "tables" });
    el.classList.add("cocos-widget");
    el.append(make("div", { class: "plates" }, ...SIDES.map((side) => plates[side].element)), tools, status, tables);

    function ask(message) {
      if (message.do === "alpha" && waiting) return (next = message); // a slider that is drawn: only its last place counts
      waiting = true;
      clearTimeout(late);
      late = setTimeout(() => say("Python has not answered yet. If no cell is running, run this cell again."), PATIENCE);
      model.send(message);
    }

    function say(words, kind = "") {
      status.textContent = words;
      status.className = kind;
    }

    function answered(message, buffers) {
      waiting = false;
      clearTimeout(late);
      const pictures = buffers.map((bytes) => URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));
      if (message.start) {
        colours = message.start.colours;
        SIDES.forEach((side, i) => plates[side].start(message.start[side], pictures.shift()));
      }
      if (!colours) return; // an answer to another view of this widget, before this one has begun
      if (message.error) {
        for (const pending of el.querySelectorAll(".pending")) pending.remove();
        say(message.error, "error");
      } else {
        urls.splice(0).forEach(URL.revokeObjectURL);
        urls.push(...pictures);
        redraw = () => draw(message, pictures);
        redraw();
      }
      if (!next) return;
      const again = next;
      next = undefined;
      ask(again);
    }

    function draw({ start, points, last, painted, alpha, heat }, pictures) {
      show({ points, alpha, heat });
      for (const side of SIDES) {
        plates[side].clear(painted.includes(side) ? pictures[painted.indexOf(side)] : undefined);
        plates[side].caption.textContent = side;
      }
      const other = (side) => plates[SIDES[1 - SIDES.indexOf(side)]];
      if (!points.length) {
        tables.replaceChildren();
        return say(`${HINT} Until then, equal colours match.`);
      }
      const [now, number] = [points.at(-1), points.length];
      const [here, there, colour] = [plates[now.source], other(now.source), colours[number - 1]];
      there.caption.textContent = `${there.side}: ${heat === "cosines" ? "cosines with" : "softmax weights of"} point ${number}`;
      if (now.off > 0) here.way(now.at, now.home, colour[0]);
      if (now.truth) there.line(now.match, now.truth, colour[0]);
      points.forEach((point, i) => {
        plates[point.source].mark(i + 1, point.at, colours[i]);
        other(point.source).mark(i + 1, point.match, colours[i], true);
      });
      points.forEach((point, i) => point.truth && other(point.source).star(point.truth, colours[i][0]));
      const off = now.off === 0 ? "finds home" : `lands ${now.off.toFixed(0)} px off (white square)`;
      const error = now.truth ? ` The true place is ${now.error.toFixed(1)} px from its match (star).` : "";
      say(`${start ? HINT : ""} There and back, point ${number} ${off}.${error}`);
      tables.replaceChildren(make("div", {}, pointsTable(points, colours)), make("div", {}, numbersTable(last)));
    }

    model.on("msg:custom", answered);
    ask({ do: "start" });
    return () => {
      clearTimeout(late);
      model.off("msg:custom", answered);
      SIDES.forEach((side) => plates[side].observer.disconnect());
      [...urls, ...SIDES.map((side) => plates[side].plain)].forEach((url) => url && URL.revokeObjectURL(url));
    };
  },
};
