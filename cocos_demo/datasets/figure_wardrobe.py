"""A dressed person: skin, clothes, shoes and hair on one mesh.

A `Look` says what colour every visible point has, as a function of its place on the canonical body at rest, so patterns
stick to the body in every pose. A `Dressed` body adds what hangs from it, and gives all its vertices for a posed skin.
"""

from dataclasses import dataclass

import numpy as np

from .figure_clothes import CROTCH, Bottom, Shoes, Top
from .figure_drapes import LOCKS, SKIRT, Tailor
from .figure_hair import Face, Hair
from .figure_patterns import palette, smooth, waves
from .figure_render import vertex_normals

PARTS = (
    "background", "hair", "head", "neck", "torso", "left upper arm", "right upper arm", "left forearm",
    "right forearm", "left hand", "right hand", "left thigh", "right thigh", "left shin", "right shin", "left foot",
    "right foot", "skirt",
)  # fmt: skip
_PART_OF = {"head": 2, "neck": 3, "torso": 4, "upper_arm": 5, "forearm": 7, "hand": 9, "thigh": 11, "shin": 13,
            "foot": 15}  # fmt: skip


class Spot:
    """Places on a figure: p (N, 3) on the canonical body, distance down the arm (N,), and how much each belongs to an
    arm, the head, an eyeball, a skirt, hanging hair (N,), 0 to 1."""

    def __init__(self, table):
        self.p, (self.along, self.arm, self.head, self.eye, self.skirt, self.locks) = table[:, :3], table[:, 3:].T

    def cloth(self):
        """Cloth coordinates u (around) and v (along), metres: continuous over trunk and legs, and down each arm."""
        x, y, z = self.p.T
        leg = smooth(-z, 0.0, 0.12) * (self.skirt < 0.5)
        axis = np.interp(-z, [0.0, 0.4, 0.8], [0.10, 0.135, 0.177])
        u = np.where(self.arm > 0.5, y * 1.2, 0.15 * np.arctan2(x, -(y - 0.02)) * (1 - leg) + (np.abs(x) - axis) * leg)
        return u, np.where(self.arm > 0.5, self.along, z)


def skin_table(body):
    """The columns of `Spot` for the canonical body's vertices (V, 9)."""
    share = dict(zip(body.regions, body.share.T, strict=True))  # region -> (V,)
    mirrored = body.label * [0, 1, 1] + np.abs(body.label) * [1, 0, 0]  # both arms as the left one
    shoulder, elbow, wrist = (body.joints[f"{n}.L"] for n in ("upperarm01", "lowerarm01", "wrist"))
    a, b = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
    upper, lower = (elbow - shoulder) / a, (wrist - elbow) / b
    beyond = (mirrored - elbow) @ (upper + lower) > 0  # past the plane that halves the elbow
    along = np.where(beyond, a + (mirrored - elbow) @ lower, (mirrored - shoulder) @ upper)
    none = np.zeros(len(along))
    arm = share["upper_arm"] + share["forearm"] + share["hand"]
    return np.column_stack([body.label, along, arm, share["head"], body.eyeball, none, none]).astype(np.float32)


@dataclass(frozen=True)
class Look:
    """All that a person wears and carries in the face; the same in every shot."""

    top: Top
    bottom: Bottom
    shoes: Shoes
    hair: Hair
    face: Face
    tucked: bool
    belt: np.ndarray | None
    seed: int

    @classmethod
    def sample(cls, rng, body):
        """Draw the look of a `Body`."""
        top, hair = Top.sample(rng, palette(rng)), Hair.sample(rng, body)
        bottom, shoes = Bottom.sample(rng, body.female, top.pattern), Shoes.sample(rng)
        belt = palette(rng)[0] * 0.7 if rng.random() < 0.25 else None
        seed = int(rng.integers(1 << 30))
        return cls(top, bottom, shoes, hair, Face.sample(rng, body, hair), bool(rng.random() < 0.35), belt, seed)

    def drapes(self, tailor: Tailor):
        """What hangs from this person (list of Drape)."""
        found, hair = [], self.hair
        if self.bottom.kind in ("skirt", "dress"):
            found.append(tailor.skirt(0.085, self.bottom.hem, self.bottom.flare))
        if hair.style == "long":
            found.append(tailor.locks(hair.low, hair.thick))
        if hair.style == "tail":
            found.append(tailor.tail(0.6 - hair.low, 0.026, 0.35))
        if hair.style == "bun":
            found.append(tailor.tail(0, 0.042, 0.7))
        return found

    def thickness(self, s: Spot):
        """How far each skin vertex stands out along its normal, metres (V,)."""
        z = s.p[:, 2]
        out = np.zeros(len(z))
        bottom, top, shoes = self.bottom.covers(s), self.top.covers(s), self.shoes.covers(s)
        fit = smooth(-z, CROTCH - 0.05, 0.2)
        out[bottom] = (0.003 + self.bottom.loose * fit + self.bottom.flare * smooth(-z, 0.0, 0.75) ** 2)[bottom]
        crease = 0.5 + 0.5 * waves(s.p, self.seed, 14)
        out[top] = np.maximum(out, 0.004 + self.top.loose * (0.7 + 0.5 * crease))[top]
        out[shoes] = np.where(z < -0.84, 0.012, 0.007)[shoes]
        return np.maximum(out, self.hair.thickness(s))

    def paint(self, s: Spot):
        """Colour (N, 3) sRGB, gloss (N,), and whether it is hair (N,)."""
        rgb, gloss = self.face.paint(s), np.full(len(s.p), 0.08)
        gloss[s.eye > 0.5] = 0.6
        rgb[s.p[:, 2] < self.shoes.socks] = self.shoes.sock
        layers = [(self.bottom, 0.01), (self.top, 0.01)]
        if self.tucked and not self.top.opening and self.bottom.kind != "dress":
            layers.reverse()
        boots = self.shoes.kind == "boot" and self.bottom.loose < 0.01
        layers.insert(2 if boots else 0, (self.shoes, 0.2))
        for layer, shine in layers:
            on = layer.covers(s)
            rgb[on] = layer.paint(s)[on]
            gloss[on] = shine
        if self.belt is not None:
            band = (np.abs(s.p[:, 2] - (self.bottom.waist - 0.018)) < 0.018) & (s.arm < 0.5) & (s.locks < 0.5)
            rgb[band] = self.belt
        hair = self.hair.covers(s)
        rgb[hair], gloss[hair] = self.hair.paint(s)[hair], 0.12
        return rgb, gloss, hair


