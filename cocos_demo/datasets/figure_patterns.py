"""Cloth: colours that go together and patterns as functions of a place on the cloth (numpy only)."""

from dataclasses import dataclass

import numpy as np

# Cloth colours, sRGB: darks, lights, and colours.
DARK = [(24, 24, 28), (38, 42, 58), (52, 46, 44), (30, 58, 52), (70, 28, 38), (44, 34, 66), (62, 66, 72)]
LIGHT = [(240, 238, 232), (226, 214, 192), (208, 214, 220), (246, 226, 216), (214, 230, 214), (250, 240, 200)]
BRIGHT = [
    (196, 48, 52), (226, 120, 46), (238, 190, 62), (86, 150, 78), (40, 120, 120), (62, 110, 186), (98, 78, 168),
    (196, 84, 140), (232, 148, 150), (122, 176, 214), (150, 110, 74), (120, 128, 62), (30, 68, 140), (120, 30, 60),
]  # fmt: skip
DENIM = [(58, 82, 122), (36, 50, 80), (112, 138, 170), (30, 32, 40)]

KINDS = {  # pattern -> how often
    "plain": 0.3, "stripes": 0.16, "bars": 0.07, "checks": 0.1, "dots": 0.09, "print": 0.12, "blocks": 0.07,
    "fade": 0.03, "blobs": 0.04, "zigzag": 0.02,
}  # fmt: skip


def smooth(x, low, high):
    """0 below low, 1 above high, a smooth step between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def waves(points, seed, scale, count=6):
    """A smooth field (N,) in about -1..1 over points (N, 3): plane waves of random directions, `scale` per metre."""
    rng = np.random.default_rng(seed)
    k = rng.normal(0, scale, (count, 3))
    return np.sin(points @ k.T + rng.uniform(0, 2 * np.pi, count)).sum(1) * (1.4 / count)


def _colour(rng, groups, weights):
    group = groups[rng.choice(len(groups), p=weights)]
    rgb = np.array(group[rng.integers(len(group))]) / 255
    return np.clip(rgb * rng.uniform(0.88, 1.1) + rng.normal(0, 0.015, 3), 0.02, 0.98)


def palette(rng, count=3):
    """Colours (count, 3), sRGB in 0..1; each stands out from the first."""
    colours = [_colour(rng, (DARK, LIGHT, BRIGHT), (0.28, 0.26, 0.46))]
    while len(colours) < count:
        new = _colour(rng, (DARK, LIGHT, BRIGHT), (0.22, 0.34, 0.44))
        if np.abs(new - colours[0]).sum() > 0.7:
            colours.append(new)
    return np.array(colours)


@dataclass(frozen=True)
class Pattern:
    """A cloth: kind, colours (3, 3) sRGB, period in metres, duty and phase of the repeat, seed of its noise."""

    kind: str
    colours: np.ndarray
    period: float
    duty: float
    phase: float
    seed: int
    emblem: int

    @classmethod
    def sample(cls, rng, kinds=None, colours=None):
        kind = str(rng.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values())))
        if kinds and kind not in kinds:
            kind = "plain"
        return cls(kind, palette(rng) if colours is None else colours, float(rng.uniform(0.055, 0.16)),
                   float(rng.uniform(0.3, 0.6)), float(rng.uniform()), int(rng.integers(1 << 30)),
                   int(rng.integers(5)))  # fmt: skip

    def paint(self, u, v, p):
        """Colour (N, 3) at cloth coordinates u (around), v (along), metres, and label positions p (N, 3)."""
        first, second, third = self.colours
        one, two = np.zeros(len(u)), np.zeros(len(u))  # shares of the second and third colour
        fu, fv = (u / self.period + self.phase) % 1, (v / self.period + self.phase) % 1
        if self.kind == "stripes":
            one = fv < self.duty
        elif self.kind == "bars":
            one = fu < self.duty
        elif self.kind == "checks":
            one = 0.55 * ((fu < self.duty) + 0.0) + 0.45 * (fv < self.duty)
            two = ((fu * 2) % 1 < 0.09) | ((fv * 2) % 1 < 0.09)
        elif self.kind == "dots":
            shifted = ((u / self.period + self.phase + 0.5 * (np.floor(v / self.period + self.phase) % 2)) % 1) - 0.5
            one = shifted**2 + (fv - 0.5) ** 2 < (0.16 + 0.24 * self.duty) ** 2
        elif self.kind == "print":
            one, two = self._emblem(p)
        elif self.kind == "blocks":
            edge = 0.1 + 0.25 * self.phase
            one, two = p[:, 2] < edge, (p[:, 2] < edge + 0.05) & (p[:, 2] >= edge)
        elif self.kind == "fade":
            one = smooth(p[:, 2], -0.2, 0.45)
        elif self.kind == "blobs":
            field = waves(p, self.seed, 26)
            one, two = field > 0.2, field < -0.35
        elif self.kind == "zigzag":
            one = ((v + 0.6 * np.abs(((u / self.period) % 1) - 0.5) * self.period) / self.period % 1) < self.duty
        one, two = (np.asarray(x, float)[:, None] for x in (one, two))
        return ((1 - one) * first + one * second) * (1 - two) + two * third

    def _emblem(self, p):
        """A picture on the chest, and another on the back."""
        front = p[:, 1] < 0.02
        x, z = p[:, 0] / 0.085, (p[:, 2] - np.where(front, 0.27, 0.24)) / 0.085
        on = np.abs(x) < 3
        kind = np.where(front, self.emblem, (self.emblem + 2) % 5)
        r, angle = np.hypot(x, z), np.arctan2(x, z)
        shapes = [
            r < 1,
            r < 0.62 + 0.38 * np.cos(5 * angle),
            (np.abs(x) < 1.15) & (np.abs(z) < 0.62),
            (z > -0.8) & (z < 1.0 - 1.8 * np.abs(x)),
            (x**2 + (z * 1.1 - 0.75 * np.sqrt(np.abs(x))) ** 2) < 0.9,
        ]
        inner = [
            r < 0.55,
            r < 0.3,
            (np.abs(x) < 1.0) & (np.abs((z * 3) % 1 - 0.5) < 0.22) & (np.abs(z) < 0.5),
            (np.abs(x) < 0.22) & (np.abs(z + 0.25) < 0.22),
            (np.abs(x + 0.35) < 0.16) & (np.abs(z - 0.35) < 0.16),
        ]
        one = np.select([kind == i for i in range(5)], shapes) & on
        two = np.select([kind == i for i in range(5)], inner) & on
        return one, two
