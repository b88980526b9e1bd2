"""Portraits as the published edge network of CoCosNet reads them: outlines of the face's parts and edges of all around it.

15 channels at 256 x 256: [0] all lines, 0 or 1: outlines of the parts, and Canny edges of what is not face (hair counts as
not face); [1..13] distance transforms (`distances`) of the outlines of skin, brows, eyes, ears, nose, upper lip, mouth,
lower lip, glasses and hair; [14] the parts' outlines alone, 0 or 1. An outline is two pixels wide. (CoCosNet, Sec. 4, says
that landmarks are joined by lines; the released code takes outlines of CelebAMask-HQ's part masks, as these channels do.)

What differs from the released preprocessing: the parts come from mediapipe's landmarks, hair and forehead from colour
inside the silhouette (`hair`), so a beard is no outline; ears and glasses are not looked for, and their channels are the
constant 1 that a photo without them has there too: a person can draw them. A mouth that is closed is absent likewise.

Where CelebAMask-HQ's masks are at hand, `of_masks` keeps them, and what is drawn is what the released code makes of them. Parts
may lie over one another there (skin reaches under the nose), so each has an outline of its own; of Canny's edges those stay that
no mask but the hair's covers.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from ..photo import Frame, open_photo
from . import faces
from .base import Found, redraw
from .distances import PUBLISHED, distances, drawn, outline
from .edges import resize
from .hair import head
from .labels import fine, opposites
from .portrait import BROWS, EYES, LIPS, OVAL, Portrait, check_height, frame_of, framed

# "left" is the left of the picture. The released training mirrors pictures and leaves the channels where they are, so the
# network has met both.
PARTS = ("skin", "left brow", "right brow", "left eye", "right eye", "left ear", "right ear", "nose", "upper lip", "mouth",
         "lower lip", "glasses", "hair")  # fmt: skip
NOSE = (168, 193, 245, 188, 174, 236, 198, 209, 49, 129, 64, 98, 97, 2,
        326, 327, 294, 358, 279, 429, 420, 456, 399, 412, 465, 417, 168)  # fmt: skip
OUTER, INNER = LIPS  # each from the left corner along the lower lip to the right corner (number 10) and back
POLYGONS = {
    "skin": OVAL[0],
    "left brow": BROWS[2] + BROWS[3][::-1],
    "right brow": BROWS[0] + BROWS[1][::-1],
    "left eye": EYES[1],
    "right eye": EYES[0],
    "nose": NOSE,
    "upper lip": OUTER[10:] + INNER[:9:-1],
    "mouth": INNER,
    "lower lip": OUTER[:11] + INNER[10::-1],
}
LIP_TOP, LIP_BOTTOM = 13, 14  # inner middle of the upper and of the lower lip
CLOSED = 2 / 256  # an opening of the mouth under this, in sides of the frame, is none

# Bits of a found raster, uint8; and of one made of part masks, uint16: a bit a part, in their order, then the edges around.
EDGE, HAIR, FOREHEAD, BEYOND = 1, 2, 4, 8  # BEYOND: outside the photo, where hair is cut off and has no outline
MASKED_EDGE = 1 << len(PARTS)
LOW, HIGH = 25.5, 51  # Canny's thresholds on the Sobel gradient of an 8-bit picture: scikit-image's 0.1 and 0.2

# In to_rgb, what stands later lies on top.
LAYERS = ("edges around", "other outlines", "skin", "hair", "left ear", "right ear", "glasses", "nose", "left brow",
          "right brow", "left eye", "right eye", "mouth", "upper lip", "lower lip")  # fmt: skip


OPPOSITE = opposites(PARTS).tolist()


def _mirrored() -> np.ndarray:
    """For each of 478 landmarks its counterpart across the face; those that no polygon uses stay."""
    swap = np.arange(478)
    for one, other in ((EYES[0], EYES[1]), (BROWS[0], BROWS[2]), (BROWS[1], BROWS[3]), (OVAL[0], OVAL[0][::-1]),
                       (NOSE, NOSE[::-1]), *((lip[:11], lip[10::-1]) for lip in LIPS),
                       *((lip[10:], lip[:9:-1]) for lip in LIPS)):  # fmt: skip
        swap[list(one)], swap[list(other)] = other, one
    return swap


class CelebAHQEdge:
    """Condition kind "celebahqedge": see the module; points are (478,3), rasters uint8 (256,256) of bits, maps (15,H,W)."""

    name = "celebahqedge"
    stored, exact, sided = "outlines", True, True
    channels = ("edges around", *PARTS, "other outlines")
    palette = np.array([(150, 150, 150), (255, 190, 40), (70, 230, 80), (0, 140, 40), (60, 130, 255), (0, 255, 255),
                        (160, 110, 60), (230, 160, 110), (190, 80, 255), (255, 50, 60), (255, 0, 200), (255, 120, 150),
                        (255, 255, 0), (120, 70, 200), (255, 255, 255)], np.uint8)  # fmt: skip
    mirrored = _mirrored()

    def disturb(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Landmarks as an extractor might get them, as of kind "portrait"; part masks have none to move."""
        return Portrait.disturb(self, points, rng) if len(points) else points

    def find(self, photo) -> Found:
        """Photo (anything open_photo takes) -> 478 landmarks and a raster in the frame of the largest face.

        The frame is CelebA-HQ's (Karras et al., "Progressive growing of GANs", 2018, appendix C): with e the vector
        between the eyes and m the one from their middle to the mouth's, a square of side max(4 |e|, 3.6 |m|) about the
        point a tenth of m below the eyes' middle, turned upright; outside the photo its border is repeated, without edges.
        Raises: ConditionError when no face is found, or one under 32 pixels; ModelMissing.
        """
        photo = open_photo(photo)
        xy, notes = faces.largest(photo)  # (478, 2)
        frame = aligned(xy)
        check_height(frame_of(xy, frame.angle)[1])
        points, remarks = framed(xy, frame, photo.size)
        picture = frame.cut(photo, PUBLISHED)
        inside = within(frame, photo.size)
        hair, forehead = head(picture, points[:, :2] * PUBLISHED, inside)
        if not hair.any():
            remarks.append("no hair was told apart; its outline is left out")
        face = (regions(points, PUBLISHED)[0] | forehead) & ~hair
        edges = canny(picture) & ~face & inside
        raster = edges * EDGE + hair * HAIR + forehead * FOREHEAD + ~inside * BEYOND
        return Found(frame, points, raster.astype(np.uint8), (*notes, *remarks))

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """(478,3) landmarks, and a raster of bits or None -> float32 (15,size,size) in 0..1; part masks need no landmarks."""
        if raster is not None and raster.dtype == np.uint16:
            return encode(lines_of(raster, size))
        masks = regions(points, size)  # (13, size, size)
        if raster is None:
            raster = np.zeros((size, size), np.uint8)
        hair, forehead, beyond = (_share(raster & bit, size) >= 0.5 for bit in (HAIR, FOREHEAD, BEYOND))
        masks[-1] = hair
        masks[0] = (masks[0] | forehead) & ~hair
        lines = np.zeros((len(self.channels), size, size), bool)
        lines[0] = _share(raster & EDGE, size) >= 0.25  # a line of one pixel stays one where pixels are larger
        lines[1:-1] = outline(masks) & ~(beyond | outline(beyond))
        return encode(lines)

    def mirror(self, points: np.ndarray) -> np.ndarray:
        """Landmarks of a mirrored picture, already moved: left and right exchange their numbers."""
        return points[self.mirrored] if len(points) else points

    def renamed(self, raster: np.ndarray) -> np.ndarray:
        """The raster of a mirrored picture, already moved: left and right parts exchange their bits."""
        if raster.dtype != np.uint16:
            return raster
        swapped = raster & ~np.uint16(sum(1 << n for n, m in enumerate(OPPOSITE) if n != m))
        for n, m in enumerate(OPPOSITE):
            if n != m:
                swapped |= (raster >> n & 1) << m
        return swapped

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(15,H,W) in 0..1 -> uint8 (H,W,3): coloured outlines on black, one colour a part; edges around the face in grey."""
        lines = decode(map)
        picture = np.zeros((*map.shape[1:], 3), np.uint8)
        for name in LAYERS:
            channel = self.channels.index(name)
            picture[lines[channel]] = self.palette[channel]
        return picture

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map.

        A painted pixel is a line of the part with the nearest palette colour, a black one no line at all. Distance
        transforms of the parts whose lines changed are computed anew; a part without any line left is absent.
        """
        lines = decode(map)
        new, changed, _ = redraw(edited_rgb, self.to_rgb(map), lines.astype(np.float32), self.palette)
        if not changed.any():
            return map
        new = new > 0.5
        touched = (new != lines).any((1, 2))  # (15,)
        touched[[0, -1]] = True  # the channels of lines, not of distances, hold all parts
        return np.where(touched[:, None, None], encode(new), map)


