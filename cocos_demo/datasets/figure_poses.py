"""Poses for the rendered figures: bone rotations from a few natural numbers (hip and knee angles, wrist targets).

Axes as in figure_bodies: x to the person's left, y backwards, z up. Rotations are relative to the parent, in rest axes:
world rotation of a bone = world rotation of its parent @ its own.
"""

from dataclasses import dataclass, field

import numpy as np

from .figure_bodies import Mannequin

SIDES = {"L": 1.0, "R": -1.0}
KINDS = {  # pose kind -> how often
    "stand": 0.24, "walk": 0.17, "run": 0.08, "sit": 0.12, "squat": 0.07, "kneel": 0.05, "lunge": 0.07,
    "one_leg": 0.07, "lean": 0.07, "jump": 0.06,
}  # fmt: skip


@dataclass
class Pose:
    """One pose: rotations (J, 3, 3), whether the figure sits on a stool, how far it floats above the floor (metres)."""

    kind: str
    rotations: np.ndarray
    seated: bool = False
    lift: float = 0.0


@dataclass
class _Angles:
    """Degrees. Legs: flex (thigh forwards), spread (outwards), knee (bent); spine: bend (forwards), tilt, twist."""

    flex: dict = field(default_factory=lambda: {"L": 0.0, "R": 0.0})
    spread: dict = field(default_factory=lambda: {"L": -3.0, "R": -3.0})
    knee: dict = field(default_factory=lambda: {"L": 4.0, "R": 4.0})
    bend: float = 0.0
    tilt: float = 0.0
    twist: float = 0.0
    pitch: float = 0.0  # of the whole body, forwards


