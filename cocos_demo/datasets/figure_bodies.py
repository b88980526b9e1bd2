"""Bodies for the rendered figures: shape and skin of a person, and the posed mesh, from the package anny.

Axes: x to the person's left, y backwards, z up; metres. Everything here needs the extra `render`.
"""

from dataclasses import dataclass
from functools import lru_cache

import anny
import numpy as np
import torch

# Facial movements that are loaded; each one makes the model a little larger.
ACTIONS = [
    "eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft", "mouthSmileRight",
    "browInnerUp", "mouthPucker", "mouthFrownLeft", "mouthFrownRight",
]  # fmt: skip

# Bone name (up to its first digit or dot) -> body region; the side comes from the name's end.
REGIONS = ("head", "neck", "torso", "upper_arm", "forearm", "hand", "thigh", "shin", "foot")
_REGION_OF = {
    "head": "head", "eye": "head", "neck": "neck", "root": "torso", "pelvis": "torso", "spine": "torso",
    "clavicle": "torso", "shoulder": "torso", "upperarm": "upper_arm", "lowerarm": "forearm", "wrist": "hand",
    "finger": "hand", "metacarpal": "hand", "upperleg": "thigh", "lowerleg": "shin", "foot": "foot", "toe": "foot",
}  # fmt: skip

# Skin from light to dark, sRGB.
_SKIN = np.array([(247, 214, 193), (236, 190, 160), (214, 160, 124), (181, 124, 88), (134, 86, 58), (88, 55, 38)]) / 255


@dataclass(frozen=True)
class Body:
    """A person: phenotype numbers for anny, skin (3,) sRGB in 0..1, sex, and how old from 0 (grown up) to 1."""

    phenotype: dict[str, float]
    skin: np.ndarray
    female: bool
    old: float


class Mannequin:
    """The parametric body: one mesh, one rest pose, any shape and pose.

    `label` (V, 3) is every vertex's place on the canonical body at rest; it is the same for all people, so it names a
    point of the surface across bodies and poses. `joints` are the canonical body's, by bone name.
    """

    def __init__(self):
        self.model = anny.Anny(phenotypes="all", facial_actions=ACTIONS).float()
        self.regressor = anny.KeypointsRegressor.coco(self.model).float()
        self.bones = {name: i for i, name in enumerate(self.model.bone_labels)}
        self.parents = list(self.model.bone_parents)
        self.faces = self.model.faces.numpy().astype(np.int32)  # (F, 3)
        rest, heads = self.rest({})
        self.label = rest - heads[0]  # (V, 3), origin at the pelvis
        self.joints = {name: heads[i] - heads[0] for name, i in self.bones.items()}
        self.regions = REGIONS
        self.share = self._region_shares()  # (V, R)
        self.region = self.share.argmax(1)  # (V,)
        weights, indices = self.model.vertex_bone_weights.numpy(), self.model.vertex_bone_indices.numpy()
        eyes = np.isin(indices, [self.bones["eye.L"], self.bones["eye.R"]])
        self.eyeball = (weights * eyes).sum(1) > 0.5  # (V,)

    def _region_shares(self):
        """How much of each vertex moves with each body region (V, R); rows sum to 1."""
        table = np.zeros((len(self.bones), len(REGIONS)), np.float32)
        for name, i in self.bones.items():
            stem = name.split(".")[0].split("-")[0].rstrip("0123456789")
            table[i, REGIONS.index(_REGION_OF[stem])] = 1
        weights = self.model.vertex_bone_weights.numpy()[..., None]  # (V, K, 1)
        return (weights * table[self.model.vertex_bone_indices.numpy()]).sum(1)  # (V, K, R) -> (V, R)

    @torch.no_grad()
    def rest(self, phenotype):
        """Vertices (V, 3) and bone heads (J, 3) of a body at rest."""
        out = self.model(None, phenotype)
        return out["rest_vertices"][0].numpy(), out["rest_bone_heads"][0].numpy()

    @torch.no_grad()
    def pose(self, phenotype, rotations, actions):
        """Posed bodies: rotations (B, J, 3, 3), a bone's relative to its parent in rest axes; actions: dict of (B,).

        Returns vertices (B, V, 3), COCO keypoints (B, 17, 3) and world rotations of the head (B, 3, 3).
        """
        transforms = torch.eye(4).repeat(*rotations.shape[:2], 1, 1)  # (B, J, 4, 4)
        transforms[..., :3, :3] = torch.as_tensor(rotations, dtype=torch.float32)
        actions = {k: torch.as_tensor(v, dtype=torch.float32) for k, v in actions.items()}
        out = self.model(transforms, phenotype, facial_actions=actions)
        keypoints = self.regressor(out)[:, :17]  # (B, 17, 3)
        turn = out["bone_poses"][:, self.bones["head"], :3, :3] @ out["rest_bone_poses"][
            :, self.bones["head"], :3, :3].transpose(1, 2)  # (B, 3, 3)  # fmt: skip
        return out["vertices"].numpy(), keypoints.numpy(), turn.numpy()