def of_masks(masks: dict[str, np.ndarray], picture: Image.Image) -> np.ndarray:
    """Part masks bool (R,R) by their names in PARTS, absent ones left out, and the picture -> the raster, uint16 (R,R).

    Canny's edges are found at 256 x 256, in the picture made that large bilinearly, as the released code does in testing.
    """
    side = len(next(iter(masks.values())))
    raster = np.zeros((side, side), np.uint16)
    for n, part in enumerate(PARTS):
        raster |= masks.get(part, np.zeros_like(raster)).astype(np.uint16) << n
    small = raster[np.ix_(*[fine(side, PUBLISHED, False)] * 2)]  # (256, 256)
    hair = 1 << PARTS.index("hair")
    around = (small & (MASKED_EDGE - 1 - hair) == 0) | (small & hair > 0)
    edges = canny(picture.resize((PUBLISHED, PUBLISHED), Image.Resampling.BILINEAR)) & around
    return raster | edges[np.ix_(*[fine(PUBLISHED, side, False)] * 2)].astype(np.uint16) * np.uint16(MASKED_EDGE)


def lines_of(raster: np.ndarray, size: int) -> np.ndarray:
    """A raster of part masks, uint16 (R,R) -> bool (15,size,size), see `encode`; masks are taken by the nearest pixel."""
    masks = raster[np.ix_(*[fine(len(raster), size, False)] * 2)] >> np.arange(len(PARTS), dtype=np.uint16)[:, None, None] & 1
    lines = np.zeros((len(PARTS) + 2, size, size), bool)
    lines[0] = _share(raster & MASKED_EDGE, size) >= 0.25
    lines[1:-1] = outline(masks > 0)
    return lines


