"""The Translate tab's tasks from a map and from a sketch, by models that people bring, and pictures of any size."""

import io

import numpy as np
import pytest
from made_up import FACE, FIGURE, SIZE, checkpoint
from PIL import Image, ImageDraw
from test_app import browser, client, page, serving, translated  # noqa: F401

from cocos_demo.conditions import KINDS
from cocos_demo.ui import canvas, models, results, task, translate, ways

ADE = KINDS["ade20k"]


def brought(home):
    """What a person may have brought: scenes, sketches; untrained -> home."""
    checkpoint(home / "checkpoints", "ade20k", "image+condition").rename(home / "checkpoints" / "my_scenes.safetensors")
    checkpoint(home / "checkpoints", "edges").rename(home / "checkpoints" / "my_shoes.safetensors")
    return home


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    return brought(tmp_path)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(brought(tmp_path_factory.mktemp("app"))) as address:
        yield address


def seen(photo, name):
    """-> what was read, the canvas, what is said of it, and the rest."""
    return translate.seen(photo, name, None)


# What is offered


def test_models_stand_where_they_are_of_use(home):
    names = {what: [name for _, name in task.offered(what)] for what in task.TASKS}
    assert "my_scenes" in names[task.PAINT] and "parts" in names[task.PAINT] and "my_scenes" not in names[task.NEW]
    assert names[task.SKETCH] == ["my_shoes"] and "my_shoes" not in names[task.NEW] + names[task.PAINT]
    assert "parts" in names[task.NEW] and names[task.NEW][0] == "auto" and "auto" not in names[task.PAINT]


def test_what_is_not_here_says_which_commands_lead_to_it(home):
    assert task.missing(task.SKETCH) == ""
    said = task.missing(task.PAINT)
    assert "face maps" in said and "scenes" not in said and "import cocosnet --task celebahq --corr" in said
    assert task.missing(task.NEW).startswith("<div class='ways'><details><summary>4 more kinds")
    (home / "checkpoints" / "my_shoes.safetensors").unlink()
    said = task.missing(task.SKETCH)
    for command in ("prepare edges2shoes DIR", "train --data edges2shoes --out runs/edges2shoes",
                    "keep runs/edges2shoes/edges2shoes_cocosnet.safetensors --name my_edges2shoes"):  # fmt: skip
        assert command in said
    model, _, _, _, _, button, photo, empty = task.taken_up(task.SKETCH, str(FACE))
    assert model.value is None and not model.visible and photo is None and empty.visible and button.value == "Translate"
    assert all(way.kind in KINDS for way in ways.WAYS)


def test_a_task_that_is_drawn_begins_empty_and_one_for_photos_with_one(home):
    assert task.taken_up(task.PAINT, str(FACE))[6] is None
    assert models.START in task.taken_up(task.NEW, None)[6]
    assert "value" not in task.taken_up(task.NEW, str(FIGURE))[6]  # it stays, and is not read twice
    assert task.photos_for("my_scenes") == task.photos_for("my_shoes") == task.photos_for(None) == []


# The canvas and its palette


def test_scenes_have_a_palette_of_all_names_that_can_be_searched(home):
    read, _, words, *_ = seen(None, "my_scenes")
    assert read.photo is None and words.count("<button") == 151 and 'type="search"' in words
    sky = canvas.colours(ADE)[3]
    assert f'data-colour="{sky}" data-name="sky"' in words and sky == "#06e6e6"
    assert words.index('data-name="unknown"') < words.index('data-name="wall"')
    scene = Image.fromarray(np.tile(np.array([27, 3], np.uint8).repeat(32), (64, 1)))
    painted = read._replace(condition=models.translator("my_scenes").condition_of(scene)).condition
    words = canvas.palette(painted)
    assert words.index('data-name="sky"') < words.index('data-name="sea"') < words.index('data-name="unknown"')
    assert 'type="search"' not in seen(None, "parts")[2] and "<button" in seen(str(FACE), "portrait")[2]


def test_a_scene_is_painted_on_an_empty_canvas(home, monkeypatch):
    read, editor, *_ = seen(None, "my_scenes")
    layer = Image.new("RGBA", (512, 512), "black")
    ImageDraw.Draw(layer).rectangle([0, 0, 511, 255], fill=canvas.colours(ADE)[3])
    labels = canvas.changed(read.condition, {"layers": [layer]}).map.argmax(0)
    assert (labels[:32] == 3).all() and not labels[32:].any()
    scene = Image.fromarray(np.full((64, 64), 3, np.uint8)[:, :] + (np.arange(64) > 30)[:, None].astype(np.uint8))
    own = home / "own.png"
    scene.save(own)
    quiet = {"progress": lambda *_, **__: None}
    picture, (before, after), *_, said = translate.paint(
        read, None, "my_scenes", {"layers": [layer]}, str(square(home)), str(own), **quiet)  # fmt: skip
    assert np.asarray(before)[100, 100].tolist() == ADE.palette[3].tolist() and picture.size == after.size == (512, 512)
    assert "GiB of memory" in said


