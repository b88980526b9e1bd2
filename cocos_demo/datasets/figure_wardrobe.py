"""What a figure wears: clothes, shoes, hair and face paint as functions of the place on the canonical body at rest.

A `Look` is one person's; it says how far each vertex stands out from the skin (`thickness`) and what colour every
visible point has (`paint`). Patterns therefore stick to the body in every pose. numpy only.
"""

from dataclasses import dataclass

import numpy as np

from .figure_patterns import BRIGHT, DARK, DENIM, LIGHT, Pattern, palette, smooth, waves

HAIR = np.array([(22, 18, 18), (48, 32, 24), (86, 56, 36), (128, 86, 52), (186, 146, 92), (220, 196, 150),
                 (140, 60, 34), (150, 148, 146), (214, 212, 208)]) / 255  # fmt: skip
IRIS = np.array([(70, 46, 30), (90, 110, 120), (84, 104, 70), (60, 90, 140), (40, 30, 26)]) / 255

# Heights on the canonical body, metres from the pelvis joint (see Mannequin.label).
CROTCH, KNEE, ANKLE, WAIST = -0.075, -0.40, -0.80, 0.10


class Fields:
    """What the clothes ask of each vertex of the canonical body: place p (V, 3), distance down the arm (V,), how much it
    belongs to an arm (V,), to the head (V,), to an eyeball (V,). `at` interpolates them at hits."""

    def __init__(self, body):
        p = body.label
        share = body.share  # (V, R)
        arms = share[:, body.regions.index("upper_arm")] + share[:, body.regions.index("forearm")]
        hands = share[:, body.regions.index("hand")]
        mirrored = np.abs(p[:, :1]) * [1, 0, 0] + p * [0, 1, 1]  # both arms as the left one
        along = self._along_arm(mirrored, *(body.joints[f"{n}.L"] for n in ("upperarm01", "lowerarm01", "wrist")))
        head = share[:, body.regions.index("head")]
        self.table = np.column_stack([p, along, arms + hands, head, body.eyeball]).astype(np.float32)  # (V, 7)

    @staticmethod
    def _along_arm(p, shoulder, elbow, wrist):
        upper, lower = elbow - shoulder, wrist - elbow
        a, b = np.linalg.norm(upper), np.linalg.norm(lower)
        t0, t1 = (p - shoulder) @ upper / a, (p - elbow) @ lower / b
        bisector = upper / a + lower / b
        return np.where((p - elbow) @ bisector < 0, t0, a + t1)

    def at(self, corners, weights):
        """Fields at N points inside triangles: corners (N, 3) vertex indices, weights (N, 3) -> `Spot`."""
        return Spot(np.einsum("nk,nkc->nc", weights, self.table[corners]))

    def vertices(self):
        return Spot(self.table)


