"""What hangs from a figure and is no part of its skin: skirts, long hair, a pony tail, a bun.

A drape is a mesh of its own. Each of its vertices is a mean of skin vertices, moved out along the drape's normal (or,
for a pony tail, along the head's axes), so it follows every shape and pose without simulation.
"""

from dataclasses import dataclass

import numpy as np

from .figure_patterns import smooth
from .figure_render import Scene, vertex_normals

SKIRT, LOCKS = 1, 2


@dataclass(frozen=True)
class Drape:
    """kind SKIRT or LOCKS; anchors (N, K) skin vertices with weights (N, K); out (N,) metres along the normal;
    shape (N, 3) in the head's axes; faces (F, 3), counter-clockwise from outside."""

    kind: int
    anchors: np.ndarray
    weights: np.ndarray
    out: np.ndarray
    shape: np.ndarray
    faces: np.ndarray
    columns: int

    def place(self, vertices, head):
        """Vertices (N, 3) on a posed skin (V, 3) with head rotation (3, 3)."""
        base = np.einsum("nk,nkc->nc", self.weights, vertices[self.anchors]) + self.shape @ head.T
        if self.kind == SKIRT:  # cloth spans the hollows between the limbs
            rows = base.reshape(-1, self.columns, 3)
            for _ in range(4):
                rows = 0.5 * rows + 0.25 * (np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1))
            base = rows.reshape(-1, 3)
        return base + self.out[:, None] * vertex_normals(base, self.faces)


def _grid_faces(rows, columns, closed):
    """Triangles of a grid of vertices; closed: the last column joins the first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a, b = r * columns + c, r * columns + (c + 1) % columns
    d, e = a + columns, b + columns
    return np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, e], -1).reshape(-1, 3)]).astype(int)


class Tailor:
    """Makes drapes to measure on the canonical body; the rays run from inside to the skin."""

    def __init__(self, body):
        self.body = body
        self.skin = Scene(body.label, body.faces)

    def _skin(self, origin, direction):
        """Skin seen from origin (N, 3) along direction (N, 3): anchors (N, 3), weights (N, 3), distance (N,)."""
        hits = self.skin.cast(origin, direction)
        if (hits.face < 0).any():
            raise ValueError("a ray from inside the body found no skin")
        return self.body.faces[hits.face], hits.weights, hits.depth

    def skirt(self, waist, hem, flare, rows=16, columns=40):
        """A skirt from waist to hem (heights); flare: how far the hem stands out, metres."""
        z, angle = np.meshgrid(np.linspace(waist, hem, rows), np.arange(columns) / columns * 2 * np.pi, indexing="ij")
        z, angle = z.ravel(), angle.ravel()  # (N,), 0 = front, quarter turn = left
        way = np.column_stack([np.sin(angle), -np.cos(angle), 0 * angle])  # (N, 3)
        middle, middle_weights, _ = self._skin(np.column_stack([0 * z, 0 * z, np.maximum(z, -0.05)]), way)
        joints = [self.body.joints[f"{n}.L"] for n in ("upperleg01", "lowerleg01", "foot")]
        axis = [np.interp(-z, [-j[2] for j in joints], [j[k] for j in joints]) for k in (0, 1)]
        low = np.minimum(z, -0.05)
        left, left_weights, _ = self._skin(np.column_stack([*axis, low]), way)
        right, right_weights, _ = self._skin(np.column_stack([-axis[0], axis[1], low]), way)
        hips = (z > -0.06)[:, None]
        share = smooth(np.sin(angle), -0.6, 0.6)[:, None]  # of the left leg
        anchors = np.concatenate([middle, left, right], axis=1)  # (N, 9)
        weights = np.concatenate(
            [hips * middle_weights, ~hips * share * left_weights, ~hips * (1 - share) * right_weights], axis=1
        )
        out = 0.018 + flare * ((waist - z) / (waist - hem)) ** 1.5
        return Drape(SKIRT, anchors, weights, out, np.zeros((len(z), 3)), _grid_faces(rows, columns, True), columns)

    def locks(self, low, thick, rows=18, columns=31):
        """Long hair: a curtain around the back of head, neck and back, down to the height `low`."""
        z, across = np.meshgrid(np.linspace(0.668, low, rows), np.linspace(-1, 1, columns), indexing="ij")
        z, across = z.ravel(), across.ravel()
        reach = np.interp(z, [0.3, 0.44, 0.52, 0.6, 0.67], [44, 56, 74, 80, 80])
        angle = np.radians(across * reach)  # 0 = behind, positive = left
        way = np.column_stack([np.sin(angle), np.cos(angle), 0 * angle])
        centre = np.column_stack([0 * z, np.interp(z, [0.3, 0.45, 0.57, 0.62], [0.03, 0.02, -0.02, -0.03]), z])
        anchors, weights, distance = self._skin(centre, way)
        crown = np.column_stack([0 * z, 0 * z - 0.03, 0 * z + 0.615])
        head = self._skin(crown, way)[2] + thick
        fall = np.interp(z, [0.3, 0.5, 0.6], [0.62, 0.86, 1.0])
        gap = np.clip(np.maximum(0.012, head * fall - distance), 0, 0.075)
        gap = np.where(z < 0.6, gap, np.interp(z, [0.6, 0.668], [0.006, 0.001]))  # on the scalp's own hair
        edge = smooth(1 - np.abs(across), 0.0, 0.2)
        out = gap * (0.15 + 0.85 * edge)
        faces = _grid_faces(rows, columns, False)[:, ::-1]
        return Drape(LOCKS, anchors, weights, out, np.zeros((len(z), 3)), faces, columns)

    def tail(self, length, radius, height):
        """A pony tail (or, with length 0, a bun) fixed to the back of the head; height: 0 = level, 1 = on top."""
        rows, columns = 12, 16
        way = np.array([[0, np.cos(height), np.sin(height)]])
        anchors, weights, _ = self._skin(np.array([[0, -0.03, 0.655]]), way)
        t, angle = np.meshgrid(np.linspace(0, 1, rows), np.arange(columns) / columns * 2 * np.pi, indexing="ij")
        t, angle = t.ravel(), angle.ravel()
        if length:
            spine = np.column_stack([0 * t, 0.07 * np.sin(t * np.pi * 0.75) - 0.015, 0.01 * (1 - t) - length * t**1.3])
            girth = radius * np.sin(np.pi * np.clip(0.14 + 0.81 * t, 0, 1)) ** 0.7
        else:
            spine = way * (radius * (0.45 - np.cos(np.pi * t)))[:, None]
            girth = radius * np.sin(np.pi * t) + 1e-4
        along = np.gradient(spine.reshape(rows, columns, 3)[:, 0], axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        normal = np.cross(along, [1.0, 0, 0])
        ring = np.cos(angle)[:, None] * [1.0, 0, 0] + np.sin(angle)[:, None] * np.repeat(normal, columns, axis=0)
        shape = spine + girth[:, None] * ring
        n = len(t)
        faces = _grid_faces(rows, columns, True)
        outward = vertex_normals(shape, faces)
        if (outward * ring).sum() < 0:
            faces = faces[:, ::-1]
        return Drape(LOCKS, np.repeat(anchors, n, 0), np.repeat(weights, n, 0), np.zeros(n), shape, faces, columns)
