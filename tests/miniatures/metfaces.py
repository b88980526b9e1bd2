"""A made-up MetFaces: portraits of AI-made people as squares of 1024 pixels, under names as the set has them."""

from pathlib import Path

from PIL import Image, ImageOps

PORTRAITS = Path(__file__).parents[2] / "data" / "samples" / "portraits"
PICTURES = {"11713-00.png": "P001_happy", "11713-01.png": "P003_thoughtful", "11000-00.png": "P005_neutral"}


def build(root: Path, size: int = 1024) -> Path:
    """Write it -> root. Of the works, 11000 is of the test; 285-00.png shows nobody."""
    (root / "images").mkdir(parents=True)
    for name, portrait in PICTURES.items():
        picture = ImageOps.fit(Image.open(PORTRAITS / f"{portrait}.jpg").convert("RGB"), (size, size))
        picture.save(root / "images" / name, compress_level=1)
    Image.new("RGB", (size, size), (120, 110, 90)).save(root / "images" / "285-00.png")
    return root
