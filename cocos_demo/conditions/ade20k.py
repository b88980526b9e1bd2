"""Scenes of ADE20K: the label maps that the published network of CoCosNet reads (Zhou et al., "Scene parsing through ADE20K").

Label files hold 0 for "unknown" and 1 to 150 for the classes of SceneParse150. As in the released code, 0 stays channel 0, and
255, which other tools write for "unknown", becomes 150 ("flag").
"""

from __future__ import annotations

import numpy as np

from .labels import LabelKind

CLASSES = """unknown, wall, building, sky, floor, tree, ceiling, road, bed, window pane, grass, cabinet, sidewalk, person, earth,
door, table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat,
fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, chest of drawers, counter, sand,
sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway, case, pool table, pillow, screen door, stairway,
river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench, countertop, stove, palm, kitchen island,
computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower, chandelier, awning, streetlight,
booth, television, airplane, dirt track, apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, poster, stage, van,
ship, fountain, conveyor belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, waterfall, tent, bag, minibike,
cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal, bicycle, lake, dishwasher, screen, blanket, sculpture,
hood, sconce, vase, traffic light, tray, ashcan, fan, pier, CRT screen, plate, monitor, bulletin board, shower, radiator, glass,
clock, flag""".replace("\n", " ").split(", ")


def spread(numbers: np.ndarray) -> np.ndarray:
    """(N,) -> uint8 (N,3), the colours of PASCAL VOC's label maps: bits go to red, green, blue in turn, high to low."""
    bits = (numbers[:, None] >> np.arange(9)) & 1  # (N, 9)
    return (bits.reshape(-1, 3, 3) * (1 << np.array([7, 6, 5]))[:, None]).sum(1).astype(np.uint8)  # (N, 3)


class ADE20K(LabelKind):
    """Condition kind "ade20k": see the module; maps (151,H,W). There is no guess from a photo: a label map has to be given."""

    soft = False

    def __init__(self):
        super().__init__("ade20k", tuple(CLASSES), spread(np.arange(len(CLASSES))))

    def renumbered(self, numbers: np.ndarray) -> np.ndarray:
        return np.where(numbers == 255, 150, numbers)