class Spot:
    """Named columns of an interpolated field table (N, 7)."""

    def __init__(self, table):
        self.p, self.along, self.arm, self.head, self.eye = table[:, :3], *table[:, 3:].T

    def cloth(self):
        """Cloth coordinates u (around) and v (along) in metres, continuous over trunk and legs, and down each arm."""
        x, y, z = self.p.T
        leg = smooth(-z, 0.0, 0.12)
        axis = np.interp(-z, [0.0, 0.4, 0.8], [0.10, 0.135, 0.177])
        u = np.where(self.arm > 0.5, y * 1.2, 0.15 * np.arctan2(x, -(y - 0.02)) * (1 - leg) + (np.abs(x) - axis) * leg)
        return u, np.where(self.arm > 0.5, self.along, z)


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
        body = ~arm & (z < line) & (z > self.hem) & (s.head < 0.5) & (z < 0.56)
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
    def sample(cls, rng, female):
        u = rng.uniform
        kind = str(rng.choice(["trousers", "shorts", "capri", "leggings"], p=[0.56, 0.24, 0.1, 0.1]))
        hem = {"trousers": u(-0.79, -0.73), "shorts": u(-0.37, -0.15), "capri": u(-0.62, -0.45), "leggings": -0.76}[kind]
        loose = {"leggings": 0.002, "shorts": u(0.008, 0.02)}.get(kind, u(0.005, 0.016))
        groups = [DENIM, DARK, LIGHT, BRIGHT]
        base = groups[rng.choice(4, p=[0.34, 0.3, 0.16, 0.2])]
        colours = palette(rng)
        colours[0] = np.clip(np.array(base[rng.integers(len(base))]) / 255 * u(0.85, 1.15), 0, 1)
        kinds = ("stripes", "bars", "checks", "dots", "blobs", "blocks") if rng.random() < 0.45 else ("plain",)
        stripe = colours[1] if rng.random() < 0.13 else None
        flare = u(0.0, 0.03) if kind == "trousers" else u(0, 0.015)
        return cls(kind, float(hem), u(0.06, WAIST + 0.02), loose, flare,
                   Pattern.sample(rng, kinds, colours), stripe)  # fmt: skip

    def covers(self, s):
        z = s.p[:, 2]
        return (s.arm < 0.5) & (z < self.waist) & (z > self.hem)

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
        return s.p[:, 2] < top

    def paint(self, s):
        z, y = s.p[:, 2], s.p[:, 1]
        rgb = np.where((z < -0.852)[:, None], self.sole, self.colour)
        if self.kind == "sneaker":
            laces = (y < -0.03) & (y > -0.11) & (z > -0.835) & ((y * 60) % 1 < 0.4)
            rgb = np.where(laces[:, None], self.sole, rgb)
        return rgb


@dataclass(frozen=True)
class Hair:
    """Hair on the scalp: style, colour, how high the hairline is, thickness, reach down the neck; a beard perhaps."""

    style: str
    colour: np.ndarray
    line: float
    thick: float
    low: float
    fringe: float
    parting: float
    beard: float
    seed: int

    @classmethod
    def sample(cls, rng, body):
        short, middle = (0.2, 0.45) if body.female else (0.6, 0.15)
        style = str(rng.choice(["short", "bob", "curly", "buzz", "bald", "bun"],
                               p=_odds([short, middle, 0.12, 0.03 if body.female else 0.12,
                                        0.0 if body.female else 0.05, 0.18 if body.female else 0.02])))  # fmt: skip
        grey = rng.random() < body.old
        fair = 1.0 if body.skin.mean() > 0.6 else 0.12
        odds = [1.0, 1.1, 0.9, 0.7 * fair, 0.5 * fair, 0.4 * fair, 0.35 * fair, 0.04, 0.02]
        colour = HAIR[rng.choice([7, 8]) if grey else rng.choice(9, p=_odds(odds))]
        if rng.random() < 0.04:
            colour = np.array(BRIGHT[rng.integers(len(BRIGHT))]) / 255
        thick = {"short": rng.uniform(0.008, 0.02), "bob": rng.uniform(0.018, 0.03), "curly": rng.uniform(0.03, 0.06),
                 "bun": 0.01}.get(style, 0.002)  # fmt: skip
        low = {"bob": rng.uniform(0.53, 0.57)}.get(style, rng.uniform(0.585, 0.6))
        fringe = float(rng.uniform(0.668, 0.69)) if style == "bob" and rng.random() < 0.4 else 9.0
        beard = float(rng.choice([0, 0.5, 1], p=[0.6, 0.2, 0.2])) if not body.female else 0.0
        return cls(style, np.clip(colour * rng.uniform(0.85, 1.15), 0, 1), float(rng.uniform(0.692, 0.712)), thick,
                   float(low), fringe, float(rng.uniform(-0.03, 0.03)), beard, int(rng.integers(1 << 30)))  # fmt: skip

    def amount(self, s):
        """How deep inside the hair a point lies: above 0 within, metres."""
        x, y, z = s.p.T
        if self.style == "bald":
            return np.full_like(x, -1.0)
        # The hairline runs over the forehead, in front of the ears, behind them, and across the nape.
        back = y + 0.035
        front_line = np.where(np.abs(x) < 0.05, self.line - 0.25 * np.abs(x - self.parting), self.line - 0.02)
        front_line = np.minimum(front_line, self.line) - 0.9 * np.clip(np.abs(x) - 0.048, 0, 0.02)
        side = np.where(back < 0, self.line - 0.018 - 1.2 * np.clip(back + 0.045, 0, 0.05), self.low)
        temple = -0.085
        line = np.where(y < temple, front_line, np.minimum(side, front_line))
        ear = (np.abs(x) > 0.066) & (np.abs(y + 0.022) < 0.03) & (z < 0.655)
        if self.style == "bob":
            line = np.where(y > -0.05, self.low, line)
            ear = np.zeros_like(ear)
        if self.fringe < 1:
            line = np.where(y < temple, np.minimum(line, self.fringe), line)
        ragged = 0.004 * waves(s.p, self.seed, 160)
        return np.where(ear | ((s.head < 0.3) & (z < 0.53)), -1.0, z - line + ragged)

    def covers(self, s):
        return (self.amount(s) > 0) & (s.eye < 0.5)

    def paint(self, s):
        """Strands: light and dark along the fall of the hair."""
        x, y, z = s.p.T
        angle = np.arctan2(x, y + 0.02)
        strands = waves(np.column_stack([angle * 0.08, z * 0.06, 0 * z]), self.seed, 300, 8)
        return np.clip(self.colour * (1 + 0.28 * strands)[:, None], 0, 1)


