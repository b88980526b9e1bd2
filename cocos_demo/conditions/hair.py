"""Where the hair is in a picture of one face: the person's silhouette, cut in two by colour.

There is no face parser here. The silhouette is mediapipe's; hair is told from skin and clothes by GrabCut (Rother et al.,
"GrabCut", 2004), which starts from the outer half of what the silhouette shows above the face.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from . import detectors
from .portrait import BROWS, OVAL, TIP

CHIN, LOWER_LIP = 152, 17  # landmarks: lowest point of the face oval, lower edge of the lower lip
APART = 25  # colours of hair and skin closer than this (Euclid, 8-bit Lab): a bald head
LEAST = 0.005  # share of the picture that has to be seen above the face, and be hair
SIDE = 0.1  # of the face's width, left and right: under a bearded face, hair falls only there
SMOOTH = 9  # pixels of 256: curls finer than this are no outline


def head(picture: Image.Image, face: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hair, and the skin above the brows, up to the hair and beyond the landmarks' face oval: each bool (S,S).

    picture: RGB (S,S); face: landmarks (478,2) in its pixels; inside: bool (S,S), False where the picture only repeats a
    photo's border. No hair: the first is all False, and the skin reaches up to the silhouette. Raises: ModelMissing.
    """
    import cv2

    size = picture.width
    person = (detectors.silhouette(picture) > 0.5) & inside
    oval = cv2.fillPoly(np.zeros((size, size), np.uint8), [np.int32(face[list(OVAL[0])])], 1) > 0
    (left, top), (right, _) = face[list(OVAL[0])].min(0), face[list(OVAL[0])].max(0)
    brows = face[[i for chain in BROWS for i in chain], 1].min()
    y, x = np.mgrid[:size, :size] + 0.5
    above, between = y < brows, (x > left) & (x < right)

    crown = np.where(person.any(0), person.argmax(0), size)  # (S,): the silhouette's highest pixel in each column
    seed = person & between & (y < (crown + top) / 2)
    hair = cut(np.asarray(picture), person, oval, seed, oval & ~above & (y < face[TIP, 1]), face)
    skin = touching(person & ~hair & above & between | oval, oval) & above
    return hair, skin


def cut(rgb: np.ndarray, person: np.ndarray, oval: np.ndarray, seed: np.ndarray, cheeks: np.ndarray, face) -> np.ndarray:
    """The part of the silhouette that has the colours of the seed, not of the cheeks: bool (S,S)."""
    import cv2

    nothing = np.zeros(person.shape, bool)
    if seed.mean() < LEAST or not cheeks.any():
        return nothing
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    ours, theirs = np.median(lab[seed], 0), np.median(lab[cheeks], 0)
    if np.linalg.norm(ours - theirs) < APART:
        return nothing
    closer = ((lab - ours) ** 2).sum(-1) < ((lab - theirs) ** 2).sum(-1)  # (S, S)

    y, x = np.mgrid[: len(rgb), : len(rgb)] + 0.5
    lower = y > face[TIP, 1]
    never = oval.copy()
    chin = oval & (y > (face[LOWER_LIP, 1] + face[CHIN, 1]) / 2)
    if closer[chin].mean() > 0.5:  # a beard, which is skin in CelebAMask-HQ
        low, high = face[:, 0].min(), face[:, 0].max()
        never |= lower & (x > low + SIDE * (high - low)) & (x < high - SIDE * (high - low))
    # "Not hair" is learned from skin and clothes: a beard, or a background as dark as the hair, would spoil it.
    rgb = np.where((~person | never & lower)[..., None], np.median(rgb[cheeks], 0), rgb).astype(np.uint8)
    guess = np.where(seed | closer, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess[~person | never] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(rgb, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    hair = cv2.medianBlur(np.uint8((guess & 1) & person), SMOOTH) > 0  # GC_FGD and GC_PR_FGD are odd
    hair = touching(hair & ~oval, seed)
    return hair if hair.mean() >= LEAST else nothing


def touching(region: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """The connected parts of a region that hold a pixel of the seed: bool (H,W)."""
    import cv2

    labels = cv2.connectedComponents(region.astype(np.uint8))[1]  # (H, W), 0 outside
    return region & np.isin(labels, np.unique(labels[seed & region]))
