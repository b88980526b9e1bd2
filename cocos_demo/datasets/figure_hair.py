"""Hair and faces as functions of the place on the canonical body at rest (numpy only)."""

from dataclasses import dataclass

import numpy as np

from .figure_patterns import BRIGHT, smooth, waves

HAIR = np.array([(22, 18, 18), (48, 32, 24), (86, 56, 36), (128, 86, 52), (186, 146, 92), (220, 196, 150),
                 (140, 60, 34), (150, 148, 146), (214, 212, 208)]) / 255  # fmt: skip
IRIS = np.array([(70, 46, 30), (90, 110, 120), (84, 104, 70), (60, 90, 140), (40, 30, 26)]) / 255


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
        """Draw the hair of a `Body`."""
        odds = {"short": 0.56, "bob": 0.1, "curly": 0.12, "buzz": 0.12, "bald": 0.05, "long": 0.03, "bun": 0.02}
        if body.female:
            odds = {"short": 0.14, "bob": 0.26, "curly": 0.12, "long": 0.26, "tail": 0.12, "bun": 0.1}
        style = str(rng.choice(list(odds), p=list(odds.values())))
        grey = rng.random() < 0.8 * body.old
        fair = 1.0 if body.skin.mean() > 0.6 else 0.12
        odds = np.array([1, 1.1, 0.9, 0.7 * fair, 0.5 * fair, 0.4 * fair, 0.35 * fair])
        colour = HAIR[rng.choice([7, 8]) if grey else rng.choice(7, p=odds / odds.sum())]
        if rng.random() < 0.04:
            colour = np.array(BRIGHT[rng.integers(len(BRIGHT))]) / 255
        u = rng.uniform
        thick = {"short": u(0.01, 0.022), "bob": u(0.018, 0.03), "curly": u(0.03, 0.06), "long": u(0.016, 0.026),
                 "bun": 0.01, "tail": 0.01}.get(style, 0.002)  # fmt: skip
        low = {"bob": u(0.53, 0.57), "long": u(0.27, 0.47), "tail": u(0.36, 0.46)}.get(style, u(0.585, 0.6))
        fringe = float(u(0.668, 0.69)) if style in ("bob", "long") and rng.random() < 0.4 else 9.0
        beard = float(rng.choice([0, 0.5, 1], p=[0.6, 0.2, 0.2])) if not body.female else 0.0
        return cls(style, np.clip(colour * u(0.85, 1.15), 0, 1), float(u(0.692, 0.712)), thick, float(low), fringe,
                   float(u(-0.03, 0.03)), beard, int(rng.integers(1 << 30)))  # fmt: skip

    def amount(self, s):
        """How deep inside the hair a point of the scalp lies: above 0 within, metres (N,)."""
        x, y, z = s.p.T
        if self.style == "bald":
            return np.full_like(x, -1.0)
        ax, long = np.abs(x), self.style in ("bob", "long")
        # The hairline runs over the forehead (higher at the temples), in front of the ears, behind them, and the nape.
        brow = self.line + 0.01 * smooth(ax, 0.02, 0.05) - 0.12 * np.abs(x - self.parting) * (self.fringe > 1)
        brow = brow - 1.6 * np.clip(ax - 0.055, 0, 0.03)
        brow = np.minimum(brow, self.fringe) if self.fringe < 1 else brow
        sides = self.low if long else 0.625
        front, back = smooth(y, -0.078, -0.06), smooth(y, -0.02, 0.0)
        nape = self.low if self.style == "bob" else 0.585
        line = (1 - front) * brow + front * ((1 - back) * max(sides, nape) + back * nape)
        ear = self._ear(s) & (not long)
        ragged = 0.004 * waves(s.p, self.seed, 160)
        return np.where(ear | ((s.head < 0.3) & (z < 0.53)), -1.0, z - line + ragged)

    @staticmethod
    def _ear(s):
        x, y, z = s.p.T
        return (np.abs(x) > 0.064) & (np.abs(y + 0.016) < 0.036) & (z < 0.668) & (z > 0.59) & (s.head > 0.5)

    def covers(self, s):
        """Whether a point is hair (N,): on the scalp, or hanging."""
        return (s.locks > 0.5) | ((self.amount(s) > 0) & (s.eye < 0.5) & (s.skirt < 0.5) & (s.arm < 0.5))

    def thickness(self, s):
        """How far the hair stands out from the scalp, metres (N,)."""
        full = smooth(self.amount(s), 0.0, 0.022) * (s.eye < 0.5)
        if self.style == "curly":
            full = full * (0.85 + 0.25 * waves(s.p, self.seed, 90))
        if self.style == "short":  # more on top than at the sides
            full = full * (0.45 + 0.55 * smooth(s.p[:, 2], 0.66, 0.72))
        return self.thick * full * np.where(self._ear(s), 0.3, 1.0)

    def paint(self, s):
        """Colour (N, 3): strands, light and dark along the fall of the hair."""
        x, y, z = s.p.T
        angle = np.arctan2(x, y + 0.02)
        strands = waves(np.column_stack([angle * 0.08, z * 0.06, 0 * z]), self.seed, 300, 8)
        return np.clip(self.colour * (1 + 0.28 * strands)[:, None], 0, 1)