def _odds(weights):
    weights = np.asarray(weights, float)
    return weights / weights.sum()


@dataclass(frozen=True)
class Look:
    """All that a person wears and carries in the face; the same in every shot."""

    skin: np.ndarray
    top: Top
    bottom: Bottom
    shoes: Shoes
    hair: Hair
    iris: np.ndarray
    lips: np.ndarray
    tucked: bool
    belt: np.ndarray | None
    seed: int

    @classmethod
    def sample(cls, rng, body):
        colours = palette(rng)
        lips = np.clip(body.skin * [0.86, 0.62, 0.6], 0, 1)
        if body.female and rng.random() < 0.6:
            lips = 0.4 * lips + 0.6 * np.array([(176, 42, 56), (198, 90, 98), (130, 30, 50)][rng.integers(3)]) / 255
        return cls(body.skin, Top.sample(rng, colours), Bottom.sample(rng, body.female), Shoes.sample(rng),
                   Hair.sample(rng, body), IRIS[rng.integers(len(IRIS))], lips, bool(rng.random() < 0.35),
                   palette(rng)[0] * 0.7 if rng.random() < 0.25 else None, int(rng.integers(1 << 30)))  # fmt: skip

    def thickness(self, s):
        """How far each vertex stands out along its normal, metres (V,)."""
        out = np.zeros(len(s.p))
        bottom, top, shoes = self.bottom.covers(s), self.top.covers(s), self.shoes.covers(s)
        down = smooth(-s.p[:, 2], 0.0, 0.75)
        fit = smooth(-s.p[:, 2], CROTCH - 0.05, 0.2)
        out[bottom] = (0.003 + self.bottom.loose * fit + self.bottom.flare * down**2)[bottom]
        crease = 0.5 + 0.5 * waves(s.p, self.seed, 14)
        out[top] = np.maximum(out[top], (0.004 + self.top.loose * (0.7 + 0.5 * crease))[top])
        out[shoes] = np.where(s.p[:, 2] < -0.84, 0.012, 0.007)[shoes]
        hair = self.hair.amount(s)
        full = smooth(hair, 0.0, 0.02) * (s.eye < 0.5)
        if self.hair.style == "curly":
            full = full * (0.85 + 0.25 * waves(s.p, self.seed, 90))
        return np.maximum(out, self.hair.thick * full)

    def paint(self, s):
        """Colour (N, 3) sRGB, gloss (N,), and whether it is hair (N,), at N spots."""
        rgb, gloss = self._face(s), np.full(len(s.p), 0.08)
        gloss[s.eye > 0.5] = 0.6
        if self.shoes.socks > -1:
            rgb[s.p[:, 2] < self.shoes.socks] = self.shoes.sock
        layers = [(self.bottom, 0.01), (self.top, 0.01)]
        if self.tucked and self.top.hem > -0.1 and not self.top.opening:
            layers.reverse()
        boots = self.shoes.kind == "boot" and self.bottom.loose < 0.01
        layers.insert(2 if boots else 0, (self.shoes, 0.2))
        for layer, shine in layers:
            on = layer.covers(s)
            rgb[on] = layer.paint(s)[on]
            gloss[on] = shine
        z = s.p[:, 2]
        if self.belt is not None:
            band = (np.abs(z - (self.bottom.waist - 0.018)) < 0.018) & (s.arm < 0.5)
            rgb[band] = self.belt
        hair = self.hair.covers(s)
        rgb[hair], gloss[hair] = self.hair.paint(s)[hair], 0.12
        return rgb, gloss, hair

    def _face(self, s):
        """Skin with cheeks, lips, brows, eyes; a beard's shadow."""
        x, y, z = s.p.T
        rgb = np.tile(self.skin, (len(x), 1)) * (1 + 0.02 * waves(s.p, self.seed, 40))[:, None]
        face = (s.head > 0.4) & (y < -0.06)
        ax = np.abs(x)
        rosy = np.exp(-(((ax - 0.045) / 0.018) ** 2) - ((z - 0.607) / 0.016) ** 2) * face
        rgb = rgb * (1 - rosy[:, None] * [0.0, 0.08, 0.07])
        if self.hair.beard and self.hair.style != "bald":
            jaw = face & (z < 0.595 + 0.5 * np.clip(ax - 0.03, 0, 0.04)) & (z > 0.535)
            chin = jaw & ((ax > 0.027) | (z < 0.563) | (z > 0.586))
            rgb[chin] = (1 - 0.75 * self.hair.beard) * rgb[chin] + 0.75 * self.hair.beard * self.hair.colour
        centre = np.where(ax < 0.03, 0.0016 * np.cos(ax * 90), 0)
        lip = np.hypot(ax / 0.0245, (z - 0.5755 - centre) / np.where(z > 0.5755, 0.0085, 0.0115)) < 1
        rgb[face & lip] = self.lips
        inside = face & (ax < 0.016) & (y > -0.124) & (z > 0.565) & (z < 0.585)
        rgb[inside] = [0.3, 0.1, 0.1]
        arch = 0.664 + 0.004 * np.sin((ax - 0.012) / 0.034 * np.pi) - 0.10 * np.clip(ax - 0.034, 0, 1)
        brow = face & (ax > 0.011) & (ax < 0.049) & (np.abs(z - arch) < 0.0042)
        rgb[brow] = 0.25 * self.skin + 0.6 * np.minimum(self.hair.colour, self.skin * 0.55)
        # Lashes: the skin right around the eye's opening is darker.
        near = np.hypot((ax - 0.0305) / 0.0175, (z - 0.6455) / 0.0095)
        lash = face & (s.eye < 0.5) & (near < 1.12)
        rgb[lash] = rgb[lash] * 0.45
        eye = s.eye > 0.5
        gaze = np.hypot(ax - 0.0295, z - 0.6455)
        rgb[eye] = [0.93, 0.92, 0.9]
        rgb[eye & (gaze < 0.0066)] = self.iris
        rgb[eye & (gaze < 0.003)] = [0.03, 0.03, 0.03]
        return np.clip(rgb, 0, 1)
