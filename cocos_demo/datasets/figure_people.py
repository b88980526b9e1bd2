"""People in front of the camera: the same body and clothes in several poses, cameras, lights and backdrops."""

from functools import lru_cache

import numpy as np

from .figure_bodies import mannequin, sample_body, sample_expression
from .figure_drapes import Tailor
from .figure_poses import sample_pose
from .figure_stage import Shot, render
from .figure_wardrobe import PARTS, Dressed, Look

__all__ = ["PARTS", "RECIPE", "shoot", "warm_up"]

RECIPE = 3  # goes up when the same seed no longer gives the same pictures


@lru_cache(maxsize=1)
def _tailor():
    return Tailor(mannequin())


def warm_up():
    """Load the body and compile the kernels; on a fresh machine this fills anny's and warp's caches (minutes)."""
    shoot(0, 1, 32, 0)


def shoot(person: int, shots: int, size: int, seed: int) -> list[Shot]:
    """Pictures of one person; they depend on seed, person, shot and size alone."""
    body = mannequin()
    rng = np.random.default_rng([seed, person])
    shape = sample_body(rng)
    dressed = Dressed(body, Look.sample(rng, shape), _tailor())
    heads = body.rest(shape.phenotype)[1]
    found = []
    for shot in range(shots):
        # From 1: seeds are padded with zeros, so [seed, person, 0] would give the draws that made the body once more.
        rng = np.random.default_rng([seed, person, shot + 1])
        pose = sample_pose(body, heads, rng)
        face = {k: [v] for k, v in sample_expression(rng).items()}
        vertices, coco, head = body.pose(shape.phenotype, pose.rotations[None], face)
        found.append(render(dressed, vertices[0], coco[0], head[0], pose, size, rng))
    return found
