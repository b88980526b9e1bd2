"""One picture of a figure: camera, backdrop, floor shadow, colour, and the labels that go with it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .figure_bodies import Mannequin
from .figure_patterns import palette, smooth
from .figure_render import Camera, Light, Scene, to_linear, to_srgb, vertex_normals
from .figure_wardrobe import Fields, Look

PARTS = (
    "background", "hair", "head", "neck", "torso", "left upper arm", "right upper arm", "left forearm",
    "right forearm", "left hand", "right hand", "left thigh", "right thigh", "left shin", "right shin", "left foot",
    "right foot",
)  # fmt: skip
_PART_OF = {"head": 2, "neck": 3, "torso": 4, "upper_arm": 5, "forearm": 7, "hand": 9, "thigh": 11, "shin": 13, "foot": 15}

# COCO keypoints (nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left before right) in OpenPose order;
# the neck, the middle of the shoulders, is put in at 1.
_OPENPOSE = [0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
# Which way, on the head at rest, one must look from to see nose, right eye, left eye, right ear, left ear.
_SEEN_FROM = {0: (0, -1, 0), 14: (-0.45, -0.9, 0), 15: (0.45, -0.9, 0), 16: (-1, 0, 0), 17: (1, 0, 0)}
_SEEN_LIMIT = {0: -0.1, 14: 0.0, 15: 0.0, 16: -0.3, 17: -0.3}


@dataclass
class Shot:
    """A picture and its truth: image uint8 (H, W, 3), points float32 (18, 3), parts uint8 (H, W), surface float32
    (H, W, 3) canonical place in metres, mask bool (H, W), and numbers for the index."""

    image: np.ndarray
    points: np.ndarray
    parts: np.ndarray
    surface: np.ndarray
    mask: np.ndarray
    info: dict


def openpose(coco):
    """COCO keypoints (17, D) -> OpenPose's 18 (18, D)."""
    points = coco[_OPENPOSE]
    return np.insert(points, 1, (coco[5] + coco[6]) / 2, axis=0)


def sample_camera(rng, vertices, keypoints):
    """Draw a camera: any yaw, a height about the figure's middle, near or far; returns it with yaw, scale, distance."""
    yaw = float(rng.uniform(-180, 180) if rng.random() < 0.5 else np.clip(rng.normal(0, 45), -180, 180))
    elevation = float(np.clip(rng.normal(6, 8), -8, 32))
    low, high = vertices.min(0), vertices.max(0)
    scale = float(rng.uniform(0.55, 1.0) if rng.random() < 0.62 else rng.uniform(1.0, 1.5))
    focal = float(rng.uniform(1.5, 2.6))
    middle = (low + high) / 2
    trunk = keypoints[[5, 6, 11, 12]].mean(0)
    if scale > 1.0:  # near: look at some height of the body, the upper half more often; the frame cuts the rest
        middle = np.array([*trunk[:2], rng.uniform(keypoints[[11, 12], 2].mean() - 0.25, keypoints[0, 2])])
    # A standing grown-up takes 0.86 of the picture's height at scale 1; a crouching one is seen a little closer.
    distance = focal * (0.6 * 1.75 + 0.4 * (high - low).max()) / (0.86 * scale)
    free = 0.07 if scale > 1 else 0.5 * (1 - 0.86 * scale) * 0.9
    shift = 0.5 + rng.uniform(-1, 1, 2) * [0.2 * (1.25 - min(scale, 1.2)) + 0.04, max(free, 0.03)]
    camera = Camera.look(middle, distance, yaw, elevation, focal, shift)
    return camera, {"yaw": round(yaw, 1), "scale": round(scale, 3), "distance": round(float(distance), 3)}


def view_of(yaw):
    """Name of a camera's side: front within 60 degrees of the face, back beyond 120, side between."""
    turn = abs((yaw + 180) % 360 - 180)
    return "front" if turn <= 60 else "back" if turn >= 120 else "side"