@lru_cache(maxsize=1)
def mannequin() -> Mannequin:
    """The one mannequin of this process. Its very first load on a machine builds anny's cache: about 100 s."""
    return Mannequin()


def sample_body(rng: np.random.Generator) -> Body:
    """Draw a person's shape: sex, age from ten years on, weight, muscle, height, ancestry, skin."""
    female = bool(rng.random() < 0.5)
    age = float(np.clip(rng.choice([rng.uniform(0.42, 0.6), rng.uniform(0.6, 0.78), rng.uniform(0.78, 1.0)],
                                   p=[0.12, 0.6, 0.28]), 0, 1))  # fmt: skip
    ancestry = rng.dirichlet([0.6, 0.6, 0.6])
    tone = np.clip(ancestry @ [4.2, 1.6, 0.8] + rng.normal(0, 0.6), 0, len(_SKIN) - 1)
    skin = np.array([np.interp(tone, range(len(_SKIN)), _SKIN[:, c]) for c in range(3)])
    phenotype = {
        "gender": float(rng.uniform(0.85, 1.0) if female else rng.uniform(0.0, 0.15)),
        "age": age,
        "muscle": float(rng.beta(3, 3)),
        "weight": float(np.clip(rng.normal(0.48, 0.2), 0.05, 1)),
        "height": float(np.clip(rng.normal(0.5, 0.2), 0.05, 0.95)),
        "proportions": float(rng.uniform(0.2, 0.8)),
        "cupsize": float(rng.uniform(0.2, 0.8)),
        "firmness": float(rng.uniform(0.4, 0.9)),
        **dict(zip(("african", "asian", "caucasian"), map(float, ancestry), strict=True)),
    }
    return Body(phenotype, skin, female, max(0.0, (age - 0.7) / 0.3))


def sample_expression(rng: np.random.Generator) -> dict[str, float]:
    """Draw a face: strengths of anny's facial actions, in 0..1."""
    face = dict.fromkeys(ACTIONS, 0.0)
    kind = rng.choice(["calm", "smile", "open", "frown", "pucker"], p=[0.4, 0.32, 0.12, 0.1, 0.06])
    strength = float(rng.uniform(0.4, 1))
    if kind in ("smile", "open"):
        face["mouthSmileLeft"] = face["mouthSmileRight"] = strength
    if kind == "open":
        face["jawOpen"] = 0.5 * strength
    if kind == "frown":
        face["mouthFrownLeft"] = face["mouthFrownRight"] = strength
    if kind == "pucker":
        face["mouthPucker"] = 0.7 * strength
    face["browInnerUp"] = float(rng.uniform(0, 0.6))
    face["eyeBlinkLeft"] = face["eyeBlinkRight"] = float(rng.choice([0.0, 0.15, 0.3]))
    return face
