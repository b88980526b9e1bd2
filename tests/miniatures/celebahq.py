"""A made-up CelebA-HQ with CelebAMask-HQ's layout: drawn faces, a file a part, and the mapping to CelebA's numbers."""

import numpy as np
from PIL import Image

SIDE, MASK = 128, 64  # pixels of a picture and of a mask
# Part: centre and radii of an ellipse, in sides of the picture. As in the real set, skin reaches under the parts that lie on it.
ELLIPSES = {
    "skin": (0.5, 0.55, 0.27, 0.35), "hair": (0.5, 0.2, 0.36, 0.18), "nose": (0.5, 0.56, 0.05, 0.1),
    "l_brow": (0.38, 0.42, 0.08, 0.02), "r_brow": (0.62, 0.42, 0.08, 0.02), "l_eye": (0.38, 0.48, 0.06, 0.03),
    "r_eye": (0.62, 0.48, 0.06, 0.03), "mouth": (0.5, 0.74, 0.08, 0.02), "u_lip": (0.5, 0.71, 0.1, 0.02),
    "l_lip": (0.5, 0.77, 0.1, 0.02), "neck": (0.5, 0.95, 0.16, 0.12), "cloth": (0.5, 1.05, 0.5, 0.14),
    "eye_g": (0.5, 0.48, 0.24, 0.07), "l_ear": (0.22, 0.55, 0.04, 0.08), "hat": (0.5, 0.12, 0.4, 0.1),
}  # fmt: skip
ALWAYS = ("skin", "hair", "nose", "l_brow", "r_brow", "l_eye", "r_eye", "u_lip", "l_lip", "neck", "cloth")
# Original numbers of the pictures 0, 1, ...: CelebA's training part ends with 162770, its validation part with 182637.
ORIGINALS = (1, 162770, 119614, 75, 162771, 182637, 182638, 202599)


def ellipse(part, side=MASK, shift=0.0):
    """The part's mask, bool (side, side)."""
    x, y, a, b = ELLIPSES[part]
    v, u = (np.mgrid[:side, :side] + 0.5) / side
    return ((u - x - shift) / a) ** 2 + ((v - y) / b) ** 2 < 1


def parts_of(number):
    """The parts of picture `number`: glasses on every third, an ear on every other."""
    return (*ALWAYS, *(("eye_g",) if number % 3 == 0 else ()), *(("l_ear",) if number % 2 else ()))


def picture(number, side=SIDE):
    """A drawn face, RGB."""
    rng = np.random.default_rng(number)
    rgb = np.full((side, side, 3), rng.integers(60, 200, 3), np.uint8)
    rgb[: side // 3, : side // 3] = 255 - rgb[0, 0]  # something in the background
    for part in parts_of(number):
        rgb[ellipse(part, side, number / 400)] = rng.integers(0, 256, 3)
    return Image.fromarray(rgb)


def mask_file(root, number, part):
    return root / "CelebAMask-HQ-mask-anno" / str(number // 2000) / f"{number:05d}_{part}.png"


def release(root, originals=ORIGINALS, numbers=None, masks=True):
    """Write it into `root` -> root. `numbers`: of the pictures in CelebA-HQ, from 0 on if not given."""
    numbers = range(len(originals)) if numbers is None else numbers
    (root / "CelebA-HQ-img").mkdir(parents=True)
    lines = ["idx       orig_idx  orig_file"]
    for number, original in zip(numbers, originals, strict=True):
        picture(number).save(root / "CelebA-HQ-img" / f"{number}.jpg", quality=95)
        lines.append(f"{number:<9d} {original - 1:<9d} {original:06d}.jpg")
        for part in parts_of(number) if masks else ():
            file = mask_file(root, number, part)
            file.parent.mkdir(parents=True, exist_ok=True)
            rgb = np.repeat(ellipse(part, MASK, number / 400)[..., None] * np.uint8(255), 3, axis=-1)
            Image.fromarray(rgb).save(file)
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(lines) + "\n")
    return root
