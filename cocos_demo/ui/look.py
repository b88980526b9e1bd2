"""Theme and style: the system's own fonts, nothing fetched from anywhere."""

import html
from pathlib import Path

import gradio as gr

from cocos_demo.ui import tour

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")

THEME = gr.themes.Soft(
    primary_hue="indigo",
    neutral_hue="slate",
    font=SYSTEM_FONTS,
    font_mono=("ui-monospace", "Consolas", "monospace"),
).set(
    block_label_background_fill="*background_fill_primary",
    block_label_background_fill_dark="*background_fill_secondary",
    block_label_text_color="*neutral_600",
    block_label_text_color_dark="*body_text_color_subdued",
    block_label_text_weight="500",
    block_info_text_color="*neutral_600",
    # A step darker than the theme's: white on it, and it on white, can be read (4.5 : 1).
    color_accent="*primary_600",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    checkbox_label_background_fill_selected="*primary_600",
    block_title_text_color="*primary_600",
    body_text_color_subdued="*neutral_600",
    block_info_text_color_dark="*neutral_300",
)

CSS = """
#head h1 { font-size: 1.6rem; font-weight: 700; margin: 0; }
#head p { margin: .15rem 0 0; opacity: .8; }
:root { --ring: #4f46e5; }
.dark { --ring: #a5b4fc; }
.dark [role=tab].selected { color: var(--ring) !important; }
#head { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: flex-end; justify-content: space-between; }
.tabs { margin-top: -.75rem; } /* so that an answer is read without scrolling */
.badge { font-size: .8rem; padding: .2rem .65rem; border-radius: 999px; white-space: nowrap;
         border: 1px solid var(--border-color-primary); background: var(--background-fill-secondary); }
.aside { display: flex; flex-wrap: wrap; gap: .2rem .5rem; align-items: center; }
@media (min-width: 950px) { .aside { flex-direction: column; align-items: flex-end; } }
/* The way past the tabs, seen when the keyboard is on it; a ring around whatever it is on. */
.skip:not(:focus) { position: absolute; left: -99rem; }
.skip { position: absolute; z-index: 10; padding: .3rem .8rem; border-radius: 8px; background: var(--background-fill-primary); }
.gradio-container :is(a, button, input, select, textarea, summary, [tabindex]):focus-visible {
    outline: 3px solid var(--ring) !important; outline-offset: 2px !important; }
.gradio-container .pointed button:focus-visible { outline-offset: -3px !important; } /* its block would cut it off */
/* Where the keyboard points; its numbers are for those who hear the page. */
.cross { position: absolute; z-index: 3; width: 33px; height: 33px; margin: -16.5px; pointer-events: none; font-size: 0;
         background: linear-gradient(white, white) 50% 0 / 3px 12px, linear-gradient(white, white) 50% 100% / 3px 12px,
                     linear-gradient(white, white) 0 50% / 12px 3px, linear-gradient(white, white) 100% 50% / 12px 3px;
         background-repeat: no-repeat; filter: drop-shadow(0 0 1px black) drop-shadow(0 0 1px black); }
/* The tour: offered in the title's line, a card in a corner, a ring around what it names. */
.ask { display: inline-flex; align-items: center; gap: .2rem; font-size: .8rem; }
.ask button { padding: .2rem .5rem !important; border: 0 !important; border-radius: 999px !important; font: inherit !important;
              color: inherit !important; background: none !important; box-shadow: none !important; cursor: pointer;
              min-width: 0 !important; }
.ask .around { text-decoration: underline; white-space: nowrap; }
body:not(.new-here) .no-tour { display: none; }
.new-here .ask { border: 1px solid var(--color-accent); border-radius: 999px; padding-inline: .2rem; }
.new-here .around::before { content: "New here?"; display: inline-block; margin-right: .35em; }
.tour { position: fixed; z-index: 50; right: 1rem; bottom: 1rem; width: min(22rem, calc(100vw - 2rem)); padding: .8rem 1rem;
        border-radius: 12px; background: var(--background-fill-primary); color: var(--body-text-color);
        border: 2px solid var(--ring); box-shadow: 0 4px 20px rgba(0, 0, 0, .3); }
.tour.left { right: auto; left: 1rem; }
.tour p { margin: 0 0 .6rem; }
.tour div { display: flex; gap: .5rem; align-items: center; }
.tour span { flex: 1; font-size: .85rem; }
.tour button { padding: .25rem .8rem; border-radius: 8px; border: 1px solid var(--border-color-primary); }
.tour button:disabled { opacity: .4; }
.toured { outline: 3px solid var(--ring) !important; outline-offset: 4px; }
.step { font-weight: 600; margin: 0; }
.html-container:has(.step) { padding-block: 2px !important; }
.step b { display: inline-block; width: 1.6em; height: 1.6em; line-height: 1.6em; margin-right: .4em;
          text-align: center; border-radius: 50%; color: white; background: var(--color-accent); }
/* The palette has colours and size of the brush; gradio's own would say another thing. */
#editor :is([aria-label="Color"], [aria-label$=" Size"]) { display: none; }
.palette .legend[hidden], .palette .brush:has(~ .legend[hidden]) .now { display: none; }
/* The palette: a chip for each colour of the canvas, and the brush as it is. */
.palette { display: grid; gap: .4rem; margin: .3rem 0; font-size: .8rem; }
.palette .brush { display: flex; gap: .6em; align-items: center; }
.palette .brush input { flex: 1; min-width: 4rem; accent-color: var(--color-accent); }
.palette .now, .palette button { display: inline-flex; align-items: center; gap: .35em; line-height: 1.2; }
.palette .now { font-weight: 600; max-width: 45%; }
.palette i { flex: none; width: .9em; height: .9em; border-radius: 3px; border: 1px solid rgba(128, 128, 128, .5); }
.palette [type=search] { padding: .35rem .6rem; border-radius: 8px; border: 1px solid var(--border-color-primary);
                         background: var(--input-background-fill); color: inherit; width: 100%; font-size: .85rem; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem .25rem; max-height: 9.5rem; overflow-y: auto; }
.legend button { padding: .15rem .45rem !important; border-radius: 999px !important; border: 1px solid transparent !important;
                 font: inherit !important; color: inherit !important; background: none !important; box-shadow: none !important;
                 cursor: pointer; }
.legend button[hidden] { display: none; }
.legend button:hover { border-color: var(--border-color-primary) !important; }
.legend button.on { border-color: var(--color-accent) !important; background: var(--background-fill-secondary) !important; }
#missing:not(:has(.ways)) { display: none; }
.ways summary { font-size: .85rem; cursor: pointer; opacity: .85; margin: .1rem 0; }
.ways code { font-size: .8rem; }
.ways pre { font-size: .7rem; line-height: 1.5; margin: .2rem 0 .5rem; padding: .4rem .6rem; border-radius: 6px; user-select: all;
            white-space: pre-wrap; overflow-wrap: anywhere; background: var(--background-fill-secondary); }
.note { font-size: .85rem; margin: 0 0 .3rem; padding: .3rem .6rem; border-radius: 6px;
        background: var(--background-fill-secondary); border-left: 3px solid var(--color-accent); }
.thumbs .grid-wrap { min-height: 0 !important; height: auto !important; max-height: none !important; padding: .5rem; }
.thumbs .grid-container { grid-template-columns: repeat(auto-fill, minmax(54px, 1fr)) !important;
                          grid-template-rows: none !important; grid-auto-rows: auto !important; gap: .4rem; }
.thumbs .thumbnail-lg { aspect-ratio: 1; }
.thumbs .caption-label { inset: auto 0 0 0; max-width: none; padding: 0; border: 0; border-radius: 0; box-shadow: none;
                         text-align: center; font-size: .65rem; line-height: 1.4; color: white; background: rgba(0, 0, 0, .6); }
.numbers { border-collapse: collapse; font-size: .85rem; width: 100%; font-variant-numeric: tabular-nums; }
.numbers th { text-align: left; vertical-align: bottom; font-weight: 500; opacity: .7; }
.numbers, .numbers tr { border: 0 !important; background: none !important; }
.numbers td, .numbers th { padding: .15rem .5rem .15rem 0 !important; border: 0 !important; white-space: nowrap;
                           border-bottom: 1px solid rgba(128, 128, 128, .25) !important; }
.numbers i { display: inline-block; width: 1.4em; height: 1.4em; border-radius: 4px; vertical-align: middle;
             border: 1px solid rgba(128, 128, 128, .5); }
.numbers i.bar { height: .6em; border: 0; background: var(--color-accent); margin-right: .4em; min-width: 1px; }
.numbers b { display: inline-block; min-width: 1.6em; line-height: 1.6em; text-align: center; border-radius: 999px;
             border: 1px solid rgba(0, 0, 0, .6); }
.numbers strong { font-weight: 700; }
.pointed { position: relative; }
.pointed img { cursor: crosshair; }
/* Until a point was clicked, the pictures themselves say that they can be. */
.stage:not(:has(#points [data-from])) .pointed:has(img)::after {
    content: "click any place"; position: absolute; bottom: .6rem; left: 50%; transform: translateX(-50%); pointer-events: none;
    padding: .15rem .7rem; border-radius: 999px; font-size: .85rem; white-space: nowrap;
    color: white; background: rgba(0, 0, 0, .7); }
.pointed:not(:has(img)) { aspect-ratio: 1; } /* nothing jumps when a picture comes */
.pointed .icon-button-wrapper { display: none; } /* empty, but seen */
.stage, .stage .column { gap: .5rem; }
#pair { align-items: flex-end; } /* equal pictures, whatever stands over them */
#tools { align-items: center; }
.over .html-container { padding: 0; }
#task { align-items: center; }
#beside:not(:has(.side)) { display: none; } /* one model answers */
.side { margin: 0; line-height: 33px; font-weight: 600; }
.two { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .9rem; }
.two > div { flex: 1 1 190px; }
.two .numbers { font-size: .78rem; }
.two .numbers td, .two .numbers th { padding-right: .3rem !important; }
.two .numbers th, .two .numbers [colspan] { white-space: normal !important; }
.two .numbers i.bar { font-size: .45em; height: 1.2em; } /* the widths that are written count in it */
.versus th { overflow-wrap: anywhere; white-space: normal !important; font-weight: 600 !important; opacity: 1 !important; }
.runs .grid-container { grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)) !important; }
.runs .caption-label { white-space: normal; overflow-wrap: anywhere; }
.run-link:not(:has(a)) { display: none; }
.stars .caption-label { inset: auto 0 0 auto; padding: 0 .3rem; border-radius: 6px 0 0 0; font-size: .75rem; }
.choose input { font-size: .85rem; }
.key { display: flex; align-items: center; gap: .6em; margin: .2rem 0 .5rem; font-size: .85rem; white-space: nowrap; }
.key i { flex: 1; min-width: 3em; height: .8em; border-radius: 3px; border: 1px solid rgba(128, 128, 128, .5); }
/* On narrow screens the two pictures come before what they are chosen from. */
@media (max-width: 949px) { .choose { order: 3; } .choose .step b, .stage .step b { display: none; } }
@media (max-width: 480px) { .numbers { font-size: .78rem; } .numbers td, .numbers th { padding-right: .2rem !important; }
                            .numbers th, .versus td { white-space: normal !important; }
                            #head h1 { font-size: 1.2rem; } .badge { display: none; } }
/* A canvas without a brush is a picture. */
#editor:has(.toolbar-wrap):not(:has([aria-label="Brush"])) :is(
    .toolbar-wrap, .separator, [aria-label="Undo"], [aria-label="Redo"], [aria-label="Clear canvas"]) { display: none; }
#editor:has(.toolbar-wrap):not(:has([aria-label="Brush"])) canvas { pointer-events: none; }
#task-choice { align-self: flex-start; }
#segin { align-items: flex-start; }
#segin #mask, #segin #painted { flex: 1 1 22%; max-width: 24%; }
@media (max-width: 600px) { #segin #mask, #segin #painted { max-width: none; } #segin #told { flex: 1 0 100%; } }
.tight { gap: .4rem !important; align-items: flex-end; }
.arrow { padding-inline: .3rem !important; }
/* At the photo's own resolution, however small that is. */
:is(#edit-picture, #edit-mask, #makeup-picture, #makeup-layer) :is(button:has(img), .image-frame, img) {
    width: 100% !important; height: auto !important; object-fit: contain !important; }
#makeup-layer img { background: repeating-conic-gradient(#bbb 0 25%, #eee 0 50%) 0 0 / 20px 20px; }
.facts { margin: 0; font-size: .9rem; opacity: .85; }
/* The player: what carries a number lies over its like, and only the present one is seen, so that nothing jumps. */
.player { display: flex; flex-direction: column; gap: .6rem; }
.player [data-at]:not(circle) { visibility: hidden; }
.player [data-at].now { visibility: visible; }
.player .stack, .player .told, .player .measured { display: grid; }
.player .stack > *, .player .told > *, .player .measured > * { grid-area: 1 / 1; margin: 0; }
.player .controls { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.player .controls button, .player .controls select { padding: .3rem .7rem; border-radius: 8px; font-size: .9rem; cursor: pointer;
    border: 1px solid var(--border-color-primary); background: var(--background-fill-secondary); color: inherit; }
.player .controls .play { min-width: 6.4em; color: white; background: var(--color-accent); border-color: transparent; }
.player .controls .at { flex: 1; min-width: 4rem; accent-color: var(--color-accent); }
.player figure { margin: 0; }
.player .panels { display: grid; gap: .6rem; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.player .panels img { width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 6px; display: block; }
.player figcaption { font-size: .8rem; line-height: 1.35; margin-top: .25rem; }
.player .ramp { display: flex; gap: .4em; align-items: center; font-variant-numeric: tabular-nums; }
.player .ramp i { flex: 1; height: .8em; border-radius: 3px; border: 1px solid rgba(128, 128, 128, .5); }
.player .measured > * { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; font-size: .9rem; font-variant-numeric: tabular-nums; }
.player .charts { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; }
.player .charts figure { flex: 1 1 300px; max-width: 460px; }
.player svg { width: 100%; overflow: visible; }
.player rect { fill: currentColor; opacity: .07; }
.player polyline { fill: none; stroke: var(--color-accent); stroke-width: 1.6; }
.player circle { fill: var(--background-fill-primary); stroke: var(--color-accent); stroke-width: 1.6; cursor: pointer; }
.player circle.now { fill: var(--color-accent); r: 5.5px; }
.player text { fill: currentColor; font-size: 9px; text-anchor: middle; opacity: .85; }
@media (max-width: 600px) { .player .controls .at { order: 1; flex-basis: 100%; }
                            .player .controls .speed { margin-left: auto; } }
@media (max-width: 949px) { .player .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
/* Systems side by side: a card each, as many in a row as there is room for. */
.cards { display: grid; gap: .6rem .8rem; grid-template-columns: repeat(auto-fit, minmax(min(150px, 45%), 1fr));
         margin: .2rem 0 .5rem; }
.card { min-width: 0; }
.card h3 { margin: 0 0 .15rem; font-size: .9rem; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; min-height: 2.5em;
           display: flex; align-items: end; } /* a long title takes two lines: pictures stay side by side */
.card figure { margin: 0 0 .4rem; }
.card figcaption { font-size: .8rem; line-height: 1.5; opacity: .8; }
.card a { display: block; margin: 0 !important; padding: 0 !important; border: 0 !important; }
.card img, .card .none { width: 100%; aspect-ratio: 1; border-radius: 6px; display: block; margin: 0 !important; }
.card .none { display: grid; place-items: center; font-size: .85rem; background: var(--background-fill-secondary); }
.card a:is(:hover, :focus-visible) img { outline: 2px solid var(--color-accent); outline-offset: 1px; }
.card .numbers td:last-child { text-align: right; padding-right: 0 !important; }
.wait { margin: 0; aspect-ratio: 1; display: grid; place-items: center; border-radius: 6px; font-size: .9rem;
        background: var(--background-fill-secondary); }
.wait.now { outline: 2px solid var(--color-accent); outline-offset: -2px; }
.save { display: inline-block; margin: .15rem .5rem .15rem 0; padding: .3rem .8rem; border-radius: 8px; font-size: .9rem;
        border: 1px solid var(--border-color-primary); background: var(--background-fill-secondary);
        color: inherit !important; text-decoration: none !important; }
.save:is(:hover, :focus-visible) { border-color: var(--color-accent); }
#compare-clicks .column { gap: .3rem; }
#compare-clicks .side { line-height: 1.5; font-size: .95rem; }
#compare-clicks:not(:has([data-point])) .pointed:has(img)::after { content: "click any place"; position: absolute; bottom: .6rem;
    left: 50%; transform: translateX(-50%); pointer-events: none; padding: .15rem .7rem; border-radius: 999px; font-size: .85rem;
    white-space: nowrap; color: white; background: rgba(0, 0, 0, .7); }
/* Places to be given: numbers in a row, as narrow as a phone. */
.places { padding: .3rem .4rem !important; }
.places .wrap { gap: .3rem !important; flex-wrap: nowrap !important; }
.places label { padding: .3rem .2rem !important; flex: 1 1 0; min-width: 0; justify-content: center; }
.places label:focus-within { outline: 2px solid var(--color-accent); outline-offset: 1px; }
.places label input { position: absolute; opacity: 0; }
.places label span { margin: 0 !important; }
#blind-round { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); align-items: start; }
#blind-round > .column { min-width: 0 !important; }
#blind-missing { flex: 1 1 280px; }
#blind-tally summary { cursor: pointer; font-size: .9rem; }
"""

