"""Tops, bottoms and shoes as functions of the place on the canonical body at rest (numpy only)."""

from dataclasses import dataclass

import numpy as np

from .figure_patterns import BRIGHT, DARK, DENIM, LIGHT, Pattern, palette, smooth

# Heights on the canonical body, metres from the pelvis joint (see Mannequin.label).
CROTCH, WAIST = -0.075, 0.10


@dataclass(frozen=True)
class Top:
    sleeve: float  # distance down the arm where it ends; below 0: none
    hem: float  # height where it ends
    neck: str  # "round", "vee", "high", "wide"
    depth: float
    loose: float
    pattern: Pattern
    sleeves: np.ndarray | None  # other colour (raglan)
    opening: float  # half width of an open front; 0: closed
    inner: np.ndarray

    @classmethod
    def sample(cls, rng, colours):
        kind = rng.choice(["tee", "long", "tank", "sweater", "crop", "jacket", "tunic"],
                          p=[0.28, 0.2, 0.1, 0.14, 0.06, 0.14, 0.08])  # fmt: skip
        u = rng.uniform
        sleeve = {"tee": u(0.1, 0.2), "tank": -0.1, "crop": rng.choice([-0.1, 0.12]), "tunic": u(0.1, 0.42)}.get(
            kind, u(0.4, 0.455))
        hem = {"crop": u(0.13, 0.18), "jacket": u(-0.1, 0.03), "tunic": u(-0.2, -0.1)}.get(kind, u(-0.06, 0.06))
        loose = {"sweater": u(0.014, 0.024), "jacket": u(0.018, 0.026), "tank": 0.004}.get(kind, u(0.005, 0.016))
        neck = str(rng.choice(["round", "vee", "high", "wide"], p=[0.45, 0.25, 0.16, 0.14]))
        pattern = Pattern.sample(rng, colours=colours)
        other = colours[rng.integers(1, 3)] if rng.random() < 0.14 else None
        return cls(float(sleeve), hem, neck, float(u(0.03, 0.1)), loose, pattern, other,
                   u(0.025, 0.06) if kind == "jacket" else 0.0, palette(rng)[0])  # fmt: skip

    def covers(self, s):
        x, y, z = s.p.T
        if self.neck == "high":
            line = np.full_like(z, 0.545)
        else:
            wide = {"round": 0.085, "vee": 0.08, "wide": 0.125}[self.neck]
            r = np.clip(np.abs(x) / wide, 0, 1)
            drop = self.depth * (1 - (r if self.neck == "vee" else r**2))
            line = np.where(y < 0.02, 0.475 - drop - 0.03 * (1 - r), 0.50 - 0.02 * (1 - r))
            line = np.where(r >= 1, 9.0, line)
        arm = s.arm > 0.5
        body = ~arm & (s.locks < 0.5) & (z < line) & (z > self.hem) & (s.head < 0.5) & (z < 0.56)
        if self.sleeve < 0:  # straps: cut back from the shoulder's end
            body &= ~((np.abs(x) > 0.125) & (z > 0.33))
            return body
        return body | (arm & (s.along < self.sleeve))

    def paint(self, s):
        u, v = s.cloth()
        rgb = self.pattern.paint(u, v, s.p)
        if self.sleeves is not None:
            rgb[(s.arm > 0.4)] = self.sleeves
        if self.opening:
            front = (np.abs(s.p[:, 0]) < self.opening) & (s.p[:, 1] < 0) & (s.arm < 0.5)
            rgb[front] = self.inner
        return rgb


