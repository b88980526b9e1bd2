"""One makeup for many: what is left out and why, where pictures go."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cocos_demo.applications import batch, makeup
from cocos_demo.applications.blending import BlendError
from cocos_demo.applications.ready import MakeupError
from cocos_demo.datasets.retrieval import RetrievalError
from cocos_demo.photo import open_photo
from cocos_demo.translator import Translator

FACE = "data/samples/portraits/P010_smug.jpg"


@pytest.fixture(scope="module")
def worn():
    net = Translator.load("portrait_mcl", "cpu")
    return net, makeup.portrait(net, "data/samples/photos/P009_studio_portrait.jpg", makeup=("lips",))


@pytest.fixture
def folder(tmp_path):
    there = tmp_path / "in" / "deeper"
    there.mkdir(parents=True)
    face = open_photo(FACE)
    face.save(there / "a.jpg")
    (there / "b.jpg").write_bytes(b"no picture")
    Image.fromarray(np.full((80, 80, 3), 127, np.uint8)).save(tmp_path / "in" / "c.png")
    face.save(tmp_path / "in" / "d.png")
    return tmp_path / "in"


def test_what_cannot_be_made_up_is_left_out_with_the_reason_and_the_rest_goes_on(worn, folder, tmp_path):
    sources = batch.sources_of([folder])
    places = batch.places_in(tmp_path / "out", sources)
    done = {d.source.name: d for d in batch.each(*worn, sources, places.get)}
    assert {name for name, d in done.items() if d.makeover} == {"a.jpg", "d.png"}
    assert "not a picture" in done["b.jpg"].why and "No face was found" in done["c.png"].why
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "d.png"]
    written = Image.open(done["d.png"].out)
    assert written.tobytes() == done["d.png"].makeover.image.tobytes()


def test_pictures_are_made_as_they_are_asked_for(worn, folder, tmp_path):
    sources = batch.sources_of([folder])
    steps = batch.each(*worn, sources, batch.places_in(tmp_path / "out", sources).get)
    next(d for d in steps if d.makeover)
    steps.close()
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_what_is_wrong_with_all_of_them_is_raised(worn, folder, tmp_path):
    with pytest.raises(BlendError, match="no blend mode"):
        list(batch.each(*worn, [Path(FACE)], mode="burn"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        list(batch.each(*worn, [Path(FACE)], lambda source: tmp_path / "file" / "x.png"))
    with pytest.raises(RetrievalError, match="holds no pictures"):
        (tmp_path / "empty").mkdir()
        batch.sources_of([tmp_path / "empty"])


def test_equal_names_get_places_of_their_own_and_nothing_is_written_over_itself(tmp_path):
    sources = [Path("x/a.jpg"), Path("x/a.png"), Path("y/a.jpg"), Path("z/a.jpg"), Path("x/b.jpg")]
    places = batch.places_in(tmp_path, sources)
    assert len(set(places.values())) == 5 and places[sources[0]].name == "a.png" and places[sources[4]].name == "b.png"
    assert all(place.parent == tmp_path and place.suffix == ".png" for place in places.values())
    with pytest.raises(MakeupError, match="written over"):
        batch.places_in(tmp_path, [tmp_path / "a.png"])