def square(home):
    Image.new("RGB", (128, 128), "olive").save(home / "look.jpg")
    return home / "look.jpg"


def test_exemplars_are_found_for_what_was_painted(home, tmp_path):
    """By the plain translation network for part maps, which ships."""
    from made_up import SAMPLES

    given = Image.open(SAMPLES / "parts" / "rendered_109_0.png").convert("RGBA").resize((512, 512), Image.Resampling.NEAREST)
    read, *_ = seen(None, "parts")
    found, exemplar, said = translate.find_exemplar(read, None, "parts", None, {"layers": [given]}, progress=None)
    plain, *_ = translate.find_exemplar(read, None, "parts", None, None, progress=None)
    assert exemplar == found[0][0] and "samples" in said and [mark for _, mark in found[:4]] != [mark for _, mark in plain[:4]]


def test_a_scene_without_the_exemplars_map_says_what_is_needed(home):
    import gradio as gr

    read, *rest = seen(None, "my_scenes")
    assert rest[4].visible and "needed" in rest[4].label
    with pytest.raises(gr.Error, match="label map can be given"):
        translate.paint(read, None, "my_scenes", None, str(square(home)), progress=lambda *_, **__: None)
    assert not seen(None, "parts")[5].visible


def test_a_sketch_is_drawn_black_on_white(home):
    read, editor, words, *_ = seen(None, "my_shoes")
    assert np.asarray(canvas.picture(read.condition)).min() == 255 and editor.brush.colors == ["#000000"]
    assert canvas.changed(read.condition, {"layers": [Image.new("RGBA", (512, 512))]}).map.max() == 0
    layer = Image.new("RGBA", (512, 512), "white")
    ImageDraw.Draw(layer).line([50, 100, 460, 110], fill="black", width=3)  # a third of a pixel of the map
    lines = canvas.changed(read.condition, {"layers": [layer]}).map[0]
    assert lines.max() > 0.9 and 40 < (lines > 0.3).sum() < 120 and not lines[20:].any()
    ImageDraw.Draw(layer).rectangle([0, 0, 200, 511], fill="white")  # the eraser
    assert not canvas.changed(read.condition, {"layers": [layer]}).map[0, :, :24].any()


def test_what_was_drawn_on_nothing_is_not_mistaken_for_a_photos(home):
    import gradio as gr

    read, *_ = seen(None, "my_shoes")
    for photo, model in ((str(FACE), "my_shoes"), (None, "my_scenes")):
        with pytest.raises(gr.Error, match="not been read"):
            translate.paint(read, photo, model, None, str(FACE))
    assert seen(None, "portrait")[2] == "" and seen(None, "auto")[2] == "" and seen(None, None)[2] == ""


# Pictures of any size


def test_large_pictures_are_whole_and_their_copies_are_not():
    large = Image.effect_noise((2048, 2048), 40).convert("RGB")
    assert results.at_most(large).size == (results.MOST, results.MOST)
    assert canvas.on_canvas(large, 512).size == (512, 512) == canvas.on_canvas(large.resize((64, 64)), 512).size


def test_memory_is_what_was_held_meanwhile():
    import torch

    from cocos_demo.device import forget_peak, peak_memory

    cpu = torch.device("cpu")
    forget_peak(cpu)
    before = peak_memory(cpu)
    torch.ones(100 << 18)  # 100 MiB
    after = peak_memory(cpu)
    forget_peak(cpu)
    assert after - before > 90 << 20 and peak_memory(cpu) < after


# As a person and as a program meet it


def drag(page, points):  # noqa: F811
    """Draw along points, in shares of the canvas from its middle."""
    page.evaluate("document.querySelector('#editor').scrollIntoView({block: 'center', behavior: 'instant'})")
    page.wait_for_timeout(1500)  # the canvas fits itself to its place first
    box = page.locator("#editor canvas").first.bounding_box()
    x, y, side = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, min(box["width"], box["height"])
    page.mouse.move(x + points[0][0] * side, y + points[0][1] * side)
    page.mouse.down()
    for right, down in points[1:]:
        page.mouse.move(x + right * side, y + down * side, steps=10)
    page.mouse.up()
    page.wait_for_timeout(800)