def encode(lines: np.ndarray) -> np.ndarray:
    """bool (15,S,S): edges around, outlines of 13 parts, other outlines -> the map, float32 (15,S,S)."""
    outlines = lines[1:].any(0)
    return np.concatenate([[outlines | lines[0]], distances(lines[1:-1]), [outlines]]).astype(np.float32)


def decode(map: np.ndarray) -> np.ndarray:
    """Map (15,S,S) -> bool (15,S,S), lines with encode(lines) equal to the map."""
    everything, outlines = map[0] > 0.5, map[-1] > 0.5
    parts = drawn(map[1:-1]) & outlines  # (13, S, S)
    return np.concatenate([[everything & ~outlines], parts, [outlines & ~parts.any(0)]])


def regions(points: np.ndarray, size: int) -> np.ndarray:
    """(478,3) -> bool (13,size,size): the area of each part that landmarks show; others, and parts with an absent one, empty."""
    import cv2

    masks = np.zeros((len(PARTS), size, size), np.uint8)
    at = np.round((points[:, :2] * size - 0.5) * 16).astype(np.int32)  # cv2 counts pixel indices, here in sixteenths
    for part, chain in POLYGONS.items():
        chain = list(chain)
        shut = part == "mouth" and np.linalg.norm(points[LIP_TOP, :2] - points[LIP_BOTTOM, :2]) < CLOSED
        if (points[chain, 2] > 0.5).all() and not shut:
            cv2.fillPoly(masks[PARTS.index(part)], [at[chain]], 1, shift=4)
    return masks > 0


def aligned(xy: np.ndarray) -> Frame:
    """CelebA-HQ's frame of a face (478,2) in photo pixels; see CelebAHQEdge.find."""
    left, right = (xy[list(EYES[side][:-1])].mean(0) for side in (1, 0))
    eyes, mouth = (left + right) / 2, (xy[OUTER[0]] + xy[OUTER[10]]) / 2
    e, m = right - left, mouth - eyes
    across = e + (m[1], -m[0])  # both say where the picture's right is
    cx, cy = eyes + 0.1 * m
    side = max(4 * np.hypot(*e), 3.6 * np.hypot(*m))
    return Frame(float(cx), float(cy), float(side), math.atan2(across[1], across[0]))


def within(frame: Frame, size: tuple[int, int]) -> np.ndarray:
    """bool (256,256): which pixels of the cut frame show the photo, at least a pixel from its border."""
    grid = (np.arange(PUBLISHED) + 0.5) / PUBLISHED
    xy = frame.to_photo(np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2))
    step = 1.5 * frame.side / PUBLISHED
    return ((xy > step) & (xy < np.array(size) - step)).all(1).reshape(PUBLISHED, PUBLISHED)


def canny(image: Image.Image) -> np.ndarray:
    """RGB -> bool (H,W): Canny edges of the grey picture with the defaults of scikit-image (sigma 1), which was used.

    Of its edges 98 % lie within a pixel of these: OpenCV thins lines along four directions, scikit-image along any.
    """
    import cv2

    grey = cv2.GaussianBlur(np.asarray(image.convert("L"), np.float32), (9, 9), 1)
    # cv2 takes gradients as whole numbers: sixteen times as large, they lose nothing that matters.
    dx, dy = (np.round(16 * cv2.Sobel(grey, cv2.CV_32F, *axis)).astype(np.int16) for axis in ((1, 0), (0, 1)))
    return cv2.Canny(dx, dy, 16 * LOW, 16 * HIGH, L2gradient=True) > 0


def _share(chosen: np.ndarray, size: int) -> np.ndarray:
    """Pixels of a raster (R,R), chosen where not 0 -> float (size,size): their share of each pixel."""
    return resize(np.where(chosen, 255, 0).astype(np.uint8), size)
