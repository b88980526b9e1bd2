"""Figures and overlays: what is drawn lies where it was asked for, and its colours can be told apart."""

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from cocos_demo import viz
from cocos_demo.models.field import Field
from cocos_demo.pair import Pair, View
from cocos_demo.photo import Frame
from cocos_demo.viz import small
from cocos_demo.viz.style import row_of_pictures, show

# Machado, Oliveira and Fernandes 2009: what people without one kind of cone see, in linear light.
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def noise(width, height, seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def view(name, size, frame, grid=(8, 8), seed=0):
    picture = noise(*size, seed)
    return View(name, picture, frame, frame.cut(picture, 64), grid)


@pytest.fixture(scope="module")
def pair():
    """Equal features; a picture that is not square, and a frame that is turned."""
    f = torch.randn(16, 8, 8, generator=torch.Generator().manual_seed(0))
    here, there = view("photo", (300, 200), Frame(150, 100, 180)), view("exemplar", (150, 260), Frame(75, 130, 90, 0.4), seed=1)
    return Pair(Field.of(f, f), here, there)


def marked(axes):
    """Places of all markers in some axes."""
    lines = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    return [tuple(map(float, xy)) for line in lines for xy in line.get_xydata()]


def test_markers_lie_where_they_were_asked_for(pair):
    q = pair.query(120.5, 77.25, 100)
    figure = viz.query(q)
    left, right = figure.axes[:2]
    assert (120.5, 77.25) in marked(left) and (q.x, q.y) in marked(right)
    # and on the page: orange there, and not ten pixels beside the marker
    page = np.asarray(viz.to_pil(figure), float)
    for axes, at in ((left, q.at), (right, (q.x, q.y))):
        column, row = axes.transData.transform(at)
        row = page.shape[0] - row
        window = page[round(row) - 13 : round(row) + 14, round(column) - 13 : round(column) + 14]
        orange = np.abs(window - np.array(to_rgb(viz.OKABE_ITO[0])) * 255).sum(-1) < 60
        assert orange.sum() > 30
        y, x = np.nonzero(orange)
        assert abs(x.mean() - 13) < 1.5 and abs(y.mean() - 13) < 1.5


def test_the_hottest_pixel_is_the_match_also_through_a_turned_frame(pair):
    for at in ((100, 60), (190, 150), (150, 100)):
        q = pair.query(*at, 100)
        picture = q.target.picture
        heat = viz.spread(q.heatmap, q.target, picture.size)
        y, x = np.unravel_index(np.nanargmax(heat), heat.shape)
        centre = q.target.frame.to_photo([q.target.centres[q.heatmap.argmax()]])[0]
        assert np.hypot(*(centre - (x + 0.5, y + 0.5))) < 1
        corner = q.target.frame.to_unit([[0.5, 0.5]])[0]
        assert np.isnan(heat[0, 0]) and not ((corner >= 0) & (corner <= 1)).all()


def test_heat_is_viridis_where_it_is_hot_and_the_picture_where_it_is_not():
    grey = View("exemplar", Image.new("RGB", (80, 80), (60, 60, 60)), Frame(40, 40, 80), Image.new("RGB", (64, 64)), (8, 8))
    values = np.zeros((8, 8))
    values[1:4, 4:7] = 1
    heat = np.asarray(viz.heat_over(values, grey, 0, 1))
    assert heat.shape == (80, 80, 3)
    np.testing.assert_allclose(heat[25, 55], np.array(colormaps["viridis"](1.0)[:3]) * 0.85 * 255 + 0.15 * 60, atol=1)
    assert (heat[60:, :30] == 60).all()
    assert np.array_equal(np.asarray(viz.error_over(values * 0, grey)), np.asarray(grey.picture))


def test_equal_values_are_drawn_without_a_warning(pair):
    with np.errstate(all="raise"):
        viz.heat_over(np.zeros((8, 8)), pair.exemplar)


def test_places_differ_in_colour_also_for_the_colour_blind():
    y, x = np.mgrid[:4, :4] / 3
    colours = viz.position_colours(np.stack([x, y], -1)).reshape(16, 3)
    for matrix in (np.eye(3), *BLIND.values()):
        seen = (colours**2.2 @ np.array(matrix).T).clip(0, 1) ** (1 / 2.2) * 255
        distance = np.linalg.norm(seen[:, None] - seen, axis=-1) + 999 * np.eye(16)
        assert distance.min() > 40
    near = viz.position_colours(np.array([[0.5, 0.5], [0.51, 0.5]]))
    assert np.abs(near[0] - near[1]).max() < 0.03


def test_matches_have_the_colour_of_their_place(pair):
    found = pair.grid(6)
    figure = viz.matches(found, lines=True)
    left, right = (axes.collections[0] for axes in figure.axes)
    np.testing.assert_allclose(left.get_offsets(), found.points)
    np.testing.assert_allclose(right.get_offsets(), found.targets)
    assert np.array_equal(left.get_facecolors(), right.get_facecolors())
    assert len(np.unique(left.get_facecolors().round(3), axis=0)) == len(found)
    few = viz.matches(found.only((found.points - found.points[0]).max(1) < 50)).axes[0].collections[0].get_facecolors()
    assert np.abs(few[0] - few[-1]).max() > 0.4  # near points in all colours too
    assert isinstance(viz.matches(found.only(found.scores > 2)), Figure)  # none at all


def test_a_gallery_has_a_column_a_title():
    a, b, c = (noise(8, 6, seed) for seed in range(3))
    axes = viz.gallery({"one": [a, b], "two": [c]}).axes
    assert [each.get_title() for each in axes] == ["one", "two", "", ""]
    drawn = [np.array_equal(axes[i].images[0].get_array(), np.asarray(picture)) for i, picture in ((0, a), (1, c), (2, b))]
    assert all(drawn) and not axes[3].images and not axes[3].axison


def test_a_flow_that_goes_nowhere_is_its_own_key(pair):
    one = Pair(pair.field, pair.photo, View("exemplar", *(getattr(pair.photo, n) for n in ("picture", "frame", "crop", "grid"))))
    key = pair.photo.centres.reshape(8, 8, 2)
    assert np.array_equal(viz.flow_colours(one.flow(), one.photo, one.exemplar), viz.flow_colours(key, one.photo, one.photo))
    assert not np.array_equal(viz.flow_colours(key[::-1], one.photo, one.photo), viz.flow_colours(key, one.photo, one.photo))


def test_the_lit_row_is_the_clicked_one(pair):
    M, row = pair.matrix(8), pair.row_of(100, 60, 8)
    assert M.shape == (64, 64) and row == 2 * 8 + 1
    np.testing.assert_allclose(M[row].reshape(8, 8), pair.query(100, 60, 100).heatmap, atol=1e-6)
    figure = viz.matrix(M, row)
    (box,) = figure.axes[0].patches
    assert box.get_y() < row + 0.5 < box.get_y() + box.get_height()
    assert (row % 8 + 0.5, row // 8 + 0.5) in marked(figure.axes[1])


def test_components_of_equal_features_are_equal_pictures(pair):
    figure = viz.components(pair)
    x, y = (axes.images[0].get_array() for axes in figure.axes[2:4])
    assert np.array_equal(x, y) and x.std() > 0.1


def test_figures_know_no_pyplot_and_show_themselves(pair):
    figures = [viz.points([pair.query(100, 60, 100), pair.query(180, 150, 50)]), viz.flow(pair), viz.flow(pair, "exemplar"),
               viz.warps(pair, 100)]
    for figure in figures:
        assert figure._repr_png_().startswith(b"\x89PNG")
        assert np.asarray(viz.to_pil(figure)).std() > 5
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_notebooks_keep_photographs_as_jpeg_and_charts_as_png(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    photograph = noise(44, 44, 0).resize((440, 440), Image.Resampling.BICUBIC)
    figure, (axes,) = row_of_pictures([photograph])
    show(axes, photograph, photograph.size)
    figure._ipython_display_()
    viz.curves([0, 1], {"loss": [2.0, 1.0]}, "step", "loss")._ipython_display_()
    assert [next(iter(data)) for data in shown] == ["image/jpeg", "image/png"]
    with Image.open(io.BytesIO(shown[0]["image/jpeg"])) as kept:
        assert np.abs(np.array(kept, int) - np.asarray(viz.to_pil(figure))).mean() < 5


def test_a_small_png_has_the_colours_it_needs():
    few = np.zeros((60, 80, 3), np.uint8)
    few[:, 40:] = 255
    few[20:40, 20:60] = (0, 114, 178)
    many = np.stack([*np.meshgrid(np.arange(256), np.arange(256)), np.full((256, 256), 90)], -1).astype(np.uint8)
    for array, mode in ((few, "P"), (many, "RGB")):
        with Image.open(io.BytesIO(small.png(Image.fromarray(array)))) as kept:
            assert kept.mode == mode and np.array_equal(np.asarray(kept.convert("RGB")), array)
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    for file in (small.png(clear), small.jpeg(clear)):
        assert np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).min() == 255


def test_a_known_truth_is_a_star(pair):
    q = replace(pair.query(100, 60, 100), truth=(70.5, 120.5))
    right = viz.points([q]).axes[1]
    assert [line.get_xydata().tolist() for line in right.lines if line.get_marker() == "*"] == [[[70.5, 120.5]]]


def test_the_way_back_is_drawn_where_it_ends():
    x, y = (torch.randn(16, 8, 8, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    frame = Frame(100, 100, 200)
    p = Pair(Field.of(x, y), view("photo", (200, 200), frame), view("exemplar", (200, 200), frame))
    found = p.grid(8)
    astray = found.only(~found.mutual)
    q = p.query(*astray.points[0], 100)
    axes = viz.query(q).axes[0]
    assert q.round_trip[:2] in marked(axes) and q.round_trip.distance > 0
    assert f"{q.round_trip.distance:.0f} px" in axes.get_xlabel()


def test_curves():
    figure = viz.curves([1, 2, 3], {"learned": [1, 2, 4], "same": [2, 2, 2]}, "steps", "PCK")
    learned, same = figure.axes[0].lines
    assert learned.get_linestyle() == "-" and same.get_linestyle() != "-" and list(learned.get_ydata()) == [1, 2, 4]
    log = [{"step": s, "seconds": 1.0, "feat": 1 / s, "D": 2.0} for s in (50, 100)]
    figure = viz.training({"a": log, "b": [{"step": 50, "feat": 3.0}]})
    plots = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in plots] == ["feat", "D"]
    assert [list(line.get_ydata()) for line in plots[0].lines] == [[1 / 50, 1 / 100], [3.0]]
    assert len({line.get_linestyle() for line in plots[0].lines}) == len({line.get_color() for line in plots[0].lines}) == 2
    assert [axes.get_title() for axes in viz.training({"a": log}, terms=("D",)).axes] == ["D"]


def test_tiles_write_each_cell_its_number_in_its_place():
    amounts = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    colours, numbers = viz.tiles({"a": np.zeros((2, 2, 3)), "b": amounts}).axes
    assert [text.get_text() for text in colours.texts] == ["0", "1", "2", "3"] and colours.get_title() == "a"
    written = {text.get_text(): text.get_position() for text in numbers.texts}
    assert written["2"] == (2.5, 0.5) and written["3"] == (0.5, 1.5)
    assert (numbers.texts[0].get_color(), numbers.texts[5].get_color()) == ("white", "black")  # on dark, on light
    assert [text.get_text() for text in viz.tiles({"b": amounts}, [amounts / 4]).axes[0].texts][1] == "0.25"


def test_weights_are_spread_over_one_place_or_over_all():
    assert viz.spread_over(np.array([0.0, 1.0, 0.0])) == 1
    assert viz.spread_over(np.full((2, 4), 1 / 8)) == pytest.approx(8)
    assert viz.spread_over(np.array([0.5, 0.25, 0.25])) == pytest.approx(2**1.5)  # the entropy is 1.5 bits


def test_bars_of_sharpness_are_the_weights_of_the_query(pair):
    q = pair.query(120.5, 77.25, 10)
    figure = viz.sharpness(q, (1, 10))
    bars = [bar.get_height() for bar in figure.axes[3].patches]
    np.testing.assert_allclose(bars, np.sort(q.weights, axis=None)[::-1][: len(bars)], rtol=1e-4)
    assert figure.axes[3].get_title() == f"as if {viz.spread_over(q.weights):.1f} places"


def test_the_key_of_heat_runs_from_grey_to_yellow_as_heat_does_over_grey():
    grey, cells = Image.new("RGB", (64, 64), (128, 128, 128)), np.linspace(0, 1, 16).reshape(4, 4)
    view = View("photo", grey, Frame(32, 32, 64), grey, (4, 4))
    over = np.asarray(viz.heat_over(cells, view, 0, 1))
    key = viz.heat_scale(3) * 255
    assert np.abs(over[2, 2] - key[0]).max() <= 1 and np.abs(over[-2, -2] - key[-1]).max() <= 1
    assert len(set(key[0].round())) == 1 and key[-1][0] > 200 > 100 > key[-1][2]

def test_activations_become_colours_by_their_main_components():
    f = torch.zeros(4, 2, 2)
    f[0, 0, 0], f[1, 0, 1], f[2, 1, 0] = 9.0, 6.0, 3.0  # three places that differ in three directions, and one at rest
    colours = viz.as_colours(f)
    assert colours.shape == (2, 2, 3) and colours.min() == 0 and colours.max() == 1
    assert len(np.unique(colours.reshape(4, 3).round(3), axis=0)) == 4
    np.testing.assert_allclose(viz.as_colours(5 + 2 * f), colours, atol=1e-5)  # neither level nor scale matters


def test_maps_on_one_scale_or_each_on_its_own():
    first, second = np.arange(4.0).reshape(2, 2), 10 * np.arange(4.0).reshape(2, 2)
    figure = viz.maps({"a": first, "b": second, "c": torch.zeros(2, 3, 3)}, columns=2, at=(1, 0))
    plots = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in plots] == ["a", "b", "c"]
    assert [axes.images[0].get_clim() for axes in plots[:2]] == [(0, 3), (0, 30)]
    assert plots[0].lines[0].get_xydata().tolist() == [[1.5, 0.5]]  # the centre of the cell
    same = viz.maps({"a": first, "b": second}, limits=(0, 30))
    assert [axes.images[0].get_clim() for axes in same.axes[:2]] == [(0, 30), (0, 30)]


def test_a_table_writes_each_number_in_its_cell_and_leaves_out_the_unknown():
    axes = viz.table([[1.0, 2.5], [np.nan, 4.0]], ("one", "two"), ("x", "y"), digits=1).axes[0]
    assert {text.get_position(): text.get_text() for text in axes.texts} == {(0, 0): "1.0", (1, 0): "2.5", (1, 1): "4.0"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    shaded = viz.table([[1.0, 2.0]], ("one",), ("x", "y"), shades=[[5.0, 0.0]], limits=(0, 5)).axes[0]
    np.testing.assert_array_equal(shaded.images[0].get_array(), [[5, 0]])