def chosen(page):  # noqa: F811
    """Wait until the canvas has the brush of the chosen class: a busy browser takes its time."""
    page.wait_for_function("""() => {
        const pen = document.querySelector('#editor [aria-label=Color]'), chip = document.querySelector('.palette .on i');
        return pen && getComputedStyle(pen).color === getComputedStyle(chip).backgroundColor;
    }""")


def test_the_api_takes_maps_and_sketches(client, tmp_path):  # noqa: F811
    from gradio_client import handle_file

    scene = Image.fromarray(np.tile(np.array([27, 3], np.uint8).repeat(32), (64, 1)))
    scene.save(tmp_path / "scene.png")
    sketch = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(sketch).ellipse([30, 60, 170, 140], outline="black", width=3)
    sketch.save(tmp_path / "sketch.png")
    given, look = handle_file(tmp_path / "scene.png"), handle_file(square(tmp_path))
    picture, _, condition, facts, _ = client.predict(given, look, "my_scenes", "own", given, api_name="/translate")
    assert Image.open(picture).size == (SIZE, SIZE) and facts["memory"] > 0
    assert {tuple(colour) for _, colour in Image.open(condition).convert("RGB").getcolors()} == {
        tuple(ADE.palette[n].tolist()) for n in (3, 27)}  # fmt: skip
    assert client.predict(handle_file(tmp_path / "sketch.png"), look, "my_shoes", api_name="/translate")[3]["model"] == "my_shoes"


def test_a_class_chosen_by_name_is_painted(page, tmp_path):  # noqa: F811
    page.get_by_label(task.PAINT).click()
    page.wait_for_selector(".palette:has-text('torso')")
    page.click("#model input")
    page.click("text=my_scenes (map of a scene, 64 px, imported)")
    page.wait_for_selector(".palette [type=search]")
    page.fill(".palette [type=search]", "xyz")
    assert page.locator(".palette .none").is_visible() and not page.locator(".palette button:visible").count()
    page.fill(".palette [type=search]", "mount")
    page.press(".palette [type=search]", "Enter")
    assert page.inner_text(".palette .now") == "mountain"
    chosen(page)
    drag(page, [(-0.3, 0), (0.3, 0), (-0.3, 0)])  # on a busy machine the brush changes while it moves: there and back
    page.click('#editor button[aria-label="Erase"]')
    page.fill(".palette [type=search]", "")
    page.click(".palette button[data-name=sky]")  # takes up the brush again
    chosen(page)
    drag(page, [(-0.3, -0.3), (0.3, -0.3), (-0.3, -0.3)])
    scene = tmp_path / "scene.png"
    Image.fromarray(np.full((64, 64), 3, np.uint8) + (np.arange(64) > 30)[:, None].astype(np.uint8)).save(scene)
    page.locator("#own-map input[type=file]").set_input_files(scene)
    page.wait_for_selector("#own-map img")
    page.locator("#exemplar input[type=file]").set_input_files(square(tmp_path))
    page.wait_for_selector("#exemplar img[src*='look']")
    picture = Image.open(io.BytesIO(page.request.get(translated(page)).body()))
    assert picture.size == (512, 512) and "Painted at 64 × 64 pixels" in page.inner_text("body")
    drawn = page.locator("img[src*='webp']").first.get_attribute("src")
    drawn = np.asarray(Image.open(io.BytesIO(page.request.get(drawn).body())).convert("RGB"), int)
    mountain, sky = (np.abs(drawn - ADE.palette[ADE.channels.index(name)]).max(-1) < 20 for name in ("mountain", "sky"))
    assert mountain[240:272, 200].all() and sky[40:140, 200].sum() > 30 and not sky[200:].any() and not mountain[:200].any()
    assert not page.locator("#closer").is_visible()  # there is no photo to look closer at


def test_a_sketch_is_drawn_by_mouse(page, tmp_path):  # noqa: F811
    page.get_by_label(task.SKETCH).click()
    page.wait_for_selector("#about:has-text('Draw with the pen')")
    page.wait_for_selector("#translate:not([disabled])")
    page.locator("#exemplar input[type=file]").set_input_files(FIGURE)
    page.wait_for_selector("#exemplar img")
    drag(page, [(-0.4, 0.2), (0, -0.3), (0.4, 0.2), (-0.4, 0.2)])
    with_lines = translated(page)
    page.click('#editor button[aria-label="Undo"]')
    page.wait_for_timeout(800)
    assert translated(page) != with_lines