def _soften(values, faces):
    """Mean of each vertex's triangles (V,): no saw teeth where cloth begins."""
    of_face = np.repeat(values[faces].mean(1), 3)
    count = np.maximum(np.bincount(faces.ravel(), minlength=len(values)), 1)
    return np.bincount(faces.ravel(), of_face, minlength=len(values)) / count


class Dressed:
    """A person's mesh with all it wears: faces (F, 3), the table of `Spot` (V, 9), a part of PARTS a vertex (V,).

    The first `skin` vertices are the mannequin's; drapes follow.
    """

    def __init__(self, body, look: Look, tailor: Tailor):
        self.look, self.body, self.skin = look, body, len(body.label)
        table = skin_table(body)
        self._thickness = _soften(look.thickness(Spot(table)), body.faces)
        self.drapes = look.drapes(tailor)
        part = np.array([_PART_OF[r] for r in body.regions], np.uint8)[body.region]
        part += (part >= 5) & (body.label[:, 0] < 0)  # right limbs
        tables, parts, faces = [table], [part], [self._skin_faces()]
        bare = body.label + self._thickness[:, None] * vertex_normals(body.label, body.faces)
        for drape in self.drapes:
            place = drape.place(bare, np.eye(3))
            more = np.zeros((len(place), table.shape[1]), np.float32)
            more[:, :3], more[:, 7], more[:, 8] = place, drape.kind == SKIRT, drape.kind == LOCKS
            faces.append(drape.faces + sum(map(len, tables)))
            tables.append(more)
            name = "skirt" if drape.kind == SKIRT else "hair"
            parts.append(np.full(len(place), PARTS.index(name), np.uint8))
        self.table, self.part = np.concatenate(tables), np.concatenate(parts)
        self.faces = np.concatenate(faces).astype(np.int32)

    def _skin_faces(self):
        """The skin's triangles, without the legs under a skirt, which would poke through it."""
        faces = self.body.faces
        if not any(d.kind == SKIRT for d in self.drapes):
            return faces
        z = self.body.label[:, 2]
        arm = self.body.share[:, 4:].sum(1) - self.body.share[:, 6:].sum(1)
        hidden = (z < -0.09) & (z > self.look.bottom.hem + 0.03) & (arm < 0.1) & (self.body.region >= 6)
        return faces[~hidden[faces].all(1)]

    def place(self, skin, head):
        """All vertices (V, 3) for a posed skin (., 3) and the head's rotation (3, 3)."""
        skin = skin + self._thickness[:, None] * vertex_normals(skin, self.body.faces)
        return np.concatenate([skin, *(drape.place(skin, head) for drape in self.drapes)])

    def spots(self, corners, weights):
        """Spots at N hits: corners (N, 3) vertex indices, weights (N, 3)."""
        return Spot(np.einsum("nk,nkc->nc", weights, self.table[corners]))

    def parts(self, corners, weights, spots):
        """Part label (N,) at N hits: the nearest corner's, or hair."""
        nearest = corners[np.arange(len(corners)), weights.argmax(1)]
        return np.where(self.look.hair.covers(spots), PARTS.index("hair"), self.part[nearest]).astype(np.uint8)
