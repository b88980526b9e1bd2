"""The studio behind a figure: wall, floor, blurred shapes, a stool."""

import numpy as np

from .figure_patterns import palette, smooth
from .figure_render import pixel_grid, to_linear


class Backdrop:
    """A studio: wall and floor with colours, a soft join, sometimes blurred shapes on the wall."""

    def __init__(self, rng):
        tones = palette(rng)
        pale = rng.uniform(0.45, 0.9)
        grey = np.full(3, rng.uniform(0.35, 0.92))
        self.wall = (1 - pale) * tones[0] + pale * grey
        self.floor = np.clip(self.wall * rng.uniform(0.72, 1.12), 0, 1) if rng.random() < 0.6 else (
            0.6 * palette(rng)[0] + 0.4 * grey)  # fmt: skip
        self.kind = str(rng.choice(["plain", "gradient", "spot", "blobs", "panels"], p=[0.2, 0.24, 0.22, 0.22, 0.12]))
        self.soft = float(rng.choice([0.005, 0.05, 0.14]))
        self.depth = rng.uniform(1.0, 3.0)
        self.tones, self.rng = tones, rng

    def paint(self, camera, size, floor_height):
        """Linear colour (size, size, 3), and where the floor is (size, size) 0..1."""
        rng = self.rng
        grid = pixel_grid(size, (0, 0), (size, size), 1)[:, :, 0]  # (H, W, 2)
        x, y = grid[..., 0], grid[..., 1]
        rays = camera.rays(grid.reshape(-1, 2)).reshape(size, size, 3)
        forward = camera.axes[2] * [1, 1, 0]
        reach = rays @ (forward / np.linalg.norm(forward))  # (H, W) towards the wall
        wall_at = np.linalg.norm(camera.position * [1, 1, 0]) + self.depth
        height = camera.position[2] + rays[..., 2] / np.maximum(reach, 1e-3) * wall_at - floor_height
        on_floor = smooth(-height, -self.soft * wall_at * 0.5, self.soft * wall_at * 0.5)
        wall = np.tile(self.wall, (size, size, 1))
        if self.kind == "gradient":
            angle = rng.uniform(0, 2 * np.pi)
            t = smooth((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), -0.7, 0.7)[..., None]
            wall = wall * (1 - 0.55 * t) + 0.55 * t * self.tones[1]
        elif self.kind == "spot":
            cx, cy = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.6)
            wall = wall * (0.72 + 0.45 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.16))[..., None]
        elif self.kind == "blobs":
            for tone in (*self.tones, *palette(rng)):
                cx, cy, r = rng.uniform(0, 1), rng.uniform(0, 0.8), rng.uniform(0.06, 0.22)
                d = np.hypot((x - cx) * rng.uniform(0.6, 1.6), y - cy)
                a = (0.5 * (1 - smooth(d, r * 0.5, r * 1.3)))[..., None]
                wall = wall * (1 - a) + a * tone
        elif self.kind == "panels":
            width = rng.uniform(0.08, 0.3)
            stripe = smooth(np.abs(((x / width + rng.uniform()) % 1) - 0.5), 0.2, 0.3)[..., None]
            wall = wall * (1 - 0.25 * stripe) + 0.25 * stripe * self.tones[2]
        floor = self.floor * np.clip(0.85 + 0.3 * (y - 0.5), 0, 1.1)[..., None]
        mixed = wall * (1 - on_floor[..., None]) + floor * on_floor[..., None]
        grain = rng.normal(0, 0.006, (size, size, 1))
        return to_linear(np.clip(mixed + grain, 0, 1)), on_floor


def stool(seat, floor):
    """A block under the seat: vertices (8, 3), faces (12, 3)."""
    top, half = seat[2], 0.19
    x, y = seat[0], seat[1] + 0.02
    around = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    corners = np.array([(x + i * half, y + j * half, z) for z in (floor, top) for i, j in around])
    quads = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32)
