"""Scenes of ADE20K: the label maps that the published network of CoCosNet reads (Zhou et al., "Scene parsing through ADE20K").

Label files hold 0 for "unknown" and 1 to 150 for the classes of SceneParse150. As in the released code, 0 stays channel 0, and
255, which other tools write for "unknown", becomes 150 ("flag"). Uploads may be in our colours, which differ from class to class,
in those that SceneParsing's viewers show, in which road and skyscraper look alike, or in PASCAL VOC's, in which CoCosNet's code
shows them.
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

# The colours of SceneParsing's viewers and of most segmentation tools, from "wall" on; "unknown" is black.
SCENE_PARSING = """
787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 e005ff ebff07 96053d 787846 08ff33 ff0652 8fff8c ccff04
ff3307 cc4603 0066c8 3de6fa ff0633 0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff 08ffd6 07ffe0 ffb806 0aff47 ff290a 07ffff
e0ff08 6608ff ff3d06 ffc207 ff7a08 00ff14 ff0829 ff0599 0633ff eb0cff a09614 00a3ff 8c8c8c fa0a0f 14ff00 1fff00 ff1f00 ffe000
99ff00 0000ff ff4700 00ebff 00adff 1f00ff 0bc8c8 ff5200 00fff5 003dff 00ff70 00ff85 ff0000 ffa300 ff6600 c2ff00 008fff 33ff00
0052ff 00ff29 00ffad 0a00ff adff00 00ff99 ff5c00 ff00ff ff00f5 ff0066 ffad00 ff0014 ffb8b8 001fff 00ff3d 0047ff ff00cc 00ffc2
00ff52 000aff 0070ff 3300ff 00c2ff 007aff 00ffa3 ff9900 00ff0a ff7000 8fff00 5200ff a3ff00 ffeb00 08b8aa 8500ff 00ff5c b800ff
ff001f 00b8ff 00d6ff ff0070 5cff00 00e0ff 70e0ff 46b8a0 a300ff 9900ff 47ff00 ff00a3 ffcc00 ff008f 00ffeb 85ff00 ff00eb f500ff
ff007a fff500 0abed4 d6ff00 00ccff 1400ff ffff00 0099ff 0029ff 00ffcc 2900ff 29ff00 ad00ff 00f5ff 4700ff 7a00ff 00ffb8 005cff
b8ff00 0085ff ffd600 19c2c2 66ff00 5c00ff"""

# Ours: the same, but for each that is less than 28 off one before it: it became the nearest that is 28 off all of both tables,
# red, green and blue in steps of 15. Colours as close as those would be mistaken where they are painted.
COLOURS = """
787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 e100e1 ebff07 96053d 69782d 08ff33 ff0652 8fff8c ccff04
ff3307 cc4603 0066c8 3de6fa ff0633 0b66ff f01e3c ff09e0 0907e6 c3d2d2 f01e69 7009ff 08ffd6 1effc3 ffb806 0fe14b e12d0f 07ffff
d2f01e 5a1ef0 f04b1e ffd21e ff7a08 00e11e e1002d ff0599 0633ff eb0cff a09614 00a3ff 9696a5 fa0a0f 1ee100 1fff00 e10f00 ffe000
99ff00 1e1eff e15a00 1ee1ff 1eb4ff 1f00ff 0bc8c8 ff5200 2dfff0 003ce1 00ff70 00e187 c30000 e1a500 f0691e c3e100 0096e1 2dff1e
1e4bff 1ee12d 00ffad 2d00e1 b4ff1e 1eff96 e17800 ff2dff e11ee1 e10069 ffa51e d21e2d ffb8b8 1e1ee1 2dff3c 0f5ae1 e100c3 00e1b4
00ff52 001ed2 0078e1 3c1eff 00c2ff 1e87ff 1ee1a5 ff9900 0fc31e f0871e 96e100 5200ff 96ff1e fff01e 08b8aa 8700e1 00e169 b400e1
e1004b 1ea5e1 1ed2e1 ff0070 5cff00 3cc3ff 70e0ff 46b8a0 a300ff 961eff 4be100 e100a5 e1d200 e10087 1ee1c3 78e100 ff2de1 e12dff
ff1e87 e1d21e 0fa5c3 b4e11e 3cd2e1 3c1ee1 ffff3c 1e87e1 1e3ce1 3cffd2 4b00e1 4bff1e b41eff 4bffff 6900e1 781ee1 3cffb4 2d69ff
96e11e 0085ff e1b41e 2db4b4 69ff1e 782dff"""


def table(words: str) -> np.ndarray:
    """Colours in hexadecimal -> uint8 (C,3), black before them."""
    return np.array([(0, 0, 0), *(tuple(bytes.fromhex(word)) for word in words.split())], np.uint8)


def spread(numbers: np.ndarray) -> np.ndarray:
    """(N,) -> uint8 (N,3), the colours of PASCAL VOC's label maps: bits go to red, green, blue in turn, high to low."""
    bits = (numbers[:, None] >> np.arange(9)) & 1  # (N, 9)
    return (bits.reshape(-1, 3, 3) * (1 << np.array([7, 6, 5]))[:, None]).sum(1).astype(np.uint8)  # (N, 3)


class ADE20K(LabelKind):
    """Condition kind "ade20k": see the module; maps (151,H,W). There is no guess from a photo: a label map has to be given."""

    soft = False
    other_palettes = table(SCENE_PARSING), spread(np.arange(len(CLASSES)))  # (151, 3) each

    def __init__(self):
        super().__init__("ade20k", tuple(CLASSES), table(COLOURS))

    def renumbered(self, numbers: np.ndarray) -> np.ndarray:
        return np.where(numbers == 255, 150, numbers)
