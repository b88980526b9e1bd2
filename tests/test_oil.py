"""Oil portraits: models that take their looks from paintings stand where they are of use, and nowhere else unasked."""

import pytest
from made_up import BODY, FACE, checkpoint, checkpoint_v2

from cocos_demo import checkpoints, comparing, packed
from cocos_demo.ui import models, task, translate, ways
from cocos_demo.ui.common import samples


def painter(folder, plain):
    """A made-up checkpoint that was trained on paintings, first of all by its name -> its name."""
    net, card = checkpoints.load(plain)
    path = folder / "a_painter.safetensors"
    checkpoints.save(path, net, {**card, "name": path.stem, "looks": checkpoints.PAINTINGS})
    return packed.name(path)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "shipped")
    folder = tmp_path / "checkpoints"
    for path in checkpoint(folder, "portrait"), checkpoint_v2(folder, "portrait"):
        painter(folder, path)  # the last is of v2
    return folder


def test_a_card_says_that_looks_come_from_paintings(home):
    there = checkpoints.catalogue()
    assert [checkpoints.paints(checkpoints.read_card(path)) for path in there.values()] == [True, False, False]
    assert checkpoints.paints({"condition": "metfaces"})  # works of art alone


def test_a_photo_is_given_to_one_that_paints_only_where_there_is_no_other(home):
    assert checkpoints.for_condition("portrait", "cocosnet_v2") == "portrait_v2_made_up"
    (home / "portrait_v2_made_up.safetensors").unlink()
    assert checkpoints.for_condition("portrait", "cocosnet_v2") == "a_painter"


def test_systems_are_compared_on_photos_without_it(home):
    assert comparing.family("portrait") == ["portrait", "portrait_v2_made_up"]


def test_the_task_offers_it_with_paintings_and_photos_of_people(home):
    assert [name for _, name in task.offered(task.OIL)] == ["a_painter"]
    assert "a_painter" not in [name for what in task.TASKS if what != task.OIL for _, name in task.offered(what)]
    assert models.looks_for(models.translator("a_painter")) == samples("paintings") != []
    assert models.looks_for(models.translator("portrait")) == samples("portraits")
    photos = task.photos_for("a_painter")
    assert photos and not any(models.rendered(path) for path in photos)


def test_the_tab_reads_a_photo_for_it_and_lays_paintings_before_the_visitor(home):
    before, *_ = translate.seen(str(FACE), "portrait", None)
    read, _, _, gallery, exemplar, *_ = translate.seen(str(FACE), "a_painter", before)
    assert read.name == "a_painter" and exemplar == samples("paintings")[0] and "/paintings/" in exemplar
    read, _, _, _, exemplar, *_ = translate.seen(str(BODY), "a_painter", read)
    assert "value" not in exemplar  # paintings are there already


def test_without_one_the_task_says_what_brings_one(home):
    (home / "a_painter.safetensors").unlink()
    assert task.offered(task.OIL) == [] and "prepare metfaces DIR" in task.missing(task.OIL)
    assert "metfaces" not in task.missing(task.NEW)
    assert any(way.kind == "metfaces" for way in ways.WAYS)
