"""Regions of a label map, by hand-worked arrays."""

import numpy as np
import pytest

from cocos_demo.applications import regions
from cocos_demo.applications.regions import RegionError


def labels(*rows: str) -> np.ndarray:
    """A map from digits: one string a row."""
    return np.array([[int(c) for c in row] for row in rows], np.uint8)


SMALL = labels("00000",
               "01120",
               "01120",
               "00000")  # fmt: skip


def test_paint_and_turn_change_what_they_say_and_nothing_in_place():
    before = SMALL.copy()
    where = np.zeros(SMALL.shape, bool)
    where[0, :2] = True
    assert (regions.paint(SMALL, 3, where) == labels("33000", "01120", "01120", "00000")).all()
    assert (regions.turn(SMALL, 2, 1) == labels("00000", "01110", "01110", "00000")).all()
    top = np.zeros(SMALL.shape, bool)
    top[:2] = True
    assert (regions.turn(SMALL, 1, 4, top) == labels("00000", "04420", "01120", "00000")).all()
    assert (SMALL == before).all()


def test_grow_by_one_pixel_goes_to_the_four_sides():
    assert (regions.grow(SMALL, 2, 1) == labels("00020", "01222", "01222", "00020")).all()


def test_grow_only_over_the_classes_that_are_named():
    assert (regions.grow(SMALL, 2, 1, over=(0,)) == labels("00020", "01122", "01122", "00020")).all()


def test_growing_by_nothing_changes_nothing():
    assert (regions.grow(SMALL, 1, 0) == SMALL).all()


def test_grow_by_less_than_nothing_lets_what_surrounds_move_in():
    square = labels("00000", "01110", "01110", "01110", "00000")
    assert (regions.grow(square, 1, -1) == labels("00000", "00000", "00100", "00000", "00000")).all()


def test_what_goes_on_beyond_the_border_does_not_shrink_there():
    assert (regions.grow(labels("1110", "1110", "1110"), 1, -1) == labels("1100", "1100", "1100")).all()


def test_delete_fills_with_the_nearest_of_what_stays():
    row = labels("0011122")
    assert (regions.delete(row, 1)[0, [2, 4]] == [0, 2]).all()  # the middle one is as far from both
    assert (regions.delete(SMALL, 2)[:, 3:] == labels("00", "10", "10", "00")).sum() >= 6  # between 1 on the left and 0
    assert not (regions.delete(SMALL, 2) == 2).any()


def test_delete_a_part_of_a_class_is_not_filled_with_that_class_again():
    where = np.zeros((1, 7), bool)
    where[0, 4] = True
    assert (regions.delete(labels("0111122"), 1, where) == labels("0111222")).all()


def test_move_leaves_what_surrounded_it_and_is_cut_off_at_the_border():
    one = labels("0000", "0300", "0000")
    assert (regions.move(one, 3, 2, 1) == labels("0000", "0000", "0003")).all()
    assert (regions.move(one, 3, 9, 0) == 0).all()
    assert (regions.move(one, 3, 0, 0) == one).all()


def test_move_goes_over_what_is_in_the_way():
    assert (regions.move(labels("10002"), 1, 4, 0) == labels("00001")).all()


def test_move_there_and_back_on_plain_ground():
    moved = regions.move(SMALL, 2, 0, 1)
    assert (regions.move(moved, 2, 0, -1) == 2).sum() == 2


@pytest.mark.parametrize("does, more", [(regions.grow, (1,)), (regions.delete, ()), (regions.move, (1, 0)), (regions.turn, (1,))])
def test_a_class_that_is_not_there_is_told(does, more):
    with pytest.raises(RegionError, match="class 7 is nowhere"):
        does(SMALL, 7, *more)


def test_the_last_class_cannot_be_deleted_and_masks_must_fit():
    with pytest.raises(RegionError, match="nothing is left"):
        regions.delete(labels("11", "11"), 1)
    with pytest.raises(RegionError, match="2 x 2 pixels, the map 5 x 4"):
        regions.paint(SMALL, 1, np.ones((2, 2), bool))


def test_nearest_and_distance_by_hand():
    mask = np.zeros((3, 4), bool)
    mask[0, 0] = mask[2, 3] = True
    rows, columns = regions.nearest_of(mask)
    assert (rows[0, 1], columns[0, 1]) == (0, 0) and (rows[2, 2], columns[2, 2]) == (2, 3)
    assert regions.distance_to(mask)[1, 1] == pytest.approx(2**0.5) and regions.distance_to(mask)[2, 3] == 0
    assert np.isinf(regions.distance_to(np.zeros((2, 2), bool))).all()
