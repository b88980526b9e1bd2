"""Manners of painting: whose colours, what ground behind the head, which garment, which brush. No artist's work is copied.

A manner is a table row; `mixed(manner, rng)` varies it, so that the same manner gives two people two palettes.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np


@dataclass(frozen=True)
class Manner:
    """Colours are hex strings, a ramp goes from shadow to light."""

    ramp: tuple[str, ...]  # of the person
    mix: float  # how much of the ramp's hue takes the place of the photo's
    ground: tuple[str, ...]  # behind the person; () keeps what is there, in the ramp's hues
    layout: str = "plain"  # of the ground: plain, halo, landscape, drape, patches, mosaic
    garments: tuple[str, ...] = ()  # one of these for what is bright below the chin
    brush: str = "oil"
    radius: int = 4
    contrast: float = 1.0
    level: float = 0.0  # added to lightness, 0..100
    saturation: float = 1.0
    dusk: float = 0.0  # how dark the side away from the light is
    varnish: str = "ffffff"  # multiplied over everything
    impasto: float = 0.2
    canvas: float = 0.03
    light: float = -2.4  # angle that the light comes from: upper left


MANNERS = {
    # old masters: brown grounds, one light, smooth or broad
    "chiaroscuro": Manner(("1a0f08", "7a4522", "d99a5b", "f7dfae"), .75, ("0b0805", "1d130a", "3a2614"),
                          "halo", ("3b1a12", "2c2417", "5a4a2a", "e7d6ae"), "oil", 4, 1.2, -8, 1.0, .75, "f6e6c2", .3, .03),
    "sfumato": Manner(("241c10", "6b5529", "c2a15c", "ecd9a0"), .7, ("8fa08a", "7f8a5a", "5b5a33", "3a351f"),
                      "landscape", ("3d3a22", "4f2f1c", "2f3b32"), "glaze", 6, .9, -6, .9, .35, "f0dfae", .08, .02),
    "panel": Manner(("20160f", "8a5a41", "dcae90", "f6e6d4"), .6, ("0c1512", "12231d", "1b3028"),
                    "plain", ("7d1716", "17352b", "1b2238", "efe7d6"), "glaze", 4, 1.1, 2, 1.0, .3, "fbf2dc", .15, .02),
    "velvet": Manner(("141110", "6a4a3c", "cf9d84", "f5e4d8"), .6, ("2a2725", "4a4642", "6a655f"),
                     "halo", ("17161a", "8b2f35", "b9b6b0"), "strokes", 6, 1.15, -3, .9, .5, "f7f0e2", .3, .04),
    "grisaille": Manner(("140f0b", "5a4736", "a68f75", "e9dcc6"), .97, ("3a3026", "5d4e3f", "857361"),
                        "plain", ("4a3d31", "d8cab3"), "oil", 5, 1.1, -2, .7, .4, "f5ead6", .25, .06),
    "candlelight": Manner(("0c0a10", "5b2410", "e07a22", "ffe39a"), .85, ("060509", "120b0c", "2a1208"),
                          "halo", ("4a1510", "2a1a12", "77461a"), "oil", 5, 1.3, -10, 1.1, .9, "ffe9c0", .25, .02),
    "icon": Manner(("2b1a0c", "7d5426", "c9985a", "edd19c"), .85, ("8f6a1c", "c89b35", "ecd07a"),
                   "halo", ("7c1d1a", "1d3a5c", "2e4a2b"), "wash", 3, 1.05, 0, 1.0, .15, "fbeec9", .15, .0),
    # courts and salons
    "rococo": Manner(("5a3b3f", "c08078", "f2c4b2", "fff1e4"), .65, ("9db8c9", "b9cfd6", "e3dccf"),
                     "halo", ("e9a9b4", "a9c6dc", "f3e4c4", "b7d3b4"), "glaze", 6, .85, 10, 1.1, .1, "fffaf0", .28, .04),
    "romantic": Manner(("1d1418", "7b3f35", "d8906f", "f8dcc0"), .65, ("d98d55", "8d5a52", "45405a", "22242f"),
                       "landscape", ("53221f", "1f2d3f", "e8dcc8"), "strokes", 6, 1.1, -4, 1.1, .5, "fbeed6", .35, .04),
    "jewel": Manner(("1c1620", "8f4a3c", "e3a98a", "fdeedd"), .55, ("0f3b2e", "1f5a3c", "4c7a3a"),
                    "drape", ("1f6a56", "6a2a6d", "b1462a", "234a8c"), "oil", 3, 1.1, 3, 1.4, .25, "fff8e6", .3, .03),
    "nordic": Manner(("23282e", "6f6a68", "b9aea6", "e8e6e2"), .75, ("8f979b", "aab1b3", "c4c8c6"),
                     "plain", ("2c3138", "6d7880", "d5d6d2"), "strokes", 5, .95, 2, .6, .25, "f6f8f8", .25, .05),
    # light and broken colour
    "impressionist": Manner(("3b3f78", "a0648a", "efae86", "fff0c8"), .7, ("7fa6c9", "8fc0a0", "c9d79a", "f0e3b8"),
                            "landscape", ("5d7fc0", "e8b9c0", "e9eef5", "7fb08a"), "strokes", 5, .95, 8, 1.3, .1, "ffffff",
                            .35, .05),
    "garden": Manner(("2f4a45", "94705f", "ecb58f", "fff2d2"), .6, ("2f6a3c", "5c9a4a", "a8c465", "e58fa4"),
                     "plain", ("f4efe2", "7aa6d6", "efc24b"), "strokes", 4, .95, 6, 1.4, .1, "fffdf2", .4, .05),
    "points": Manner(("2c3a8c", "b0508a", "f2a25e", "fff0b0"), .75, ("2f7f8f", "5fb08a", "e2c95f"),
                     "plain", ("3f5fb5", "e0733f", "8a4f9e"), "dots", 3, 1.0, 6, 1.6, .1, "ffffff", .2, .0),
    "swirls": Manner(("1f3550", "7a7a3c", "e0a648", "fbe9a0"), .8, ("12305c", "2a6a9c", "63a8b8", "b9d6a8"),
                     "plain", ("1f4f7a", "3f7a4a", "c77a22"), "swirled", 4, 1.1, 0, 1.4, .15, "fffbe8", .45, .03),
    "sunflowers": Manner(("5a3a12", "b8742a", "efc05a", "fff3b8"), .8, ("d99a1e", "efc43c", "f7e28a"),
                         "plain", ("2f6a4f", "2a4f8c", "a4551f"), "swirled", 4, 1.0, 4, 1.4, .1, "fffbe0", .45, .03),
    # colour set free
    "fauvist": Manner(("103f6a", "1f8f6a", "f0713a", "ffe06a"), .88, ("d8335a", "f08a2a", "2f9f9a"),
                      "patches", ("7a2f9a", "e03f2f", "1f6fc0"), "strokes", 7, 1.15, 5, 1.8, .1, "ffffff", .35, .05),
    "blue": Manner(("0b1430", "1f4478", "6b9cc4", "d9e9f0"), .95, ("0f2a52", "1f4d80", "4c83ad"),
                   "plain", ("142a52", "3a6a9c", "9dbfd4"), "oil", 5, 1.05, -4, .8, .3, "eef6ff", .25, .05),
    "rose": Manner(("4a2420", "a65a48", "e6a588", "fbe3d0"), .9, ("c98a78", "dca893", "efcdb8"),
                   "plain", ("b55a4a", "d9b48f", "7f4a52"), "oil", 5, .9, 4, 1.0, .1, "fff4ec", .2, .05),
    "expressionist": Manner(("140c1c", "2f5a3a", "d8432f", "fbe05a"), .85, ("2a0f1f", "8c1f2f", "d8632a", "e8b53a"),
                            "landscape", ("161620", "24553f", "5a1f6a"), "knife", 6, 1.35, -2, 1.6, .3, "fff6e2", .5, .04),
    "facets": Manner(("2a3440", "6f6a4f", "cfa06a", "f3e2bc"), .75, ("5f7f8f", "8f9a6a", "c48f5a"),
                     "patches", ("3f5f7a", "a8562f", "6a7a4a"), "knife", 5, 1.1, 0, 1.1, .2, "fdf6e4", .4, .06),
    "gilded": Manner(("2f2018", "9a6048", "e6b48c", "fdeeda"), .55, ("8a5f14", "cf9a24", "f2d467", "3f2f14"),
                     "mosaic", ("c8921f", "1f2f4a", "7a3f7f"), "oil", 3, 1.0, 4, 1.3, .1, "fff5d2", .2, .02),
    "poster": Manner(("1a2440", "8c3f5a", "f2906a", "ffe9c0"), .88, ("1f8a8a", "2fb0a4"),
                     "halo", ("f0b02f", "d83f4f", "20305a"), "knife", 8, 1.3, 4, 1.5, .1, "ffffff", .1, .0),
    "plein air": Manner(("2a2a3a", "8a5a50", "e8b48c", "fff2d8"), .5, (), "plain", (), "strokes", 5, 1.0, 2, 1.3, .15,
                        "fffaea", .35, .05),
}  # fmt: skip


def rgb(colour: str) -> np.ndarray:
    """"rrggbb" -> (3,) float32 in 0..1."""
    return np.array([int(colour[i:i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def lab(colours) -> np.ndarray:
    """(..., 3) RGB in 0..1 -> CIE L*a*b* (L 0..100)."""
    array = np.asarray(colours, np.float32)
    return cv2.cvtColor(array.reshape(1, -1, 3), cv2.COLOR_RGB2Lab).reshape(array.shape)


def from_lab(array: np.ndarray) -> np.ndarray:
    """L*a*b* (..., 3) -> RGB, clipped to 0..1."""
    flat = np.ascontiguousarray(array, np.float32).reshape(1, -1, 3)
    return np.clip(cv2.cvtColor(flat, cv2.COLOR_Lab2RGB), 0, 1).reshape(array.shape)


def mixed(manner: Manner, rng: np.random.Generator) -> Manner:
    """The manner as a painter mixed it for one sitter: hues turned, amounts a little more or less, the light from either side."""
    def turned(colours: tuple[str, ...], spread: float) -> tuple[str, ...]:
        angle, lift = rng.normal(0, spread), rng.normal(0, 4)
        return tuple(_turned(colour, angle, lift) for colour in colours)

    def varied(value: float, share: float) -> float:
        return value * float(np.exp(rng.normal(0, share)))

    garment = (manner.garments[rng.integers(len(manner.garments))],) if manner.garments else ()
    light = manner.light if rng.random() < 0.7 else -np.pi - manner.light
    return replace(
        manner,
        ramp=turned(manner.ramp, 0.12),
        ground=turned(manner.ground, 0.2),
        garments=turned(garment, 0.3),
        mix=min(1.0, varied(manner.mix, 0.08)),
        contrast=varied(manner.contrast, 0.06),
        level=manner.level + float(rng.normal(0, 2.5)),
        saturation=varied(manner.saturation, 0.12),
        dusk=min(0.95, varied(manner.dusk, 0.2)),
        impasto=varied(manner.impasto, 0.25),
        canvas=varied(manner.canvas, 0.3),
        light=float(light + rng.normal(0, 0.2)),
    )


def _turned(colour: str, angle: float, lift: float) -> str:
    """A colour with its hue turned by `angle` (radians) and its lightness lifted."""
    L, a, b = lab(rgb(colour))
    c, s = np.cos(angle), np.sin(angle)
    new = from_lab(np.array([np.clip(L + lift, 2, 98), c * a - s * b, s * a + c * b]))
    return "".join(f"{round(255 * float(v)):02x}" for v in new)
