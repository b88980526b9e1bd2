"""The canvas: a condition to be looked at and drawn on, and the palette that chooses the brush."""

import html

import gradio as gr
import numpy as np
from PIL import Image, ImageOps

from cocos_demo.conditions import LabelKind
from cocos_demo.drawings import drawable, drawn, on_paper, over
from cocos_demo.translator import Condition, on_canvas
from cocos_demo.ui.common import HEIGHT, hexadecimal, in_boxes, in_facts

SIDE = 512  # pixels, whatever the network's own
BRUSH, MAP_BRUSH, LARGEST = 6, 24, 80  # radius to begin with, for lines and for maps, and at most, in pixels of the canvas
MANY = 24  # classes from which on they are searched
LIGHTNESS = ("The network sees lightness alone and paints the exemplar’s colours at {0} × {0}; your photo keeps its own "
             "lightness and resolution, and takes these colours.")
# A chip that is clicked, and the slider, set the brush, in the browser alone; the search hides the chips that are not meant.
JS = """
const palette = () => element.querySelector('.palette'), find = () => palette().querySelector('[type=search]');
const tell = () => {
    const pen = document.querySelector('#EDITOR [aria-label=Brush]');
    if (pen && !pen.classList.contains('highlight')) pen.click();
    const colour = palette().querySelector('.on').dataset.colour, size = Number(palette().querySelector('[type=range]').value);
    window.cocosBrush = {brush: {colors: [colour], default_color: colour, color_mode: 'fixed', default_size: size},
                         eraser: {default_size: size}};
    trigger('select');
};
const choose = chip => {
    palette().querySelectorAll('.on').forEach(other => other.classList.remove('on'));
    chip.classList.add('on');
    palette().querySelector('.now').innerHTML = chip.innerHTML;
    tell();
};
const shown = () => [...palette().querySelectorAll('button')].filter(chip => !chip.hidden);
element.addEventListener('click', event => { const chip = event.target.closest('.palette button'); if (chip) choose(chip); });
element.addEventListener('change', event => { if (event.target.type === 'range') tell(); });
element.addEventListener('input', event => {
    if (event.target.type !== 'search') return;
    const words = event.target.value.trim().toLowerCase();
    palette().querySelectorAll('button').forEach(chip => { chip.hidden = !chip.dataset.name.includes(words); });
    palette().querySelector('.none').hidden = shown().length > 0;
});
element.addEventListener('keydown', event => {
    if (event.target.type === 'search' && event.key === 'Enter' && shown().length) choose(shown()[0]);
});
"""
BRUSHED = "() => ({__type__: 'update', ...window.cocosBrush})"


def editor(elem_id: str = "editor") -> gr.ImageEditor:
    """The canvas, still empty."""
    plain = {"sources": [], "transforms": [], "layers": False, "buttons": [], "show_label": False}
    kept = {"format": "png", "image_mode": "RGBA", "type": "pil"}
    return gr.ImageEditor(canvas_size=(SIDE, SIDE), fixed_canvas=True, height=HEIGHT + 70, elem_id=elem_id, **plain, **kept)


def about(elem_id: str = "about", editor: str = "editor") -> gr.HTML:
    """What is said of the condition, with the palette in it; at its event `select`, BRUSHED gives the editor, of that `elem_id`,
    the brush."""
    return gr.HTML(padding=False, js_on_load=JS.replace("EDITOR", editor), elem_id=elem_id)


def colours(kind) -> list[str]:
    """The colours of a kind's brushes, by channel."""
    return ["#000000"] if on_paper(kind) else [hexadecimal(colour) for colour in kind.palette]


def picture(condition: Condition) -> Image.Image:
    """The condition as it is drawn, on black or on paper."""
    return ImageOps.invert(condition.image) if on_paper(condition.kind) else condition.image


def canvas(condition: Condition, drawing: Image.Image | None = None) -> gr.ImageEditor:
    """The condition, or what was drawn over it, as a layer over its ground, so that the eraser uncovers that; a brush in the
    first of the kind's colours."""
    shown = on_canvas(picture(condition), SIDE) if drawing is None else drawing
    ground = Image.new("RGB", shown.size, "white" if on_paper(condition.kind) else "black")
    # With a composite given, the browser would lay that below the layer, and the eraser would uncover the same again.
    value = {"background": ground, "layers": [shown.convert("RGBA")], "composite": None}
    if not drawable(condition):
        return gr.ImageEditor(value, brush=False, eraser=False)
    return gr.ImageEditor(value, **tools(colours(condition.kind)[first(condition)], size(condition.kind)))