# The icon under an upload asks for a file whether or not the box is full; gradio's own does nothing then.
# A digit in a row of places chooses that place, and goes on to the next picture's row, at last to the button.
JS = """
document.addEventListener("click", event => event.target
    .closest("[data-testid=source-select] button:first-of-type.selected")
    ?.closest("[data-testid=image]").querySelector("input[type=file]")?.click());
document.addEventListener("keydown", event => {
    const row = event.target.closest?.(".places"), digit = Number(event.key);
    const place = row && !event.ctrlKey && !event.metaKey && !event.altKey && row.querySelectorAll("input")[digit - 1];
    if (!place) return;
    event.preventDefault();
    place.click();
    const rows = [...document.querySelectorAll(".places.quality"), ...document.querySelectorAll(".places.closeness")]
        .filter(each => each.offsetParent);
    (rows[rows.indexOf(row) + 1]?.querySelector("input") ?? document.querySelector("#blind-judge")).focus();
});"""
ASK = """<span class="ask"><button type="button" class="around">Show me around</button>
<button type="button" class="no-tour" aria-label="No tour, thanks">×</button></span>"""


def script() -> str:
    """All that runs in the page from its beginning: uploads and rankings, words and keys for all, what is saved, the tour."""
    parts = JS, *(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("reach.js", "save.js")), tour.script()
    return "() => {" + "".join(f"{{\n{part}\n}}\n" for part in parts) + "}"


def head(device, reason: str, way: str = "float32") -> str:
    """Title, one line, and a badge that says what computes, how, and why."""
    badge = html.escape(f"computing on {device}, {way.split('.')[0]}")
    return f"""<a class="skip" href="#">Skip to the pictures</a><div id="head"><div><h1>A photo goes in, a picture comes out</h1>
<p>Your photo gives the lines or the pose, the exemplar the look. The network finds what belongs where, and paints.</p>
</div><span class="aside">{ASK}<span class="badge" title="{html.escape(f"{reason}. {way}")}">{badge}</span></span></div>"""
