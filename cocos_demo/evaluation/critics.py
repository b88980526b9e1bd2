"""What perceptual networks say of a network's outputs; what cannot be had here is left out, and said once."""

import hashlib
from importlib.util import find_spec
from itertools import combinations

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..features import VGG, FeaturesError, load_vgg, load_vgg16_base
from ..metrics import (
    LPIPS_LAYERS,
    SEMANTIC,
    STYLE,
    MetricMissing,
    fid,
    frechet_distance,
    load_lpips,
    mean_cosine,
    perceptual_distance,
    position_cosine,
    region_cosine,
    swd,
)
from .pairs import Answers

FRECHET_LAYER = "relu5_3"
FRECHET = f"Frechet distance (VGG-16 {FRECHET_LAYER})"  # another network's distance than FID's
EVEN = "perceptual distance (VGG-16, equal weights)"  # LPIPS without its heads
PHOTO, EXEMPLAR = " of the photo itself", " of the exemplar itself"  # the trivial answers
BACKGROUND = 0
MOST_KEPT = 512 * 2**20  # bytes of features that are kept of pictures that come again


class Critics:
    """The perceptual networks, loaded once. `pairs`: at most so many of each sort are shown to them, 0 for none.

    `notes`: one line for each measure that is left out, why, and what to do.
    """

    def __init__(self, pairs: int):
        self.pairs, self.notes, self.left_out = pairs, [], frozenset()
        self.vgg: VGG | None = None
        self.distances: dict[str, tuple[VGG, dict[str, Tensor] | None]] = {}  # name: network, heads
        self.fid = pairs > 0
        self._seen: dict[tuple, dict[str, Tensor]] = {}  # features of photos, which network after network is compared with
        if find_spec("torchmetrics") is None:
            self.left_out = frozenset({"SSIM"})
            self.notes.append('SSIM is left out: it needs the package torchmetrics, pip install --editable ".[train]"')
        if not pairs:
            return
        try:
            self.vgg = load_vgg("vgg16")
            self.distances[EVEN] = self.vgg, None
        except FeaturesError as error:
            self.vgg = load_vgg16_base()
            self.notes.append(f"semantic consistency, {EVEN} and {FRECHET} are left out: {error}")
        try:
            self.distances["LPIPS"] = load_lpips()
        except MetricMissing as error:
            self.notes.append(f"LPIPS is left out: {error}")

    @torch.no_grad()
    def likeness(self, answers: Answers) -> dict[str, float]:
        """Same person: how far the output is from the photo to a perceptual network, and how far the exemplar is."""
        rows: dict[str, list[float]] = {}
        for k in tqdm(range(min(self.pairs, len(answers))), desc="likeness", leave=False):
            for name, (net, heads) in self.distances.items():
                output, exemplar, photo = (_see(net, batch[k]) for batch in (answers.outputs, answers.exemplars, answers.photos))
                rows.setdefault(name, []).append(perceptual_distance(output, photo, heads))
                rows.setdefault(name + EXEMPLAR, []).append(perceptual_distance(exemplar, photo, heads))
        return _means(rows)

    @torch.no_grad()
    def looks(self, answers: Answers) -> dict[str, float]:
        """Another person: content kept from the photo, style taken from the exemplar, and how real the outputs are as a set."""
        n, rows, sets = min(self.pairs, len(answers)), {}, {"": [], EXEMPLAR: [], "photos": []}
        for k in tqdm(range(n), desc="looks", leave=False):
            output = _see(self.vgg, answers.outputs[k])
            photo, exemplar = (self._see_again(self.vgg, batch[k]) for batch in (answers.photos, answers.exemplars))
            x, y = answers.photo_regions[k], answers.exemplar_regions[k]
            found = _style(output, exemplar, x, y, "") | _style(photo, exemplar, x, y, PHOTO)
            if FRECHET_LAYER in output:  # the whole network is there
                found |= _content(output, photo, x, "") | _content(exemplar, photo, x, EXEMPLAR)
                for name, seen in (("", output), (EXEMPLAR, exemplar), ("photos", photo)):
                    sets[name].append(seen[FRECHET_LAYER].mean(dim=(1, 2)))
            for name, value in found.items():
                rows.setdefault(name, []).append(value)
        figures = {"pairs seen by VGG-16": n} | _means(rows) if n else {}
        if len(sets["photos"]) > 1:
            photos = torch.stack(sets["photos"])
            figures |= {FRECHET + whose: frechet_distance(torch.stack(sets[whose]), photos) for whose in ("", EXEMPLAR)}
        figures |= self._fid(answers.outputs, answers.photos)
        for whose, batch in (("", answers.outputs), (EXEMPLAR, answers.exemplars)):
            levels = swd(batch, answers.photos)
            figures |= {f"SWD{whose}": sum(levels.values()) / len(levels)}
            figures |= {f"SWD{whose}, {side} px": value for side, value in levels.items()}
        return figures

    @torch.no_grad()
    def realness(self, outputs: Tensor, photos: Tensor, which: list[int]) -> dict[str, float]:
        """The distances of `looks` alone: outputs (N, 3, S, S) as a set, beside photos (M, 3, S, S). `which`: N numbers, each
        output's photo."""
        figures = {}
        if FRECHET_LAYER in self.vgg.convs:
            a, b = (torch.cat([self.vgg(part, (FRECHET_LAYER,))[FRECHET_LAYER].mean(dim=(2, 3))
                               for part in tqdm(batch.split(16), desc="realness", leave=False)]) for batch in (outputs, photos))
            figures[FRECHET] = frechet_distance(a, b[which])
        levels = swd(outputs, photos[which])
        return figures | self._fid(outputs, photos[which]) | {"SWD": sum(levels.values()) / len(levels)}

    @torch.no_grad()
    def diversity(self, variants: Tensor) -> dict[str, float]:
        """How different (K, 3, S, S) are, K >= 2, to a perceptual network: the mean distance of any two of them."""
        return {name: float(np.mean([perceptual_distance(f, g, heads)
                                     for f, g in combinations([_see(net, picture) for picture in variants], 2)]))
                for name, (net, heads) in self.distances.items()}

    @torch.no_grad()
    def between(self, a: Tensor, b: Tensor) -> dict[str, float]:
        """The mean distance of a's pictures to b's, (N, 3, S, S) each, to a perceptual network; nothing where none is here."""
        return {name: float(np.mean([perceptual_distance(_see(net, f), self._see_again(net, g), heads) for f, g in zip(a, b)]))
                for name, (net, heads) in self.distances.items()}

    def _see_again(self, net: VGG, picture: Tensor) -> dict[str, Tensor]:
        """`_see` of a picture that will come again; kept while there is room, the oldest given up first."""
        key = id(net), picture.shape, hashlib.sha256(picture.cpu().numpy().tobytes()).digest()
        if key not in self._seen:
            found = _see(net, picture)
            most = MOST_KEPT // sum(4 * f.numel() for f in found.values())
            while self._seen and len(self._seen) >= most:
                self._seen.pop(next(iter(self._seen)))
            self._seen[key] = found
        return self._seen[key]

    def _fid(self, outputs: Tensor, photos: Tensor) -> dict[str, float]:
        if not self.fid or len(outputs) < 2:
            return {}
        try:
            return {"FID": fid(outputs, photos)}
        except MetricMissing as error:
            self.fid = False
            self.notes.append(f"FID is left out: {error}")
            return {}


