"""edges2shoes and edges2handbags in miniature, in the layout of pix2pix's archives."""

import numpy as np
from PIL import Image, ImageDraw


def edges2photos(root, train=6, val=2, seed=0):
    """train/1_AB.jpg ... and val/1_AB.jpg ..., 512 x 256: drawn outlines, and shapes of any colour on white -> the folder."""
    rng = np.random.default_rng(seed)
    for folder, count in (("train", train), ("val", val)):
        (root / folder).mkdir(parents=True)
        for number in range(1, count + 1):
            x, y = rng.integers(30, 60, 2).tolist()
            box = (x, y + 20, 256 - x, 256 - y - 20)
            picture = Image.new("RGB", (512, 256), "white")
            pen = ImageDraw.Draw(picture)
            pen.ellipse(box, outline="black")
            pen.line((x + 20, 128, 236 - x, 128), fill="black")
            pen.ellipse((box[0] + 256, box[1], box[2] + 256, box[3]), fill=tuple(rng.integers(0, 200, 3).tolist()))
            pen.ellipse((374, 118, 394, 138), fill="white")  # a white badge is not the ground
            picture.save(root / folder / f"{number}_AB.jpg", quality=95)
    return root