@dataclass(frozen=True)
class Bottom:
    kind: str
    hem: float
    waist: float
    loose: float
    flare: float
    pattern: Pattern
    stripe: np.ndarray | None  # down the outer seam

    @classmethod
    def sample(cls, rng, female, top: Pattern):
        """Draw trousers, shorts, leggings, a skirt, or a dress (a skirt of the top's cloth)."""
        u = rng.uniform
        odds = [0.4, 0.17, 0.08, 0.1, 0.14, 0.11] if female else [0.62, 0.27, 0.08, 0.03, 0, 0]
        kind = str(rng.choice(["trousers", "shorts", "capri", "leggings", "skirt", "dress"], p=odds))
        hem = {"trousers": u(-0.79, -0.73), "shorts": u(-0.37, -0.15), "capri": u(-0.62, -0.45), "leggings": -0.76}.get(
            kind, u(-0.62, -0.26))  # fmt: skip
        loose = {"leggings": 0.002, "shorts": u(0.008, 0.02), "skirt": 0, "dress": 0}.get(kind, u(0.005, 0.016))
        groups = [DENIM, DARK, LIGHT, BRIGHT]
        base = groups[rng.choice(4, p=[0.34, 0.3, 0.16, 0.2])]
        colours = palette(rng)
        colours[0] = np.clip(np.array(base[rng.integers(len(base))]) / 255 * u(0.85, 1.15), 0, 1)
        kinds = ("stripes", "bars", "checks", "dots", "blobs", "blocks") if rng.random() < 0.45 else ("plain",)
        pattern = Pattern.sample(rng, kinds, colours)
        stripe = colours[1] if rng.random() < 0.13 and kind != "skirt" else None
        flare = {"trousers": u(0, 0.03), "skirt": u(0, 0.08), "dress": u(0, 0.08)}.get(kind, u(0, 0.015))
        if kind == "dress":
            pattern, stripe = top, None
        return cls(kind, float(hem), u(0.06, WAIST + 0.02), loose, flare, pattern, stripe)

    def covers(self, s):
        z = s.p[:, 2]
        return (s.skirt > 0.5) | ((s.arm < 0.5) & (s.locks < 0.5) & (z < self.waist) & (z > self.hem))

    def paint(self, s):
        u, v = s.cloth()
        rgb = self.pattern.paint(u, v, s.p)
        if self.stripe is not None:
            x, y, z = s.p.T
            axis = np.interp(-z, [0.0, 0.4, 0.8], [0.0, -0.02, 0.01])
            rgb[(np.abs(y - axis) < 0.014) & (np.abs(x) > np.interp(-z, [0, 0.8], [0.12, 0.18]))] = self.stripe
        return rgb


@dataclass(frozen=True)
class Shoes:
    kind: str
    top: float
    colour: np.ndarray
    sole: np.ndarray
    socks: float
    sock: np.ndarray

    @classmethod
    def sample(cls, rng):
        kind = str(rng.choice(["sneaker", "boot", "flat", "bare"], p=[0.52, 0.2, 0.2, 0.08]))
        top = {"sneaker": -0.815, "boot": rng.uniform(-0.74, -0.6), "flat": -0.835, "bare": -9.0}[kind]
        a, b, c = palette(rng)
        sole = np.array([0.93, 0.92, 0.9]) if kind == "sneaker" and rng.random() < 0.7 else a * 0.45
        socks = rng.choice([-9.0, -0.77, -0.72, -0.5], p=[0.4, 0.2, 0.25, 0.15]) if kind != "bare" else -9.0
        return cls(kind, top, a, sole, float(socks), b if rng.random() < 0.5 else np.array([0.92, 0.92, 0.9]))

    def covers(self, s):
        top = self.top - (0.02 * smooth(-s.p[:, 1], 0.05, 0.12) if self.kind == "flat" else 0)
        return (s.p[:, 2] < top) & (s.skirt < 0.5)

    def paint(self, s):
        z, y = s.p[:, 2], s.p[:, 1]
        rgb = np.where((z < -0.852)[:, None], self.sole, self.colour)
        if self.kind == "sneaker":
            laces = (y < -0.03) & (y > -0.11) & (z > -0.835) & ((y * 60) % 1 < 0.4)
            rgb = np.where(laces[:, None], self.sole, rgb)
        return rgb
