"""Guesses which part of the body each pixel shows: the nearest bone of a pose, in thicknesses of that bone."""

from __future__ import annotations

import numpy as np

# mediapipe's 33 points of a body.
NOSE, EARS, MOUTH, SHOULDERS, HIPS = [0], [7, 8], [9, 10], [11, 12], [23, 24]
SIDES = {"left": dict(shoulder=11, elbow=13, wrist=15, knuckles=[17, 19], hip=23, knee=25, ankle=27, heel=29, toe=31),
         "right": dict(shoulder=12, elbow=14, wrist=16, knuckles=[18, 20], hip=24, knee=26, ankle=28, heel=30, toe=32)}
# Half thickness at both ends of each bone, in lengths of the trunk, clothes included. These numbers and the next are those
# that agreed best with the part maps of 82 rendered people whose pose was found.
THICK = {"upper arm": (0.11, 0.105), "forearm": (0.11, 0.06), "hand": (0.07, 0.065), "thigh": (0.155, 0.13),
         "shin": (0.095, 0.13), "foot": (0.08, 0.13), "neck": (0.10, 0.09), "head": (0.12, 0.21)}  # fmt: skip
GROIN = 0.21  # where the thigh begins, on the way from hip to knee
NECK = (0.3, 0.36)  # where the neck begins and ends, on the way from the shoulders to the ears
CROWN = 0.07  # how far the middle of the skull lies above the ears, in lengths of the trunk
TRUNK = 0.12  # how far cloth and flesh stand out beyond shoulders and hips
NEARER = 0.46  # what a bone gains for each trunk's length that it lies nearer to the camera
SEEN = 0.2  # mediapipe's visibility under which a limb's end is taken for hidden


def nearest_parts(body: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """mediapipe's (33,4), x and y and depth in pixels of a picture -> cost (size,size) of each part of the body.

    A pixel most likely shows the part of the least cost: its distance in thicknesses of the bone (0 on the bone, 1 on the
    skin), less for what lies nearer to the camera. Hidden limbs are left out; "head" is face and hair.
    """
    place, trunk = body[:, :3].astype(np.float64), trunk_length(body)
    shoulders, ears, mouth, nose = (place[points].mean(0) for points in (SHOULDERS, EARS, MOUTH, NOSE))
    y, x = np.mgrid[:size, :size] + 0.5
    costs = {"torso": torso(place, trunk, x, y)}
    up = (ears - shoulders) / max(np.linalg.norm((ears - shoulders)[:2]), 1e-6)

    def cost(name: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        away, along = capsule(start, end, [trunk * thick for thick in THICK[name]], x, y)
        depth = (start[2] + along * (end[2] - start[2])) / trunk
        return away + NEARER * np.clip(depth, -1, 1) * (away < 1.5)

    costs["neck"] = cost("neck", *(shoulders + share * (ears - shoulders) for share in NECK))
    head = [cost("head", mouth, ears + CROWN * trunk * up), cost("head", nose, ears)]
    costs["head"] = np.minimum(*head)
    for side, at in SIDES.items():
        fingers = place[at["wrist"]] + 2 * (place[at["knuckles"]].mean(0) - place[at["wrist"]])
        toe = place[at["ankle"]] + 1.1 * (place[at["toe"]] - place[at["ankle"]])
        bones = {"upper arm": (at["shoulder"], at["elbow"]), "forearm": (at["elbow"], at["wrist"]),
                 "thigh": (at["hip"], at["knee"]), "shin": (at["knee"], at["ankle"])}  # fmt: skip
        for name, (start, end) in bones.items():
            if body[end, 3] >= SEEN:
                skip = GROIN if name == "thigh" else 0
                costs[f"{side} {name}"] = cost(name, place[start] + skip * (place[end] - place[start]), place[end])
        if body[at["wrist"], 3] >= SEEN:
            costs[f"{side} hand"] = cost("hand", place[at["wrist"]], fingers)
        if body[at["ankle"], 3] >= SEEN:
            costs[f"{side} foot"] = np.minimum(cost("foot", place[at["heel"]], toe), cost("foot", place[at["ankle"]], toe))
    return costs


def trunk_length(body: np.ndarray) -> float:
    """Length of the trunk in pixels; limbs and head vouch for it where it is seen from the front, bent."""
    def length(a, b):
        return float(np.linalg.norm(body[a, :2].mean(0) - body[b, :2].mean(0)))

    limbs = [length([at[a]], [at[b]]) for at in SIDES.values() for a, b in (("hip", "knee"), ("knee", "ankle"))]
    return max(length(SHOULDERS, HIPS), 1.1 * max(limbs), 1.0)


def capsule(start, end, thick, x, y) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each pixel from a bone, in thicknesses, and how far along the bone (0..1) its nearest place lies."""
    way = (end - start)[:2]
    along = ((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(way @ way, 1e-6)
    along = np.clip(along, 0, 1)
    away = np.hypot(x - start[0] - along * way[0], y - start[1] - along * way[1])
    return away / (thick[0] + along * (thick[1] - thick[0])), along


def torso(place: np.ndarray, trunk: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cost of the torso: 0.5 within the quadrangle of shoulders and hips, 1 as far beyond as cloth reaches."""
    corners = place[[*SHOULDERS, *HIPS[::-1]], :2]  # (4, 2)
    inside = np.zeros(x.shape, bool)
    away = np.full(x.shape, np.inf)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (a[1] <= y) != (b[1] <= y)
        height = b[1] - a[1] if abs(b[1] - a[1]) > 1e-9 else 1e-9
        inside ^= crosses & (x < a[0] + (y - a[1]) / height * (b[0] - a[0]))
        away = np.minimum(away, capsule(a, b, (1, 1), x, y)[0])
    return 0.5 + np.where(inside, 0, away) / (2 * TRUNK * trunk)