def pixel_grid(size, low, high, samples):
    """Unit coordinates (n, n, samples^2, 2) of sample points in the pixels low <= (x, y) < high, and the box's shape."""
    offsets = (np.arange(samples) + 0.5) / samples
    xs, ys = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    x = (xs[None, :, None, None] + offsets[None, None, None, :]) / size
    y = (ys[:, None, None, None] + offsets[None, None, :, None]) / size
    x, y = np.broadcast_arrays(x, y)  # (h, w, s, s)
    return np.stack([x, y], axis=-1).reshape(len(ys), len(xs), samples * samples, 2)


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
        reach = (rays @ (forward / np.linalg.norm(forward)))  # (H, W) towards the wall
        wall_at = np.linalg.norm((camera.position * [1, 1, 0])) + self.depth
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


def _stool(seat, floor):
    """A block under the seat: vertices (8, 3), faces (12, 3)."""
    top, half = seat[2], 0.19
    x, y = seat[0], seat[1] + 0.02
    corners = np.array([(x + i * half, y + j * half, z) for z in (floor, top) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    quads = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32)


def render(body: Mannequin, fields: Fields, look: Look, vertices, coco, head, pose, size, rng) -> Shot:
    """Draw one picture of a posed body: vertices (V, 3), COCO keypoints (17, 3), head rotation (3, 3)."""
    vertices = vertices + vertex_normals(vertices, body.faces) * look.thickness(fields.vertices())[:, None]
    normals = vertex_normals(vertices, body.faces)
    floor = vertices[:, 2].min() - pose.lift - 0.003
    camera, info = sample_camera(rng, vertices, coco)
    light = Light.sample(rng, info["yaw"])
    info["view"], info["pose"] = view_of(info["yaw"]), pose.kind

    points, faces, count = vertices, body.faces, len(body.faces)
    furniture = np.clip(palette(rng)[0] * 0.5 + 0.3, 0, 1)
    if pose.seated:
        hips = coco[[11, 12]].mean(0)
        trunk = vertices[body.region == body.regions.index("torso")]
        block, sides = _stool(np.array([hips[0], hips[1], trunk[:, 2].min() + 0.012]), floor)
        points, faces = np.concatenate([points, block]), np.concatenate([faces, sides + len(vertices)])
    scene = Scene(points, faces)

    # Colour: four samples a pixel, only where something can be hit.
    flat = camera.project(points) * size
    low = np.clip(np.floor(flat.min(0)) - 1, 0, size).astype(int)
    high = np.clip(np.ceil(flat.max(0)) + 1, 0, size).astype(int)
    backdrop = Backdrop(rng)
    canvas, on_floor = backdrop.paint(camera, size, floor)
    canvas *= (1 - 0.6 * on_floor * _floor_shadow(scene, camera, light, size, floor, rng))[..., None]
    box = (slice(low[1], high[1]), slice(low[0], high[0]))
    grid = pixel_grid(size, low, high, 2)  # (h, w, 4, 2)
    rays = camera.rays(grid.reshape(-1, 2))
    hits = scene.cast(np.broadcast_to(camera.position, rays.shape), rays)
    on = np.flatnonzero(hits.face >= 0)
    light_of, _ = _surface_light(body, fields, look, scene, normals, light, rays[on], hits, on, camera, count, furniture, rng)
    samples = np.repeat(canvas[box][:, :, None], 4, axis=2).reshape(-1, 3)  # (h*w*4, 3)
    samples[on] = light_of
    canvas[box] = samples.reshape(*grid.shape[:3], 3).mean(2)
    image = (to_srgb(canvas) * 255 + 0.5).astype(np.uint8)

    # Truth: one ray through each pixel's centre.
    grid = pixel_grid(size, low, high, 1)
    rays = camera.rays(grid.reshape(-1, 2))
    hits = scene.cast(np.broadcast_to(camera.position, rays.shape), rays)
    seen = (hits.face >= 0) & (hits.face < count)
    corners, weights = body.faces[hits.face[seen]], hits.weights[seen]
    spots = fields.at(corners, weights)
    parts_flat = np.zeros(len(rays), np.uint8)
    parts_flat[seen] = _parts(body, look, corners, weights, spots)
    surface, mask, parts = np.zeros((size, size, 3), np.float32), np.zeros((size, size), bool), np.zeros((size, size), np.uint8)
    place = np.zeros((len(rays), 3), np.float32)
    place[seen] = spots.p
    shape = grid.shape[:2]
    surface[box], mask[box], parts[box] = place.reshape(*shape, 3), seen.reshape(shape), parts_flat.reshape(shape)
    return Shot(image, _keypoints(coco, head, camera), parts, surface, mask, info)


def _surface_light(body, fields, look, scene, normals, light, rays, hits, on, camera, count, furniture, rng):
    """Linear light (N, 3) at the hits `on`: the figure's colours, or the furniture's."""
    face, weights = hits.face[on], hits.weights[on]
    place = camera.position + rays * hits.depth[on, None]
    figure = face < count
    normal, albedo, gloss = np.empty((len(on), 3)), np.tile(to_linear(furniture), (len(on), 1)), np.full(len(on), 0.03)
    corners = body.faces[face[figure]]
    normal[figure] = np.einsum("nk,nkc->nc", weights[figure], normals[corners])
    triangle = scene.vertices[scene.faces[face]]
    flat = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
    normal[~figure] = flat[~figure]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    normal *= np.where((normal * rays).sum(1) > 0.25, -1.0, 1.0)[:, None]  # the inside of a surface
    rgb, shine, _ = look.paint(fields.at(corners, weights[figure]))
    albedo[figure], gloss[figure] = to_linear(rgb), shine
    towards = light.towards(len(on), rng)
    lit = 1 - 0.85 * scene.blocked(place + normal * 0.006, towards)
    lit = np.where((normal * towards).sum(1) > 0, lit, 1.0)
    return light.shade(albedo, normal, -rays, lit, gloss), normal


def _floor_shadow(scene, camera, light, size, floor, rng):
    """How much of the key light the figure takes from the floor (size, size), from rays at a quarter of the pixels."""
    coarse = size // 2
    rays = camera.rays(pixel_grid(coarse, (0, 0), (coarse, coarse), 1).reshape(-1, 2))
    down = rays[:, 2] < -0.02
    distance = np.where(down, (floor - camera.position[2]) / np.where(down, rays[:, 2], -1), 0)
    place = camera.position + rays * distance[:, None]
    near = down & (np.hypot(*(place[:, :2] - scene.vertices[:, :2].mean(0)).T) < 2.5)
    taken = np.zeros(len(rays))
    spot = np.repeat(place[near] + [0, 0, 0.002], 3, axis=0)
    taken[near] = scene.blocked(spot, light.towards(len(spot), rng)).reshape(-1, 3).mean(1)
    # Contact: straight up, close by, whatever the light.
    up = rng.normal(0, 0.5, (near.sum(), 3)) + [0, 0, 1]
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    taken[near] = np.minimum(1, taken[near] + 0.5 * scene.blocked(place[near] + [0, 0, 0.002], up, 0.25))
    map_ = Image.fromarray((taken.reshape(coarse, coarse) * 255).astype(np.uint8))
    map_ = map_.filter(ImageFilter.GaussianBlur(coarse * 0.008)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(map_, np.float32) / 255


def _parts(body, look, corners, weights, spots):
    """Part label (N,) of each spot; left and right by the side of the canonical body."""
    nearest = corners[np.arange(len(corners)), weights.argmax(1)]
    base = np.array([_PART_OF[r] for r in body.regions], np.uint8)[body.region[nearest]]
    right = (base >= 5) & (spots.p[:, 0] < 0)
    base = base + right.astype(np.uint8)
    return np.where(look.hair.covers(spots), 1, base).astype(np.uint8)


def _keypoints(coco, head, camera):
    """OpenPose keypoints (18, 3): unit x, unit y, present: inside the frame and, on the head, on the side one sees."""
    points = openpose(coco)
    flat = camera.project(points)
    present = ((flat > 0) & (flat < 1)).all(1)
    to_camera = camera.position - points[0]
    to_camera = head.T @ (to_camera / np.linalg.norm(to_camera))
    for i, way in _SEEN_FROM.items():
        present[i] &= to_camera @ (np.array(way) / np.linalg.norm(way)) > _SEEN_LIMIT[i]
    return np.column_stack([flat, present]).astype(np.float32)
