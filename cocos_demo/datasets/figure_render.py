"""Casting rays at a posed figure: camera, hits, shadows and light (warp-lang on the CPU, one ray a sample).

Needs the extra `render`. World axes: x to the figure's left, y backwards, z up, metres. Pictures: (H, W), row 0 on top.
"""

from dataclasses import dataclass

import numpy as np
import warp as wp

wp.init()


@wp.kernel
def _cast(mesh: wp.uint64, origin: wp.array(dtype=wp.vec3), direction: wp.array(dtype=wp.vec3), reach: float,
          face: wp.array(dtype=int), bary: wp.array(dtype=wp.vec2), depth: wp.array(dtype=float)):  # fmt: skip
    i = wp.tid()
    hit = wp.mesh_query_ray(mesh, origin[i], direction[i], reach)
    face[i] = -1
    if hit.result:
        face[i] = hit.face
        bary[i] = wp.vec2(hit.u, hit.v)
        depth[i] = hit.t


@wp.kernel
def _blocked(mesh: wp.uint64, origin: wp.array(dtype=wp.vec3), direction: wp.array(dtype=wp.vec3), reach: float,
             out: wp.array(dtype=wp.uint8)):  # fmt: skip
    i = wp.tid()
    hit = wp.mesh_query_ray(mesh, origin[i], direction[i], reach)
    out[i] = wp.uint8(0)
    if hit.result:
        out[i] = wp.uint8(1)


def _rows(array):
    return wp.array(np.ascontiguousarray(array, np.float32), dtype=wp.vec3, device="cpu", copy=False)


@dataclass
class Hits:
    """First hits of N rays: face (N,) or -1; corner weights (N, 3); depth (N,) along the unit ray."""

    face: np.ndarray
    weights: np.ndarray
    depth: np.ndarray

    def take(self, which):
        """The hits of some of the rays."""
        return Hits(self.face[which], self.weights[which], self.depth[which])


class Scene:
    """Triangles to cast rays at: vertices (V, 3), faces (F, 3)."""

    def __init__(self, vertices, faces):
        self.vertices, self.faces = np.ascontiguousarray(vertices, np.float32), faces
        self._points = wp.array(self.vertices, dtype=wp.vec3, device="cpu")
        self._indices = wp.array(np.ascontiguousarray(faces, np.int32).ravel(), dtype=int, device="cpu")
        self.mesh = wp.Mesh(points=self._points, indices=self._indices)

    def cast(self, origin, direction, reach=100.0) -> Hits:
        """First hits of rays: origin (N, 3), unit direction (N, 3)."""
        n = len(origin)
        face, depth = np.full(n, -1, np.int32), np.zeros(n, np.float32)
        bary = np.zeros((n, 2), np.float32)
        if n:
            out = [wp.array(a, dtype=t, device="cpu", copy=False)
                   for a, t in ((face, int), (bary, wp.vec2), (depth, float))]  # fmt: skip
            wp.launch(_cast, n, [self.mesh.id, _rows(origin), _rows(direction), reach, *out], device="cpu")
        weights = np.stack([bary[:, 0], bary[:, 1], 1 - bary.sum(1)], axis=1)  # warp: u, v weigh corners 0 and 1
        return Hits(face, weights, depth)

    def blocked(self, origin, direction, reach=100.0):
        """Whether anything lies in the way (N,) bool."""
        out = np.zeros(len(origin), np.uint8)
        if len(out):
            target = wp.array(out, dtype=wp.uint8, device="cpu", copy=False)
            wp.launch(_blocked, len(out), [self.mesh.id, _rows(origin), _rows(direction), reach, target], device="cpu")
        return out.astype(bool)


