"""A small prepared folder, in the published format, for tests that train or measure."""

import json

import numpy as np
from PIL import Image

from cocos_demo.conditions import KINDS, LabelKind


def prepared(path, condition="figure", people=3, shots=2, size=32, held_out=1, seed=0):
    """Write random pictures of `people`, the last `held_out` of them in the split "test" -> the folder."""
    rng = np.random.default_rng(seed)
    items, points = [], []
    for folder in ("images", *(("parts", "surface") if condition == "figure" else ("edges",))):
        (path / folder).mkdir(parents=True)
    for p in range(people):
        colour = rng.integers(0, 256, 3)
        for s in range(shots):
            name = f"P{p}_{s}"
            items.append({"name": name, "person": f"P{p}", "split": "test" if p >= people - held_out else "train", "yaw": 0.0})
            points.append(np.column_stack([rng.uniform(0.2, 0.8, (18 if condition == "figure" else 478, 2)),
                                           np.ones(18 if condition == "figure" else 478)]))
            picture = np.full((size, size, 3), 200, np.uint8)
            picture[size // 4:-size // 4, size // 4:-size // 4] = colour
            Image.fromarray(picture).save(path / "images" / f"{name}.jpg", quality=95)
            if condition == "figure":
                mask = np.zeros((size, size), bool)
                mask[size // 4:-size // 4, size // 4:-size // 4] = True
                parts = np.where(np.arange(size) < size // 2, 2, 1) * mask  # the person's left is on the picture's right
                Image.fromarray(parts.astype(np.uint8)).save(path / "parts" / f"{name}.png")
                grid = np.stack(np.meshgrid(np.arange(size), np.arange(size), [0]), -1).reshape(size, size, 3)
                np.savez_compressed(path / "surface" / f"{name}.npz", xyz=(grid * 1000).astype(np.uint16), mask=mask)
            else:
                Image.fromarray(np.zeros((256, 256), np.uint8)).save(path / "edges" / f"{name}.png")
    index = {"format": 1, "condition": condition, "size": size, "source": "made up", "items": items}
    if condition == "figure":
        index |= {"parts": ["background", "left thigh", "right thigh"],
                  "surface": {"low": [0, 0, 0], "high": [65.535, 65.535, 65.535]}}
    (path / "index.json").write_text(json.dumps(index))
    np.save(path / "points.npy", np.array(points, np.float32))
    return path


def masked(path, **options):
    """A prepared folder of portraits with foreground masks -> the folder."""
    path = prepared(path, condition="portrait", **options)
    (path / "masks").mkdir()
    for picture in (path / "images").iterdir():
        mask = np.zeros((32, 32), bool)
        mask[8:-8, 8:-8] = True
        Image.fromarray(mask).save(path / "masks" / f"{picture.stem}.png")
    return path


def of_kind(path, condition, people=2, shots=2, size=32, masks=True, seed=0):
    """A prepared folder of any kind of condition: noise, with rasters of the folder's own size -> the folder."""
    rng, kind, items = np.random.default_rng(seed), KINDS[condition], []
    count = 0 if isinstance(kind, LabelKind) else 478 if kind.stored else 18
    for part in {"images", "masks", kind.stored} - {None}:
        (path / part).mkdir(parents=True)
    for p in range(people):
        for s in range(shots):
            name = f"P{p}_{s}"
            items.append({"name": name, "person": f"P{p}", "split": "train", "source": f"{name}.jpg"})
            noise = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path / "images" / f"{name}.jpg", quality=95)
            Image.fromarray(np.arange(size * size).reshape(size, size) % 2 == 0).save(path / "masks" / f"{name}.png")
            if kind.stored:
                top = len(kind.channels) if isinstance(kind, LabelKind) else 16
                Image.fromarray(rng.integers(0, top, (size, size), dtype=np.uint8)).save(path / kind.stored / f"{name}.png")
    if not masks:
        for picture in (path / "masks").iterdir():
            picture.unlink()
        (path / "masks").rmdir()
    points = rng.uniform(0.2, 0.8, (len(items), count, 3)).astype(np.float32)
    points[..., 2] = 1
    np.save(path / "points.npy", points)
    (path / "index.json").write_text(json.dumps({"format": 1, "condition": condition, "size": size, "source": "made up",
                                                 "items": items}))
    return path
