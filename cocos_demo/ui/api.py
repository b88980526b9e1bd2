"""What programs can ask the app for: `gradio_client.Client(address).predict(..., api_name="/translate")`."""

from pathlib import Path

import gradio as gr

from cocos_demo import viz
from cocos_demo.applications import editing, makeup
from cocos_demo.applications.steps import carried_out
from cocos_demo.ui import api_compare, models, patches
from cocos_demo.ui.common import HEAVY, as_uploaded, friendly
from cocos_demo.ui.edit import MODEL
from cocos_demo.ui.find import BEST, find
from cocos_demo.ui.makeup import MODEL as FACES
from cocos_demo.ui.patchmatch import file_of

ALPHA = 100.0  # what the paper matches with


def endpoints() -> None:
    """The documented API; pictures are files.

    /translate(photo, exemplar, model="auto", matcher="own", exemplar_map=None)
        -> picture, warped exemplar, condition, facts, foreground mask
        For a model of label maps the photo may be one, and the exemplar's own can be given; for one of sketches, a sketch.
        The last is SEGIN's alone, whose warped exemplar is the auxiliary image W(x, r). A model that reads a grey photo gives for
        the picture the photo's own square, at its own resolution, in the painting's colours.
    /exemplars(photo, model="auto", top=4) -> the best of the samples, the `top` best, their names with cosines
    /match(photo, exemplar, x, y, model="auto", alpha=100, source="photo", other="none")
        -> facts (match, score, round trip, best five, true place if known), heatmap; source="exemplar" asks the other way;
        with another model, its answer to the same point stands under "other" in the facts
    /compare and /tally: api_compare.py
    /patchmatch(photo, exemplar, model="auto") -> animation of CoCosNet v2's matching (WebP), facts of every step
    /edit(photo, edited_map=None, steps="", map=None, finish="pixels", model="parts")
        -> the photo painted anew where its part map was changed, at its own resolution; the mask of what could change; the
        map as edited; facts (shares changed and painted anew, largest difference elsewhere). The map is guessed if not given.
    /makeup(portrait, target, strokes=None, ready="", mode="normal", opacity=1, colour="", confine=True, model="portrait_mcl")
        -> the target made up, the strokes as they arrived (transparent, of its size), facts
    """
    with gr.Group(visible=False):
        photo, exemplar = (as_uploaded(gr.Image(label=name)) for name in ("photo", "exemplar"))
        model = models.dropdown(label="model", allow_custom_value=True)  # an unknown name is told in our words
        outputs = [gr.Image(format="png", label=name) for name in ("picture", "warped", "condition")]
        outputs += [gr.JSON(label="facts"), gr.Image(format="png", label="mask")]
        matcher = gr.Textbox(patches.OWN, label="matcher")
        own_map = as_uploaded(gr.Image(None, label="exemplar_map"))
        gr.Button().click(translate, [photo, exemplar, model, matcher, own_map], outputs, api_name="translate", **HEAVY)
        api_compare.endpoints(photo, exemplar)
        top = gr.Number(BEST, label="top", precision=0, minimum=1)
        outputs = [gr.Image(format="png", label="picture"), gr.Gallery(label="pictures"), gr.JSON(label="facts")]
        gr.Button().click(exemplars, [photo, model, top], outputs, api_name="exemplars", **HEAVY)
        point = [gr.Number(label=name) for name in ("x", "y")]
        alpha, source = gr.Number(ALPHA, label="alpha"), gr.Textbox("photo", label="source")
        outputs = [gr.JSON(label="facts"), gr.Image(format="png", label="heatmap")]
        other = gr.Textbox(models.NONE, label="other")
        gr.Button().click(match, [photo, exemplar, *point, model, alpha, source, other], outputs, api_name="match", **HEAVY)
        outputs = [gr.File(label="animation"), gr.JSON(label="facts")]
        gr.Button().click(patchmatch, [photo, exemplar, model], outputs, api_name="patchmatch", **HEAVY)
        applications(photo)


def applications(photo: gr.Image) -> None:
    """/edit and /makeup."""
    edited, map, target, strokes = (as_uploaded(gr.Image(label=name)) for name in ("edited_map", "map", "target", "strokes"))
    steps, finish, names, mode, colour = (gr.Textbox(value, label=name) for name, value in (
        ("steps", ""), ("finish", "pixels"), ("ready", ""), ("mode", "normal"), ("colour", "")))
    labels, faces = (gr.Textbox(value, label="model") for value in (MODEL, FACES))
    opacity, confine = gr.Number(1, label="opacity"), gr.Checkbox(True, label="confine")
    outputs = [gr.Image(format="png", label=name) for name in ("picture", "mask", "map")] + [gr.JSON(label="facts")]
    gr.Button().click(edit, [photo, edited, steps, map, finish, labels], outputs, api_name="edit", **HEAVY)
    outputs = [gr.Image(format="png", label=name) for name in ("picture", "strokes")] + [gr.JSON(label="facts")]
    gr.Button().click(make_up, [photo, target, strokes, names, mode, opacity, colour, confine, faces], outputs,
                      api_name="makeup", **HEAVY)


@friendly
def translate(photo: str, exemplar: str, model: str = models.AUTO, matcher: str = patches.OWN,
              exemplar_map: str | None = None):  # fmt: skip
    """Translate a photo into the look of an exemplar; model: a checkpoint's name, or "auto" (what the photo shows); matcher: of
    SEGIN, "own", "sift", "dia", "pixelnn", or the name of a checkpoint that learned to match;
    exemplar_map: the exemplar's own label map, for models of label maps that compare the two."""
    name = models.resolve(model, photo)
    result = patches.translator(name, matcher)(photo, exemplar, exemplar_map=exemplar_map)
    facts = {"model": name, "seconds": round(result.seconds, 3), "device": result.device, "memory": result.memory,
             "notes": list(result.notes)}
    return result.final, result.warped, result.condition, facts, result.mask


