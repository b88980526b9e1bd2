"""One picture of a figure: camera, backdrop, floor shadow, colour, and the labels that go with it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from .figure_backdrop import Backdrop, stool
from .figure_patterns import palette
from .figure_render import Camera, Light, Scene, pixel_grid, to_linear, to_srgb, vertex_normals
from .figure_wardrobe import Dressed

# COCO keypoints (nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left before right) in OpenPose's
# order; the neck, the middle of the shoulders, is put in at 1.
_OPENPOSE = [0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
# Which way, on the head at rest, one must look from to see nose, right eye, left eye, right ear, left ear; how surely.
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


def render(dressed: Dressed, skin, coco, head, pose, size, rng) -> Shot:
    """Draw one picture of a posed person: skin vertices (V, 3), COCO keypoints (17, 3), head rotation (3, 3)."""
    vertices = dressed.place(skin, head)
    normals = vertex_normals(vertices, dressed.faces)
    floor = vertices[:, 2].min() - pose.lift - 0.003
    camera, info = sample_camera(rng, vertices, coco)
    light = Light.sample(rng, info["yaw"])
    info["view"], info["pose"] = view_of(info["yaw"]), pose.kind
    points, faces = vertices, dressed.faces
    furniture = np.clip(palette(rng)[0] * 0.5 + 0.3, 0, 1)
    if pose.seated:
        hips = coco[[11, 12]].mean(0)
        seat = skin[dressed.body.region == dressed.body.regions.index("torso"), 2].min()
        block, sides = stool(np.array([hips[0], hips[1], seat + 0.012]), floor)
        points, faces = np.concatenate([points, block]), np.concatenate([faces, sides + len(vertices)])
    scene = Scene(points, faces)

    canvas, on_floor = Backdrop(rng).paint(camera, size, floor)
    canvas *= (1 - 0.6 * on_floor * _floor_shadow(scene, camera, light, size, floor, rng))[..., None]
    flat = camera.project(points) * size
    low = np.clip(np.floor(flat.min(0)) - 1, 0, size).astype(int)
    high = np.clip(np.ceil(flat.max(0)) + 1, 0, size).astype(int)
    box = (slice(low[1], high[1]), slice(low[0], high[0]))  # nothing is hit outside

    # Colour: four samples a pixel.
    grid = pixel_grid(size, low, high, 2)  # (h, w, 4, 2)
    rays = camera.rays(grid.reshape(-1, 2))
    hits = scene.cast(np.broadcast_to(camera.position, rays.shape), rays)
    on = hits.face >= 0
    samples = np.repeat(canvas[box][:, :, None], 4, axis=2).reshape(-1, 3)  # (h w 4, 3)
    samples[on] = _light(dressed, scene, normals, light, camera, rays[on], hits.take(on), furniture, rng)
    canvas[box] = samples.reshape(*grid.shape[:3], 3).mean(2)
    image = (to_srgb(canvas) * 255 + 0.5).astype(np.uint8)

    # Truth: one ray through each pixel's centre.
    grid = pixel_grid(size, low, high, 1)  # (h, w, 1, 2)
    rays = camera.rays(grid.reshape(-1, 2))
    hits = scene.cast(np.broadcast_to(camera.position, rays.shape), rays)
    seen = (hits.face >= 0) & (hits.face < len(dressed.faces))
    hits = hits.take(seen)
    corners = dressed.faces[hits.face]
    spots = dressed.spots(corners, hits.weights)
    mask = np.zeros((size, size), bool)
    mask[box] = seen.reshape(grid.shape[:2])
    surface, parts = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.uint8)
    surface[mask], parts[mask] = spots.p, dressed.parts(corners, hits.weights, spots)
    return Shot(image, _keypoints(coco, head, camera), parts, surface, mask, info)


def _light(dressed, scene, normals, light, camera, rays, hits, furniture, rng):
    """Linear light (N, 3) from N hits: the figure's colours, or the furniture's."""
    place = camera.position + rays * hits.depth[:, None]
    figure = hits.face < len(dressed.faces)
    triangle = scene.vertices[scene.faces[hits.face]]  # (N, 3, 3)
    normal = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
    corners, weights = dressed.faces[hits.face[figure]], hits.weights[figure]
    normal[figure] = np.einsum("nk,nkc->nc", weights, normals[corners])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    normal *= np.where((normal * rays).sum(1) > 0.25, -1.0, 1.0)[:, None]  # seen from inside
    rgb, gloss = np.tile(furniture, (len(rays), 1)), np.full(len(rays), 0.03)
    rgb[figure], gloss[figure], _ = dressed.look.paint(dressed.spots(corners, weights))
    towards = light.towards(len(rays), rng)
    lit = 1 - 0.85 * scene.blocked(place + normal * 0.012, towards)
    lit = np.where((normal * towards).sum(1) > 0, lit, 1.0)
    return light.shade(to_linear(rgb), normal, -rays, lit, gloss)


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
    shadow = Image.fromarray((taken.reshape(coarse, coarse) * 255).astype(np.uint8))
    shadow = shadow.filter(ImageFilter.GaussianBlur(coarse * 0.008))
    return np.asarray(shadow.resize((size, size), Image.Resampling.BILINEAR), np.float32) / 255


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