def vertex_normals(vertices, faces):
    """Unit normals (V, 3): the mean of the adjacent triangles' normals, weighted by area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)  # (F, 3)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normal[:, k], 3), minlength=len(vertices)) for k in range(3)], axis=1
    )
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: position (3,), axes (3, 3) rows right, down, forward; focal and centre in picture sides."""

    position: np.ndarray
    axes: np.ndarray
    focal: float
    centre: np.ndarray

    @classmethod
    def look(cls, target, distance, yaw, elevation, focal, centre=(0.5, 0.5)):
        """Look at target from yaw degrees (0 = the figure's front, 90 = its left) and elevation degrees above."""
        yaw, elevation = np.radians(yaw), np.radians(elevation)
        back = np.array([np.sin(yaw) * np.cos(elevation), -np.cos(yaw) * np.cos(elevation), np.sin(elevation)])
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        axes = np.stack([right, np.cross(-back, right), -back])
        return cls(np.asarray(target) + distance * back, axes, focal, np.asarray(centre, float))

    def project(self, points):
        """World points (N, 3) -> unit coordinates of the picture (N, 2), x right, y down."""
        local = (points - self.position) @ self.axes.T
        return local[:, :2] / local[:, 2:] * self.focal + self.centre

    def rays(self, unit):
        """Unit picture coordinates (N, 2) -> unit directions in the world (N, 3)."""
        local = np.concatenate([(unit - self.centre) / self.focal, np.ones((len(unit), 1))], axis=1)
        return (local / np.linalg.norm(local, axis=1, keepdims=True)) @ self.axes


@dataclass(frozen=True)
class Light:
    """Key light from a direction (3,) with a colour (3,), sky and ground light (3,) each; softness of shadows 0..1."""

    direction: np.ndarray
    key: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    softness: float

    @classmethod
    def sample(cls, rng, camera_yaw):
        """Draw a light mostly from the camera's side, so that few pictures are in the dark."""
        yaw = np.radians(camera_yaw + rng.uniform(-75, 75))
        height = np.radians(rng.uniform(25, 70))
        direction = np.array([np.sin(yaw) * np.cos(height), -np.cos(yaw) * np.cos(height), np.sin(height)])
        warm = rng.normal(0, 0.06)
        power = rng.uniform(0.55, 0.9)
        fill = rng.uniform(0.34, 0.5)
        return cls(
            direction,
            power * np.array([1 + warm, 1.0, 1 - warm]),
            fill * np.array([1 - warm, 1.0, 1 + 1.2 * warm]),
            fill * rng.uniform(0.45, 0.75) * np.array([1 + warm, 1.0, 1 - warm]),
            rng.uniform(0.015, 0.06),
        )

    def shade(self, albedo, normal, view, lit, gloss):
        """Linear light (N, 3) off surfaces: albedo (N, 3) linear, normal and view (N, 3), lit and gloss (N,)."""
        facing = normal @ self.direction
        diffuse = np.clip((facing + 0.15) / 1.15, 0, 1) * lit
        up = (normal[:, 2:] + 1) / 2
        half = self.direction + view
        half = half / np.linalg.norm(half, axis=1, keepdims=True)
        shine = np.clip((normal * half).sum(1), 0, 1) ** 24 * gloss * lit
        edge = (1 - np.clip((normal * view).sum(1), 0, 1)) ** 3  # a little darkness towards the outline
        ambient = (up * self.sky + (1 - up) * self.ground) * (1 - 0.35 * edge[:, None])
        return albedo * (ambient + diffuse[:, None] * self.key) + shine[:, None] * self.key

    def towards(self, count, rng):
        """Directions (count, 3) to points of the light, spread by its softness."""
        out = self.direction + rng.normal(0, self.softness, (count, 3))
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def pixel_grid(size, low, high, samples):
    """Unit coordinates (h, w, samples^2, 2) of sample points in the pixels low <= (x, y) < high of size x size."""
    offsets = (np.arange(samples) + 0.5) / samples
    xs, ys = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    x = (xs[None, :, None, None] + offsets[None, None, None, :]) / size
    y = (ys[:, None, None, None] + offsets[None, None, :, None]) / size
    x, y = np.broadcast_arrays(x, y)  # (h, w, s, s)
    return np.stack([x, y], axis=-1).reshape(len(ys), len(xs), samples * samples, 2)


def to_linear(srgb):
    """sRGB 0..1 -> linear light, by the usual power."""
    return np.asarray(srgb, float) ** 2.2


def to_srgb(linear):
    """Linear light -> sRGB 0..1."""
    return np.clip(linear, 0, 1) ** (1 / 2.2)
