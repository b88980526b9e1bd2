"""Edits as they are typed."""

import numpy as np
import pytest
from PIL import Image

from cocos_demo.applications import regions
from cocos_demo.applications.editing import Canvas, EditError
from cocos_demo.applications.steps import carried_out
from cocos_demo.conditions import KINDS

PARTS = KINDS["parts"]
HAIR, FACE, LEFT_ARM = (PARTS.channels.index(name) for name in ("hair", "face", "left upper arm"))


@pytest.fixture
def canvas():
    labels = np.zeros((20, 20), np.uint8)
    labels[4:8, 4:10], labels[8:12, 4:10], labels[14:16, 2:6] = HAIR, FACE, LEFT_ARM
    found = PARTS.framed(labels)
    return Canvas(Image.new("RGB", (20, 20)), PARTS, found)


def test_steps_do_what_the_functions_do_one_after_the_other(canvas):
    labels = canvas.labels
    assert (carried_out(canvas, ["grow hair 2"]) == regions.grow(labels, HAIR, 2)).all()
    assert (carried_out(canvas, ["grow hair -1"]) == regions.grow(labels, HAIR, -1)).all()
    assert (carried_out(canvas, ["move left-upper-arm 3 -2"]) == regions.move(labels, LEFT_ARM, 3, -2)).all()
    assert (carried_out(canvas, ["turn left_upper_arm hair"]) == regions.turn(labels, LEFT_ARM, HAIR)).all()
    assert (carried_out(canvas, ["grow hair 2 over background"]) == regions.grow(labels, HAIR, 2, over=(0,))).all()
    assert (carried_out(canvas, ["grow hair 2 over face left-upper-arm"])
            == regions.grow(labels, HAIR, 2, (FACE, LEFT_ARM))).all()
    both = carried_out(canvas, ["delete face", "grow hair 1"])
    assert (both == regions.grow(regions.delete(labels, FACE), HAIR, 1)).all()
    assert (carried_out(canvas, [], both) == both).all()


@pytest.mark.parametrize("step, words", [
    ("eat hair", "'eat hair' is no edit; there are: grow PART PIXELS"),
    ("", "is no edit"),
    ("grow hair", "is written otherwise: grow PART PIXELS"),
    ("grow hair over face", "is written otherwise: grow"),
    ("grow hair 2 over tail", "no part 'tail'"),
    ("move hair 1 two", "in whole numbers"),
    ("delete tail", "no part 'tail'"),
    ("delete skirt", "shows no skirt"),
])
def test_steps_that_cannot_be_carried_out_are_told(canvas, step, words):
    with pytest.raises(EditError, match=words):
        carried_out(canvas, [step])


def test_every_part_can_be_named(canvas):
    every = canvas
    for name in PARTS.channels[1:]:
        carried_out(every, [f"turn hair {name.replace(' ', '-')}"])