def rotation(axis, degrees):
    """Rotation matrix (3, 3) about an axis (Rodrigues)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _frame(along, hinge):
    """Orthonormal frame (3, 3), columns: along, across, hinge."""
    along = along / np.linalg.norm(along)
    hinge = hinge - along * (hinge @ along)
    hinge = hinge / np.linalg.norm(hinge)
    return np.stack([along, np.cross(hinge, along), hinge], axis=1)


X, Y, Z = np.eye(3)


def _legs(kind, rng):
    """Draw the lower body and the spine of one kind of pose."""
    a = _Angles()
    lead, trail = rng.permutation(["L", "R"])
    u = rng.uniform
    a.bend, a.tilt, a.twist = rng.normal(3, 6), rng.normal(0, 5), rng.normal(0, 10)
    if kind == "stand":
        wide = u(-4, 14)
        a.spread = {"L": wide + u(-2, 2), "R": wide + u(-2, 2)}
        a.flex[lead], a.knee[lead] = u(0, 14), u(2, 26)
    elif kind in ("walk", "run"):
        s = u(14, 30) if kind == "walk" else u(30, 60)
        a.flex, a.knee = {lead: s, trail: -s * u(0.5, 0.7)}, {lead: u(2, 18), trail: u(10, 30)}
        if kind == "run":
            a.knee = {lead: u(40, 95), trail: u(30, 90)}
            a.pitch = u(0, 14)
        a.twist = (8 if lead == "L" else -8) + rng.normal(0, 5)
    elif kind == "sit":
        for s in "LR":
            a.flex[s], a.knee[s], a.spread[s] = u(72, 95), u(60, 105), u(-2, 18)
        a.bend = u(-8, 28)
    elif kind == "squat":
        deep = u(60, 115)
        for s in "LR":
            a.flex[s], a.knee[s], a.spread[s] = deep + u(-6, 6), deep * 1.12 + u(-6, 6), u(6, 28)
        a.pitch, a.bend = u(10, 30), u(0, 20)
    elif kind == "kneel":
        a.flex, a.knee = {lead: u(78, 95), trail: u(-12, 4)}, {lead: u(80, 95), trail: u(85, 100)}
    elif kind == "lunge":
        a.flex, a.knee = {lead: u(50, 80), trail: u(-30, -18)}, {lead: u(50, 85), trail: u(4, 40)}
        if rng.random() < 0.4:  # sideways
            a.flex, a.spread = {lead: u(15, 40), trail: 0.0}, {lead: u(22, 36), trail: u(22, 36)}
            a.knee = {lead: u(30, 60), trail: u(2, 8)}
    elif kind == "one_leg":
        a.flex[lead], a.knee[lead], a.spread[lead] = u(35, 95), u(40, 120), u(0, 35)
        if rng.random() < 0.35:  # kick or arabesque
            a.flex[lead], a.knee[lead] = rng.choice([u(50, 85), u(-38, -22)]), u(0, 20)
    elif kind == "lean":
        a.spread = {"L": u(4, 16), "R": u(4, 16)}
        a.tilt, a.bend = rng.choice([-1, 1]) * u(12, 34), u(-8, 40)
        if rng.random() < 0.35:
            a.tilt, a.bend, a.pitch = rng.normal(0, 5), u(15, 35), u(15, 40)
            a.flex = {"L": a.pitch, "R": a.pitch}  # legs stay upright under a bowed trunk
    elif kind == "jump":
        for s in "LR":
            a.flex[s], a.knee[s], a.spread[s] = u(-20, 60), u(10, 100), u(0, 32)
    return a


def _wrist_target(style, side, rng, reach):
    """Wrist relative to the shoulder in trunk axes (left arm; the caller mirrors), and the way the elbow points."""
    u = rng.uniform
    if style == "down":
        return reach * np.array([u(0.12, 0.4), u(-0.25, 0.12), -u(0.88, 0.97)]), np.array([0.5, 1.0, 0.0])
    if style == "hip":
        return reach * np.array([u(0.0, 0.1), u(-0.16, 0.0), -u(0.74, 0.82)]), np.array([1.0, 0.6, 0.0])
    if style == "front":  # reaching forwards, hand between belly and face
        return reach * np.array([u(-0.3, 0.3), -u(0.5, 0.9), u(-0.5, 0.4)]), np.array([0.7, 0.2, -1.0])
    if style == "side":
        return reach * np.array([u(0.7, 0.95), u(-0.35, 0.15), u(-0.45, 0.4)]), np.array([0.0, 1.0, -0.6])
    if style == "up":
        return reach * np.array([u(-0.05, 0.5), u(-0.3, 0.1), u(0.7, 0.95)]), np.array([1.0, 0.3, 0.0])
    if style == "head":
        return reach * np.array([u(-0.15, 0.05), u(-0.25, 0.05), u(0.38, 0.6)]), np.array([1.0, -0.1, 0.3])
    if style == "chest":
        return reach * np.array([u(-0.35, -0.05), -u(0.42, 0.55), -u(0.2, 0.5)]), np.array([1.0, 0.3, -0.5])
    if style == "back":  # drawn backwards, as a runner's arm
        return reach * np.array([u(0.05, 0.25), u(0.2, 0.5), -u(0.5, 0.7)]), np.array([0.3, 1.0, 0.2])
    raise ValueError(f"unknown arm style {style!r}")


def _styles(kind, rng):
    calm = ["down", "hip", "front", "side", "up", "head", "chest"]
    odds = np.array([0.34, 0.18, 0.12, 0.1, 0.1, 0.06, 0.1])
    if kind == "run":
        return list(rng.permutation(["chest", "back"]))
    if kind in ("jump", "one_leg", "lunge"):
        odds = np.array([0.1, 0.1, 0.2, 0.26, 0.24, 0.04, 0.06])
    first = rng.choice(calm, p=odds)
    second = first if rng.random() < 0.4 else rng.choice(calm, p=odds)
    return [first, second]


def _clear(points):
    """Whether points (N, 3), trunk axes with the origin between the shoulders, stay out of trunk and head."""
    x, y, z = points.T
    trunk = (z < 0.03) & (z > -0.62) & ((x / 0.205) ** 2 + ((y + 0.0) / 0.165) ** 2 < 1)
    head = (x / 0.125) ** 2 + ((y + 0.05) / 0.15) ** 2 + ((z - 0.2) / 0.17) ** 2 < 1
    return not (trunk | head).any()


def sample_pose(body: Mannequin, heads: np.ndarray, rng: np.random.Generator, kind: str | None = None) -> Pose:
    """Draw a pose for a person whose bone heads at rest are heads (J, 3). `kind`: one of KINDS."""
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values())))
    angles = _legs(kind, rng)
    own = np.tile(np.eye(3), (len(heads), 1, 1))  # (J, 3, 3)
    at = body.bones

    own[0] = rotation(X, angles.pitch)
    for name, share in (("spine04", 0.3), ("spine03", 0.3), ("spine02", 0.25), ("spine01", 0.15)):
        own[at[name]] = (
            rotation(Z, share * angles.twist) @ rotation(Y, share * angles.tilt) @ rotation(X, share * angles.bend)
        )
    nod, turn, roll = rng.normal(-0.5 * max(angles.bend + angles.pitch, 0), 8), rng.normal(0, 20), rng.normal(0, 6)
    for name, share in (("neck01", 0.2), ("neck02", 0.2), ("neck03", 0.2), ("head", 0.4)):
        turned = rotation(Z, share * np.clip(turn, -50, 50)) @ rotation(Y, share * roll)
        own[at[name]] = turned @ rotation(X, share * np.clip(nod, -40, 25))

    for s, sign in SIDES.items():
        own[at[f"upperleg01.{s}"]] = rotation(Y, -sign * angles.spread[s]) @ rotation(X, -angles.flex[s])
        own[at[f"lowerleg01.{s}"]] = rotation(X, angles.knee[s])
        # The sole stays level as far as an ankle can go.
        level = angles.flex[s] - angles.knee[s] - angles.pitch
        own[at[f"foot.{s}"]] = rotation(X, np.clip(level, -35, 45) if kind != "jump" else rng.uniform(10, 45))

    for s, style in zip("LR", _styles(kind, rng), strict=True):
        _arm(body, heads, own, s, style, rng)
    return Pose(kind, own, kind == "sit", rng.uniform(0.05, 0.3) if kind == "jump" else 0.0)


def _arm(body, heads, own, s, style, rng):
    """Two-bone inverse kinematics: bring the wrist to a drawn target; the elbow bends like a hinge."""
    at, sign = body.bones, SIDES[s]
    mirror = np.array([sign, 1.0, 1.0])
    shoulder, elbow, wrist = (heads[at[f"{n}.{s}"]] for n in ("upperarm01", "lowerarm01", "wrist"))
    upper, lower = elbow - shoulder, wrist - elbow
    length = np.linalg.norm(upper), np.linalg.norm(lower)
    middle = shoulder * [0, 1, 1]

    for _ in range(40):
        target, pole = _wrist_target(style, s, rng, sum(length))
        raise_by = np.clip(target[2] / sum(length) + 0.1, 0, 1) * 24  # the shoulder girdle helps to lift
        target = target * mirror
        distance = np.clip(np.linalg.norm(target), 0.35 * sum(length), 0.985 * sum(length))
        direction = target / np.linalg.norm(target)
        cosine = (length[0] ** 2 + distance**2 - length[1] ** 2) / (2 * length[0] * distance)
        out = pole * mirror + rng.normal(0, 0.25, 3)
        out = out - direction * (out @ direction)
        out = out / np.linalg.norm(out)
        to_elbow = length[0] * (cosine * direction + np.sqrt(max(0.0, 1 - cosine**2)) * out)
        to_wrist = direction * distance
        base = shoulder - middle
        hand = to_wrist + 0.16 * (to_wrist - to_elbow) / length[1]
        path = np.array([base + to_elbow, base + (to_elbow + to_wrist) / 2, base + to_wrist, base + hand])
        if _clear(path[:-1] if style in ("hip", "head", "chest") else path):
            break
    else:
        return _arm(body, heads, own, s, "side", rng)  # always clear of the trunk

    lift = rotation(Y, -sign * raise_by)
    own[at[f"clavicle.{s}"]] = lift
    # In trunk axes: the rotation that takes the resting upper arm and elbow hinge to the wanted ones.
    wanted = _frame(to_elbow, np.cross(to_elbow, to_wrist - to_elbow))
    own[at[f"upperarm01.{s}"]] = lift.T @ wanted @ _frame(upper, np.cross(upper, lower)).T
    resting = np.degrees(np.arccos(upper @ lower / np.prod(length)))
    bent = np.degrees(np.arccos(np.clip(to_elbow @ (to_wrist - to_elbow) / np.prod(length), -1, 1)))
    own[at[f"lowerarm01.{s}"]] = rotation(np.cross(upper, lower), bent - resting)
    own[at[f"lowerarm02.{s}"]] = rotation(lower, sign * rng.uniform(-35, 35))
    own[at[f"wrist.{s}"]] = rotation(X, rng.uniform(-25, 25)) @ rotation(Y, rng.uniform(-12, 12))
    curl = rng.uniform(0, 35)
    for finger in "2345":
        for joint in "123":
            bone = f"finger{finger}-{joint}.{s}"
            own[at[bone]] = rotation(rng.normal(0, 0.05, 3) + np.cross(Y * -1, lower / length[1]) * 1.0, -sign * curl)
