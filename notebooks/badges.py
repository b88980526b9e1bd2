"""Write the project's address, which stands in docs/urls.toml, into every notebook: `python notebooks/badges.py`.

Two places carry it: the Colab badge in the first cell, and the cell tagged `colab` after it, which fetches the project there and
does nothing anywhere else.
"""

import re
import tomllib
from pathlib import Path

import nbformat

from cocos_demo.files import beside

HERE = Path(__file__).resolve().parent
ICON = "https://colab.research.google.com/assets/colab-badge.svg"
BADGE = re.compile(rf"\[!\[Open in Colab\]\({re.escape(ICON)}\)\]\([^)]*\)")
FETCH = """\
import sys

if "google.colab" in sys.modules:  # elsewhere the project is there already
    !git clone --quiet --depth 1 --branch {branch} https://github.com/{github} project
    !pip install --quiet --requirement project/requirements.txt
    %cd project/notebooks
    sys.path.append("..")"""


def address(urls: Path = HERE.parent / "docs" / "urls.toml") -> dict[str, str]:
    """github (owner/name) and branch."""
    return tomllib.loads(urls.read_text())


def addressed(notebook: nbformat.NotebookNode, name: str, urls: dict[str, str]) -> nbformat.NotebookNode:
    """The notebook with the badge and the cell for this address; ValueError if its first cell has no badge to fill in."""
    first, *rest = notebook.cells
    badge = f"[![Open in Colab]({ICON})](https://colab.research.google.com/github/{{github}}/blob/{{branch}}/notebooks/{name})"
    first.source, found = BADGE.subn(badge.format(**urls), first.source)
    if found != 1:
        raise ValueError(f"{name}: the first cell needs one Colab badge, and has {found}")
    rest = [cell for cell in rest if "colab" not in cell.metadata.get("tags", [])]
    fetch = nbformat.v4.new_code_cell(FETCH.format(**urls), id="colab", metadata={"tags": ["colab"]})
    notebook.cells = [first, fetch, *rest]
    return notebook


def main() -> None:
    for path in sorted(HERE.glob("*.ipynb")):
        before = path.read_text("utf-8")
        notebook = addressed(nbformat.reads(before, as_version=4), path.name, address())
        after = nbformat.writes(notebook) + "\n"
        if after != before:
            with beside(path) as partial:
                partial.write_text(after, "utf-8")
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
