"""A photo of another kind brings another exemplar, but never in the place of one that was chosen while the photo was read."""

import gradio as gr
from made_up import BODY, FIGURE, PORTRAIT

from cocos_demo.ui import models, translate
from cocos_demo.ui.exchange import Exchange, exchanged

SEEN = str(PORTRAIT)


def test_only_the_exemplar_that_was_seen_is_exchanged():
    due = Exchange(SEEN, str(FIGURE))
    assert exchanged(due, SEEN) == (str(FIGURE), None)
    assert exchanged(due, "my own.png") == exchanged(due, None) == exchanged(None, SEEN) == (gr.skip(), None)
    assert exchanged(Exchange(SEEN, None), SEEN) == (None, None)  # the new kind has no samples


def test_nothing_can_be_painted_before_the_exemplar_fits():
    _, _, _, _, ready, *_ = translate.read_and_put_back(str(BODY), "auto", None, None, SEEN)
    assert ready.due.seen == SEEN and ready.due.take in models.looks("figure")
    exemplar, button, *_, waiting = translate.unlock(ready, SEEN)
    assert exemplar == ready.due.take and button.interactive and waiting is None
    assert translate.unlock(ready, "my own.png")[:1] == [gr.skip()] and translate.unlock(None, SEEN) == [gr.skip()] * 5


def test_a_second_read_does_not_forget_what_the_first_wanted():
    read, *_, ready, _, _, _, _ = translate.read_and_put_back(str(BODY), "auto", None, None, SEEN)
    _, _, _, _, again, *_ = translate.read_and_put_back(str(BODY), "auto", read, None, SEEN, ready)
    assert again.due == ready.due
    _, _, _, _, used, *_ = translate.read_and_put_back(str(BODY), "auto", read, None, SEEN, None)
    assert used.due is None


def test_a_photo_that_cannot_be_read_leaves_the_exemplar(tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    _, _, words, _, ready, *_ = translate.read_and_put_back(str(tmp_path / "no.png"), "auto", None, None, SEEN)
    assert "not a picture" in words and translate.unlock(ready, SEEN)[:2] == [gr.skip()] * 2
