"""Geometric distortions h of pictures: affine, thin-plate spline, flip (CoCosNet, section 3.3, "pseudo exemplar pairs"); and
changes of colour that leave lightness as it is, and of lightness.

Convention: unit coordinates (x, y) in [0, 1] over the picture, pixel centres at (i + .5) / size. A map is given backward: for
each place of the new picture, the place of the old one that is seen there.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def random_affine(rng: np.random.Generator, scale: float, shift: float, turn: float, flip: bool) -> np.ndarray:
    """(2, 3) backward affine map about the centre: scale 1 +- `scale`, shift +- `shift` of the side, turn +- `turn` radians."""
    s, a = np.exp(rng.uniform(-scale, scale)), rng.uniform(-turn, turn)
    linear = s * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if flip:
        linear[:, 0] *= -1
    centre = np.array([0.5, 0.5])
    return np.column_stack([linear, centre - linear @ centre + rng.uniform(-shift, shift, 2)])


def random_crop(rng: np.random.Generator, size: int, share: float, flip: bool) -> tuple[np.ndarray, tuple[int, int, int]]:
    """A picture is loaded larger than `size` by `share` and cropped at a random place: (2, 3), the backward affine map, mirrored
    if `flip`; and (large, left, top) in pixels: the side it is loaded at, and where the crop begins. CoCosNet's released code."""
    large = round(size * (1 + share))
    left, top = (int(n) for n in rng.integers(large - size + 1, size=2))
    across, start = (-size, left + size) if flip else (size, left)
    return np.array([[across, 0.0, start], [0.0, size, top]]) / large, (large, left, top)


def move_points(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Points (N, 2 or 3) of the old picture -> where they lie in the new one: the forward map. A third column is kept."""
    moved = points.copy()
    moved[:, :2] = (points[:, :2] - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T
    return moved


def affine_grid(affine: np.ndarray, size: int) -> Tensor:
    """(size, size, 2): for each pixel of the new picture its place in the old one, unit coordinates."""
    centres = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(centres, centres)
    return torch.from_numpy(np.stack([x, y], axis=-1) @ affine[:, :2].T + affine[:, 2]).float()


def thin_plate_grid(rng: np.random.Generator, strength: float, size: int, knots: int = 4) -> Tensor:
    """(size, size, 2): a random thin-plate spline (Bookstein 1989), backward, unit coordinates.

    A `knots` x `knots` lattice is moved by up to +- `strength` of the side; in between the plate bends as little as possible.
    """
    lattice = np.linspace(0, 1, knots)
    p = np.stack(np.meshgrid(lattice, lattice), axis=-1).reshape(-1, 2)  # (n, 2)
    target = p + rng.uniform(-strength, strength, p.shape)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        r2 = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
        return r2 * np.log(np.maximum(r2, 1e-12))  # U(r) = r^2 log r^2

    n = len(p)
    border = np.column_stack([np.ones(n), p])  # (n, 3)
    system = np.block([[kernel(p, p), border], [border.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.vstack([target, np.zeros((3, 2))]))  # (n + 3, 2)
    centres = (np.arange(size) + 0.5) / size
    q = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    moved = kernel(q, p) @ weights[:n] + np.column_stack([np.ones(len(q)), q]) @ weights[n:]
    return torch.from_numpy(moved.reshape(size, size, 2)).float()


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Two backward maps (S, S, 2) as one: the picture is distorted by `first`, the result by `second`."""
    return sample(first.permute(2, 0, 1), second).permute(1, 2, 0)


def sample(picture: Tensor, grid: Tensor, mode: str = "bilinear") -> Tensor:
    """picture (C, H, W) seen through a backward map (S, S, 2) -> (C, S, S); the border is repeated outside.

    mode "nearest" is for label maps: between two classes there is no third.
    """
    return F.grid_sample(picture[None], grid[None] * 2 - 1, mode=mode, padding_mode="border", align_corners=False)[0]


LUMA = torch.tensor([0.299, 0.587, 0.114])  # ITU-R BT.601, as PIL's mode "L" and the condition "grey"


def random_chroma(rng: np.random.Generator, strength: float) -> Tensor:
    """(2, 3): an affine map of the colour differences B - Y, R - Y: turned by up to 45 degrees, saturated by a factor of up to
    1.8 or paled by it, tinted by up to 0.1 (pictures lie in [-1, 1]), all times `strength` times a share that is drawn first."""
    strength = strength * rng.uniform()
    a, s = rng.uniform(-1, 1) * strength * np.pi / 4, np.exp(rng.uniform(-0.6, 0.6) * strength)
    turn = s * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return torch.from_numpy(np.column_stack([turn, rng.uniform(-0.1, 0.1, 2) * strength])).float()


def recoloured(picture: Tensor, chroma: Tensor) -> Tensor:
    """A picture (3, H, W) in [-1, 1] with its colour differences mapped by (2, 3), see `random_chroma`. Lightness stays: where a
    colour would leave the range, it is made paler, not clipped."""
    Y = (LUMA[:, None, None] * picture).sum(dim=0)  # (H, W)
    U, V = torch.einsum("ij,jhw->ihw", chroma[:, :2], torch.stack([picture[2] - Y, picture[0] - Y])) + chroma[:, 2, None, None]
    c = torch.stack([V, -(LUMA[0] * V + LUMA[2] * U) / LUMA[1], U])  # (3, H, W), of luma 0
    room = torch.where(c > 0, 1 - Y, 1 + Y) / c.abs().clamp(min=1e-6)
    return (Y + c * room.amin(dim=0).clamp(max=1.0)).clamp(-1, 1)


def random_gamma(rng: np.random.Generator, strength: float) -> float:
    """A gamma between 1 / 2.2 and 2.2 for `strength` 1."""
    return float(2.2 ** (strength * rng.uniform(-1, 1)))


def relit(picture: Tensor, gamma: float) -> Tensor:
    """A picture (3, H, W) in [-1, 1], darker for a gamma above 1, brighter below; black and white stay."""
    return 2 * ((picture + 1) / 2).clamp(0, 1) ** gamma - 1