def size(kind) -> int:
    """The brush's radius to begin with, in pixels of the canvas."""
    return MAP_BRUSH if isinstance(kind, LabelKind) else 3 if on_paper(kind) else BRUSH


def first(condition: Condition) -> int:
    """The channel that the brush begins with: of a map not the background, which an eraser leaves too."""
    return int(isinstance(condition.kind, LabelKind))


def tools(colour: str, size: int) -> dict:
    """Brush and eraser of a size, for a gr.ImageEditor."""
    return {"brush": gr.Brush(colors=[colour], color_mode="fixed", default_size=size), "eraser": gr.Eraser(default_size=size)}


def changed(condition: Condition, edited: dict | None) -> Condition:
    """The condition as it was drawn over on the canvas."""
    drawing = drawing_of(condition, edited)
    return condition if drawing is None else over(condition, drawing)


def drawing_of(condition: Condition, edited: dict | None) -> Image.Image | None:
    """What is on the canvas, RGB; None where nothing can be drawn."""
    if not edited or not edited["layers"] or not drawable(condition):
        return None
    return flat(edited["layers"], "white" if on_paper(condition.kind) else "black").convert("RGB")


def flat(layers: list[Image.Image], ground: str = "black") -> Image.Image:
    """What is seen of the layers over their ground; the background is left out, since a cleared canvas has a white one."""
    picture = Image.new("RGBA", layers[0].size, ground)
    for layer in layers:
        picture = Image.alpha_composite(picture, layer)
    return picture


def words_about(condition: Condition, more: tuple[str, ...] = ()) -> str:
    """What was found, `more` notes, and the palette: what each colour means, to be chosen for the brush."""
    kind = condition.kind
    notes = in_boxes(f"{note[:1].upper()}{note[1:]}." for note in (*condition.found.notes, *more))
    if not drawable(condition):
        return f"{notes}{in_facts(LIGHTNESS.format(condition.photo.width))}"
    if on_paper(kind) and drawn(condition):
        what = "Draw with the pen. The eraser takes away, the arrow above takes back."
    elif isinstance(kind, LabelKind):
        what = "Paint with a part’s colour, or erase to background, before you translate."
    else:
        what = "You can draw or erase lines before you translate."
    return f"{notes}{in_facts(what)}{palette(condition)}"


def palette(condition: Condition) -> str:
    """A chip for each channel, those in the map first; the brush's size; of many channels a search."""
    kind, now = condition.kind, first(condition)
    chips = {c: f'<i style="background:{colour}"></i>{html.escape(name)}'
             for c, (colour, name) in enumerate(zip(colours(kind), kind.channels, strict=True))}
    order = list(chips)
    if len(order) > MANY and isinstance(kind, LabelKind):
        there = np.unique(condition.map.argmax(0)).tolist()
        order = there + [c for c in order if c not in there]
    buttons = "".join(
        f'<button type="button" data-colour="{colours(kind)[c]}" data-name="{html.escape(kind.channels[c].lower())}" '
        f'class="{"on" if c == now else ""}" title="{c}: {html.escape(kind.channels[c])}">{chips[c]}</button>' for c in order)
    some = html.escape(", ".join(kind.channels[3:7]))
    find = f'<input type="search" placeholder="Find one of {len(order)}: {some} …" aria-label="Find a colour by its name">'
    legend = f'<div class="legend"{" hidden" if len(order) == 1 else ""}>{buttons}</div>'
    if len(order) > 12 and not isinstance(kind, LabelKind):
        legend = f"<details><summary>What the colours mean</summary>{legend}</details>"
    slider = f'<input type="range" min="1" max="{LARGEST}" value="{size(kind)}" aria-label="Size of the brush">'
    if not isinstance(kind, LabelKind) or len(order) <= MANY:
        find = ""
    return (f'<div class="palette"><div class="brush"><span>Brush</span>{slider}<span class="now">{chips[now]}</span></div>'
            f'{find}{legend}<p class="none facts" hidden>Nothing is called that.</p></div>')