def _see(net: VGG, picture: Tensor) -> dict[str, Tensor]:
    """(3, S, S) -> {layer: (C, h, w)}, all the layers that are looked at, as far as the network goes."""
    layers = {*SEMANTIC, *STYLE.values(), *LPIPS_LAYERS, FRECHET_LAYER} & set(net.convs)
    return {layer: f[0] for layer, f in net(picture[None], tuple(layers)).items()}


def _style(output: dict, exemplar: dict, x: Tensor, y: Tensor, whose: str) -> dict[str, float]:
    """Cosines of low layers between an output, laid out as x, and the exemplar, laid out as y."""
    found = {}
    for name, layer in STYLE.items():
        found[name + whose] = mean_cosine(output[layer], exemplar[layer])
        found[f"{name} by region{whose}"] = region_cosine(output[layer], exemplar[layer], x, y, ignore=(BACKGROUND,))
    return found


def _content(output: dict, photo: dict, x: Tensor, whose: str) -> dict[str, float]:
    """Cosines of high layers between an output and the photo, both laid out as x."""
    by_layer = [position_cosine(output[layer], photo[layer]) for layer in SEMANTIC]
    by_region = [region_cosine(output[layer], photo[layer], x, x) for layer in SEMANTIC]
    return {f"semantic consistency{whose}": sum(by_layer) / 3, f"semantic consistency by region{whose}": sum(by_region) / 3}


def _means(rows: dict[str, list[float]]) -> dict[str, float]:
    """Means over the pairs that have a value: two pictures may share no region."""
    return {name: float(torch.tensor(values, dtype=torch.float64).nanmean()) for name, values in rows.items()}
