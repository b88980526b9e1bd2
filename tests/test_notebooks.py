"""The lessons: what is committed, and that every cell runs, with the exercises solved as their solutions say."""

import base64
import io
import re
import runpy
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<details>\s*<summary>Solution</summary>\s*```python\n(.*?)```\s*</details>", re.DOTALL)
badges = runpy.run_path(str(ROOT / "notebooks" / "badges.py"))
pictures = runpy.run_path(str(ROOT / "notebooks" / "smaller.py"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def tagged(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def solved(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with every exercise replaced by the solution below it."""
    for cell, below in zip(notebook.cells, notebook.cells[1:]):
        if tagged(cell, "exercise"):
            cell.source = SOLUTION.search(below.source).group(1)
    return notebook


each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@each
def test_what_is_committed(path):
    assert path.stat().st_size < 1.5e6, "more than 1.5 MB"
    notebook = nbformat.validate(read(path)) or read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not tagged(cell, "colab")]
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert sum(bool(cell.outputs) for cell in code) > len(code) / 2, "not executed: make notebooks"
    long = [cell.source for cell in code if len([line for line in cell.source.splitlines() if line.strip()]) > 12]
    assert not long, "\n\n".join(long)
    title = notebook.cells[0].source
    assert title.startswith(f"# {path.stem[:2]} · ") and "network" in title and re.search("minute|second", title)
    for output in outputs:
        data = output.get("data", {})
        for kind in {"image/png", "image/jpeg"} & set(data):
            Image.open(io.BytesIO(base64.b64decode(data[kind]))).verify()
    text = "".join(cell.source for cell in notebook.cells)
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (path.parent / link).exists(), f"a link to {link}, which is not there"


@each
def test_the_address_is_the_projects(path):
    before = path.read_text()
    notebook = badges["addressed"](nbformat.reads(before, as_version=4), path.name, badges["address"]())
    assert nbformat.writes(notebook) + "\n" == before, "run: make badges"


@each
def test_exercises_have_solutions(path):
    notebook = read(path)
    exercises = [(cell, below) for cell, below in zip(notebook.cells, notebook.cells[1:]) if tagged(cell, "exercise")]
    assert exercises, "a lesson has exercises"
    for cell, below in exercises:
        assert "..." in cell.source and "..." not in SOLUTION.search(below.source).group(1)
        checks = [line for line in cell.source.splitlines() if "check(" in line or line.startswith("assert")]
        assert checks and all(line in below.source for line in checks), "the solution is checked as the exercise is"
    assert sum("<summary>Solution" in cell.source for cell in notebook.cells) == len(exercises)


@each
def test_every_cell_runs_with_the_exercises_solved(path):
    notebook = solved(read(path))
    NotebookClient(notebook, timeout=900, kernel_name="python3", store_widget_state=False,
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    said = "".join(o.get("text", "") for cell in notebook.cells if tagged(cell, "exercise") for o in cell.outputs)
    assert "Not yet" not in said


def test_the_glossary_names_the_lessons():
    text = (ROOT / "notebooks" / "README.md").read_text()
    for path in LESSONS:
        assert f"({path.name})" in text
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (ROOT / "notebooks" / link).exists(), link


def test_a_badge_is_needed():
    bare = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 09 · Bare")])
    with pytest.raises(ValueError, match="09_bare.ipynb: the first cell needs one Colab badge, and has 0"):
        badges["addressed"](bare, "09_bare.ipynb", badges["address"]())


def shown(**files: bytes) -> nbformat.NotebookNode:
    """A notebook with one output of these pictures: png=..., jpeg=..."""
    data = {f"image/{kind}": base64.b64encode(file).decode() for kind, file in files.items()} | {"text/plain": "a picture"}
    cell = nbformat.v4.new_code_cell("plot()", outputs=[nbformat.v4.new_output("display_data", data)])
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 09 · Bare"), cell])


def stored(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_pictures_are_kept_smaller_and_once(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    photograph = Image.fromarray(noise).resize((180, 180), Image.Resampling.BICUBIC)
    plot = Image.new("RGBA", (180, 120), "white")
    ImageDraw.Draw(plot).line((0, 10, 180, 100), "#0072B2", 3)
    film = stored(plot, "PNG", save_all=True, append_images=[plot.rotate(90)])
    path = tmp_path / "09_bare.ipynb"
    for files, left in (({"png": stored(plot, "PNG", compress_level=0)}, "png"),
                        ({"jpeg": stored(photograph, "JPEG", quality=95)}, "jpeg"),
                        ({"png": stored(photograph, "PNG"), "jpeg": stored(photograph, "JPEG", quality=75)}, "jpeg"),
                        ({"png": film}, "png")):
        nbformat.write(shown(**files), path)
        pictures["main"]([str(path)])
        once = path.read_bytes()
        data = read(path).cells[1].outputs[0].data
        kept = base64.b64decode(data[f"image/{left}"])
        assert set(data) == {f"image/{left}", "text/plain"} and len(kept) <= len(files[left])
        pictures["main"]([str(path)])
        assert path.read_bytes() == once
        if files == {"png": film}:
            assert kept == film
        elif len(files) == 1:
            assert len(kept) < 0.85 * len(files[left])
            before = plot.convert("RGB") if left == "png" else photograph
            assert np.abs(np.asarray(Image.open(io.BytesIO(kept)).convert("RGB"), int) - np.asarray(before, int)).mean() < 4