@dataclass(frozen=True)
class Face:
    """Skin, lips, irises, and the hair that shows in a face; the same in every shot."""

    skin: np.ndarray
    lips: np.ndarray
    iris: np.ndarray
    brow: np.ndarray
    beard: float
    hair: np.ndarray
    seed: int

    @classmethod
    def sample(cls, rng, body, hair):
        """Draw a face for a `Body` and its `Hair`."""
        lips = np.clip(body.skin * [0.86, 0.62, 0.6], 0, 1)
        if body.female and rng.random() < 0.6:
            lips = 0.4 * lips + 0.6 * np.array([(176, 42, 56), (198, 90, 98), (130, 30, 50)][rng.integers(3)]) / 255
        brow = 0.25 * body.skin + 0.6 * np.minimum(hair.colour, body.skin * 0.55)
        iris, seed = IRIS[rng.integers(len(IRIS))], int(rng.integers(1 << 30))
        return cls(body.skin, lips, iris, brow, hair.beard if hair.style != "bald" else 0.0, hair.colour, seed)

    def paint(self, s):
        """Colour (N, 3): skin with cheeks, lips, brows, eyes; a beard's shadow."""
        x, y, z = s.p.T
        rgb = np.tile(self.skin, (len(x), 1)) * (1 + 0.02 * waves(s.p, self.seed, 40))[:, None]
        face = (s.head > 0.4) & (y < -0.06)
        ax = np.abs(x)
        rosy = np.exp(-(((ax - 0.045) / 0.018) ** 2) - ((z - 0.607) / 0.016) ** 2) * face
        rgb = rgb * (1 - rosy[:, None] * [0.0, 0.08, 0.07])
        if self.beard:
            jaw = face & (z < 0.595 + 0.5 * np.clip(ax - 0.03, 0, 0.04)) & (z > 0.535)
            chin = jaw & ((ax > 0.027) | (z < 0.563) | (z > 0.586))
            rgb[chin] = (1 - 0.75 * self.beard) * rgb[chin] + 0.75 * self.beard * self.hair
        centre = np.where(ax < 0.03, 0.0016 * np.cos(ax * 90), 0)
        lip = np.hypot(ax / 0.0245, (z - 0.5755 - centre) / np.where(z > 0.5755, 0.0085, 0.0115)) < 1
        rgb[face & lip] = self.lips
        inside = face & (ax < 0.016) & (y > -0.124) & (z > 0.565) & (z < 0.585)
        rgb[inside] = [0.3, 0.1, 0.1]
        arch = 0.664 + 0.004 * np.sin((ax - 0.012) / 0.034 * np.pi) - 0.10 * np.clip(ax - 0.034, 0, 1)
        brow = face & (ax > 0.011) & (ax < 0.049) & (np.abs(z - arch) < 0.0042)
        rgb[brow] = self.brow
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
