"""Squares laid back on their pictures."""

import math

import numpy as np
import pytest
from PIL import Image

from cocos_demo.applications.placing import Place, sample
from cocos_demo.photo import Frame


def test_a_frame_inside_covers_its_own_pixels():
    place = Place.of(Frame(5, 4, 4), (10, 8))
    assert place.box == (3, 2, 7, 6) and place.inside.all()
    assert place.unit[0, 0] == pytest.approx([0.125, 0.125]) and place.unit[-1, 0] == pytest.approx([0.125, 0.875])
    assert place.size == (4, 4) and np.array(place.steps) == pytest.approx(np.eye(2) / 4)


def test_a_frame_beyond_the_picture_is_cut_off_at_its_border():
    place = Place.of(Frame(0, 0, 4), (10, 8))
    assert place.box == (0, 0, 2, 2) and place.unit[0, 0] == pytest.approx([0.625, 0.625])
    assert Place.of(Frame(-9, -9, 4), (10, 8)).unit.size == 0


def test_a_turned_frame_leaves_the_corners_of_its_box_out():
    place = Place.of(Frame(10, 10, 8, math.radians(45)), (20, 20))
    assert not place.inside[0, 0] and place.inside[len(place.unit) // 2, place.unit.shape[1] // 2]
    assert place.inside.sum() == pytest.approx(64, abs=4)
    assert np.linalg.norm(place.steps, axis=1) == pytest.approx([1 / 8, 1 / 8])


def test_the_part_around_a_mask():
    place = Place.of(Frame(20, 20, 40), (40, 30))
    mask = np.zeros((10, 10), bool)
    assert place.around(mask).size == (0, 0) and not list(place.around(mask).strips())
    mask[5, 2:4] = True  # of cells four pixels wide
    assert place.around(mask).box == (4, 16, 20, 28)
    mask[:] = True
    assert place.around(mask) == place
    turned = Place.of(Frame(20, 20, 20, 0.5), (40, 40))
    one = np.zeros((10, 10), bool)
    one[3, 7] = True
    part = turned.around(one)
    assert ((part.unit > [0.7, 0.3]) & (part.unit < [0.8, 0.4])).all(-1).sum() == (
        (turned.unit > [0.7, 0.3]) & (turned.unit < [0.8, 0.4])).all(-1).sum() > 0


def test_strips_are_the_same_place_piece_by_piece():
    place = Place.of(Frame(12, 11, 17, 0.3), (30, 20))
    strips = list(place.strips(4))
    assert np.concatenate([strip.unit for strip in strips]) == pytest.approx(place.unit, abs=1e-5)
    picture = np.zeros((20, 30), int)
    for strip in strips:
        strip.of_array(picture)[:] += strip.inside
    assert picture.max() == 1 and picture.sum() == place.inside.sum()


def test_sampling_at_the_cells_themselves_gives_their_values():
    square = np.arange(16, dtype=np.float32).reshape(4, 4)
    unit = Place.of(Frame(2, 2, 4), (4, 4)).unit
    assert sample(square, unit) == pytest.approx(square)
    assert (sample(square.astype(np.uint8), unit, smooth=False) == square).all()


def test_labels_are_enlarged_by_whole_blocks_and_pictures_come_back():
    labels = np.array([[1, 2], [3, 4]], np.uint8)
    unit = Place.of(Frame(2, 2, 4), (4, 4)).unit
    assert (sample(labels, unit, smooth=False) == np.kron(labels, np.ones((2, 2), np.uint8))).all()
    y, x = np.mgrid[:60, :80]
    photo = Image.fromarray(np.stack([x * 3, y * 4, x + y], -1).astype(np.uint8))
    frame = Frame(40, 30, 30, 0.4)
    place = Place.of(frame, photo.size)
    back = sample(np.asarray(frame.cut(photo, 120), np.float32), place.unit)
    left, top, right, bottom = place.box
    inner = ((place.unit > 0.1) & (place.unit < 0.9)).all(-1)
    assert np.abs(back - np.asarray(photo)[top:bottom, left:right])[inner].max() < 3
