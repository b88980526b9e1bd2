"""A made-up ADE20K: scenes of sky, grass and a building, in the SceneParsing release's layout or as CoCosNet's code wants it."""

import numpy as np
from PIL import Image

SKY, GRASS, BUILDING, UNKNOWN = 3, 10, 2, 0
CATEGORIES = ("street", "bedroom", "church_outdoor", "misc", "kitchen", "mountain_snowy")  # in turn


def scene(number, width=64, height=48):
    """Picture (RGB) and class numbers of scene `number`: the horizon and the building differ from one to the next."""
    labels = np.full((height, width), GRASS, np.uint8)
    labels[: 16 + number % 8] = SKY
    labels[12:36, 8 + number % 20 : 28 + number % 20] = BUILDING
    labels[-2:] = UNKNOWN
    colours = np.zeros((256, 3), np.uint8)
    colours[[SKY, GRASS, BUILDING]] = (120, 170, 230), (60, 140 + number % 60, 50), (150, 90 + number % 100, 80)
    return Image.fromarray(colours[labels]), labels


def release(root, train=4, test=2, beside=False):
    """Write it into `root` -> root. `beside`: each .png beside its .jpg, without annotations/."""
    lines = []
    for split, word, count in (("training", "train", train), ("validation", "val", test)):
        for folder in ("images", "images" if beside else "annotations"):
            (root / folder / split).mkdir(parents=True, exist_ok=True)
        for number in range(1, count + 1):
            name = f"ADE_{word}_{number:08d}"
            picture, labels = scene(number + (100 if word == "val" else 0))
            picture.save(root / "images" / split / f"{name}.jpg", quality=95)
            Image.fromarray(labels).save(root / ("images" if beside else "annotations") / split / f"{name}.png")
            lines.append(f"{name} {CATEGORIES[(number - 1) % len(CATEGORIES)]}")
    (root / "sceneCategories.txt").write_text("\n".join(lines) + "\n")
    (root / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tStuff\tName\n")
    return root
