// The browser's side of CorrespondenceWidget: shows what Python answers, and asks. All places are pixels of the given pictures.
const HINT = "Click a point of either picture.";
const PATIENCE = 5000; // milliseconds until a missing answer is told
const LOWER = ["B", "D"]; // letters below their mark, so that two in one place are both read
const CENTRED = { "text-anchor": "middle", "dominant-baseline": "central" };

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

/** A panel's picture, with what is drawn over it. `ask` gets the pixel under the pointer; `resized` is told of a new width. */
class Plate {
  constructor(panel, title, ask, resized) {
    [this.panel, this.title] = [panel, title];
    this.caption = make("figcaption", {}, title);
    this.picture = make("img", { alt: title, draggable: "false" });
    this.drawing = make("svg", { "aria-hidden": "true" });
    const label = `${title}: arrow keys move a cross, Enter asks for the point under it`;
    this.plate = make("div", { class: "plate", tabindex: "0", role: "application", "aria-label": label,
      "data-lm-suppress-shortcuts": "true" }, this.picture, this.drawing);
    this.element = make("figure", { "data-side": panel ? "exemplar" : "photo", "data-panel": panel }, this.caption, this.plate);
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
    ask(this.panel, at);
  }

  end() {
    this.observer.disconnect();
    URL.revokeObjectURL(this.plain);
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

  /** From a point to where its round trip ends: a white square, with the letter of who went there. */
  way(start, end, colour, letter) {
    const [x, y] = this.line(start, end, colour);
    const reach = letter ? 8 : 5;
    this.drawing.append(make("rect", { class: "home", x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach }),
      make("text", { x, y, ...CENTRED }, letter));
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

  /** A numbered ring, for an answer a diamond; several who answer on one picture have letters. */
  mark(number, at, [fill, ink], answer = false, letter = "") {
    const { cx, cy } = this.centre(at);
    const x = cx + (cx < this.size[0] - 32 ? 17 : -17);
    const below = LOWER.includes(letter) && cy < this.size[1] - 32;
    const y = cy + (cy > 32 && !below ? -15 : 15);
    const disc = (cx, cy, r, how) => make("circle", { cx, cy, r, fill: "none", ...how });
    const diamond = (cx, cy, r, how) => make("path", { d: `M${cx} ${cy - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`, fill: "none", ...how });
    const [ring, r] = answer ? [diamond, 11] : [disc, 8.5];
    this.drawing.append(make("g", { "data-number": number, "data-at": at.join(" ") },
      ring(cx, cy, r, { stroke: "black", "stroke-width": 5.5 }), ring(cx, cy, r, { stroke: fill, "stroke-width": 3 }),
      disc(cx, cy, 3, { fill: "black" }), disc(cx, cy, 2, { fill }),
      disc(x, y, 9.5, { fill, stroke: "black", "stroke-width": 1.4 }),
      make("text", { x, y, fill: ink, ...CENTRED, style: `font-size: ${letter ? 10 : 12}px` }, `${number}${letter}`)));
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

/** All points, last first; of several who answer, a row each. `each`: the points as each answers; `letters`: who it is. */
function pointsTable(each, colours, letters) {
  const [first] = each;
  const known = first.some((point) => point.truth);
  const several = each.length > 1;
  const head = ["", "point", ...(several ? [""] : []), "match", "cosine", "there and back", ...(known ? ["true place", "match is off"] : [])];
  const row = (p, i, m) => [...(m ? ["", ""] : [badge(i + 1, colours[i]), `${p.source} ${pixel(p.at)}`]), ...(several ? [letters[m]] : []),
    pixel(p.match), p.score.toFixed(3), p.off === 0 ? "home" : `${p.off.toFixed(0)} px off`,
    ...(known ? (p.truth ? [m ? "" : pixel(p.truth), `${p.error.toFixed(1)} px`] : [m ? "" : "hidden", ""]) : [])];
  return table(head, first.map((_, i) => each.map((points, m) => row(points[i], i, m))).reverse().flat());
}

/** The best five of the last point, the rest, and what they blend to. */
function numbersTable({ best, rest, blend }) {
  return table(["", "place", "cosine", "softmax weight"], [
    ...best.map((c) => [swatch(c.colour), pixel(c.at), c.score.toFixed(3), bar(c.weight)]),
    ["", "all others", "", bar(rest)], [swatch(blend), "their blend", "", "Eq. 4"]]);
}

/** What the last point came to, in words; of several who answer, of each. */
function inWords(each, letters) {
  const number = each[0].length;
  const by = (m) => (letters[m] ? `by ${letters[m]} ` : "");
  const offs = each.map((points, m) => {
    const { off } = points.at(-1);
    return by(m) + (off === 0 ? "finds home" : `lands ${off.toFixed(0)} px off (white square)`);
  });
  const there = `There and back, point ${number} ${offs.join(", ")}.`;
  if (!each[0].at(-1).truth) return there;
  const errors = each.map((points, m) => `${points.at(-1).error.toFixed(1)} px from ${letters[m] ? `${letters[m]}’s` : "its"} match`);
  return `${there} The true place is ${errors.join(", ")} (star).`;
}

export default {
  render({ model, el }) {
    let names, letters, colours, late, next, redraw; // next: a message that waits for the answer to the one before
    let [waiting, plates] = [false, []]; // the photo's plate, then one for the exemplar of each who answers
    const urls = [];
    const { tools, show } = toolbar(ask);
    const status = make("p", { role: "status" });
    const [row, tables] = ["plates", "tables"].map((name) => make("div", { class: name }));
    el.classList.add("cocos-widget");
    el.append(row, tools, status, tables);

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

    function begin(start, pictures) {
      ({ names, letters, colours } = start);
      plates.forEach((plate) => plate.end());
      plates = ["photo", ...names].map((title, panel) =>
        new Plate(panel, title, (panel, at) => ask({ do: "click", panel, at }), () => redraw?.()));
      plates.forEach((plate, panel) => plate.start(start.panels[panel], pictures.shift()));
      row.replaceChildren(...plates.map((plate) => plate.element));
    }

    function answered(message, buffers) {
      waiting = false;
      clearTimeout(late);
      const pictures = buffers.map((bytes) => URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));
      if (message.start) begin(message.start, pictures);
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

    function draw({ start, answers, by, painted, alpha, heat }, pictures) {
      const each = answers.map((answer) => answer.points);
      const [photo, ...exemplars] = plates;
      show({ points: each[0], alpha, heat });
      plates.forEach((plate, panel) => {
        plate.clear(painted.includes(panel) ? pictures[painted.indexOf(panel)] : undefined);
        plate.caption.textContent = plate.title;
      });
      if (!each[0].length) {
        tables.replaceChildren();
        return say(`${HINT} Until then, equal colours match.`);
      }
      const number = each[0].length;
      const whose = photo === plates[painted[0]] && letters[by] ? `, by ${letters[by]}` : "";
      for (const panel of painted)
        plates[panel].caption.textContent += `: ${heat === "cosines" ? "cosines with" : "softmax weights of"} point ${number}${whose}`;
      each.forEach((points, m) => ways(points.at(-1), colours[number - 1][0], letters[m], { photo, exemplar: exemplars[m] }));
      each.forEach((points, m) => marks(points, letters[m], { photo, exemplar: exemplars[m] }));
      say(`${start ? HINT : ""} ${inWords(each, letters)}`);
      const numbers = answers.map(({ last }, m) => make("div", {}, ...(letters[m] ? [make("strong", {}, names[m])] : []), numbersTable(last)));
      tables.replaceChildren(make("div", {}, pointsTable(each, colours, letters)), ...numbers);
    }

    /** Of one who answers: where the last point's round trip ends, and from its match to where that should be. */
    function ways(point, colour, letter, two) {
      const [here, there] = sides(point, two);
      if (point.off > 0) here.way(point.at, point.home, colour, here.panel ? "" : letter);
      if (point.truth) there.line(point.match, point.truth, colour);
    }

    /** The points and matches of one who answers, on the photo and its own exemplar; what all share, on the photo, once. */
    function marks(points, letter, two) {
      points.forEach((point, i) => {
        const [here, there] = sides(point, two);
        if (here.panel || two.exemplar.panel === 1) here.mark(i + 1, point.at, colours[i]);
        there.mark(i + 1, point.match, colours[i], true, there.panel ? "" : letter);
      });
      points.forEach((point, i) => point.truth && sides(point, two)[1].star(point.truth, colours[i][0]));
    }

    /** The plates that a point was clicked and answered on. */
    const sides = ({ source }, { photo, exemplar }) => (source === "photo" ? [photo, exemplar] : [exemplar, photo]);

    model.on("msg:custom", answered);
    ask({ do: "start" });
    return () => {
      clearTimeout(late);
      model.off("msg:custom", answered);
      plates.forEach((plate) => plate.end());
      urls.forEach((url) => URL.revokeObjectURL(url));
    };
  },
};