@friendly
def exemplars(photo: str, model: str = models.AUTO, top: int = BEST):
    """The samples most like a photo in content and structure, best first: exemplars for it. Model as for /translate."""
    name = models.resolve(model, photo)
    found, _ = find(name, models.translator(name).condition_of(photo), top=top)
    pictures = [path for path, _ in found]
    return pictures[0], pictures, [{"name": Path(path).name, "similarity": round(cosine, 4)} for path, cosine in found]


@friendly
def match(photo: str, exemplar: str, x: float, y: float, model: str = models.AUTO, alpha: float = ALPHA, source: str = "photo",
          other: str = models.NONE):  # fmt: skip
    """Where a point of the source, "photo" or "exemplar", is in the other picture, and why. Places are pixels of the two as
    given, upright, centres at .5; alpha is 1 to 200. The heatmap shows the cosines over the other picture. The true place is
    known between rendered samples, else null. Model as for /translate; with the name of another model, the facts hold its
    answer too, under "other"."""
    facts, q = answer(models.resolve(model, photo), photo, exemplar, x, y, alpha, source)
    if other != models.NONE:
        facts["other"], _ = answer(models.resolve(other, photo), photo, exemplar, x, y, alpha, source)
    return facts, viz.heatmap(q)


def answer(name: str, photo: str, exemplar: str, x: float, y: float, alpha: float, source: str):
    """What the checkpoint `name` says of one point -> the facts, and the Query they come from."""
    matcher = models.matcher(name, photo, exemplar)
    matcher.alpha = alpha
    q = matcher.query(x, y, source=source)
    best = [{"x": c.x, "y": c.y, "score": c.score, "weight": c.weight, "colour": c.colour.round().astype(int).tolist()}
            for c in q.best]
    facts = {"source": source, "x": q.x, "y": q.y, "score": q.score, "round_trip": q.round_trip._asdict(), "best": best,
             "colour": q.colour.round().astype(int).tolist(), "alpha": q.alpha, "model": name, "notes": list(matcher.notes),
             "truth": q.truth and dict(zip("xy", q.truth)), "error": q.error}
    return facts, q


@friendly
def patchmatch(photo: str, exemplar: str, model: str = models.AUTO):
    """How a network of CoCosNet v2 matches two pictures, step by step, as an animation and in numbers: of each step the mean
    score, the share of places whose best match it moved to another cell, and between rendered samples, else null, the median
    distance from the truth and PCK, in shares of the side. Model as for /translate, of CoCosNet v2."""
    name = models.resolve(model, photo, models.STEPS)
    told = models.recording(name, photo, exemplar)
    steps = [{"level": s.level, "iteration": s.iteration, "step": s.step, "size": s.scores.shape[::-1], "score": s.score,
              "moved": s.moved, "error": s.error, "pck": {str(t): share for t, share in s.pck.items()} or None}
             for s in told.steps]
    return file_of(told), {"model": name, "seconds": round(told.seconds, 3), "notes": list(told.notes), "steps": steps}


@friendly
def edit(photo: str, edited_map: str | None = None, steps: str = "", map: str | None = None, finish: str = "pixels",
         model: str = MODEL):  # fmt: skip
    """A photo painted anew where its part map was changed: by an edited map (of the shape and in the colours of the third picture
    returned), or by steps in words, ";" between: "grow hair 8; turn left-shin left-thigh"; "delete skirt"; "move hair 0 -10".
    finish: "pixels" (the photo's own) or "painting" (the network's); model: a checkpoint that reads label maps."""
    if finish not in ("pixels", "painting"):
        raise editing.EditError(f'finish is "pixels" or "painting", not {finish!r}')
    translator = models.translator(models.resolve(model, photo))
    canvas = editing.canvas(translator, photo, map)
    labels = canvas.labels if edited_map is None else canvas.read(edited_map)
    labels = carried_out(canvas, [step.strip() for step in steps.split(";") if step.strip()], labels)
    done = editing.edit(translator, canvas, labels, finish=finish)
    facts = {"changed": done.changed, "repainted": done.repainted, "outside": done.outside, "model": model,
             "seconds": round(done.seconds, 3), "notes": list(done.notes)}
    return done.image, done.mask, done.after, facts


@friendly
def make_up(portrait: str, target: str, strokes: str | None = None, ready: str = "", mode: str = "normal", opacity: float = 1.0,
            colour: str = "", confine: bool = True, model: str = FACES):  # fmt: skip
    """Makeup of a portrait carried to a target: strokes, a transparent PNG of the portrait's size, or ready makeup, "lips+blush".
    mode: of blending; opacity: 0 to 1; colour: one for all, "#c01040"; confine: lips, teeth and eyes are kept apart."""
    translator = models.translator(models.resolve(model, portrait))
    names = tuple(name.strip() for name in ready.split("+") if name.strip())
    made_up = makeup.portrait(translator, portrait, strokes, names, colour=colour or None)
    done = makeup.transfer(translator, made_up, target, mode.replace("-", " "), opacity, confine)
    facts = {"agreement": round(done.agreement, 4), "model": model, "seconds": round(done.seconds, 3), "notes": list(done.notes)}
    return done.image, done.layer, facts
