"""Answers as HTML."""

import base64
import re
from html.parser import HTMLParser

import pytest

from speechbrain_denokd.demo.compare import (
    DIFFERENT,
    NO_ANSWER,
    NO_DECISION,
    SAME,
    Answer,
)
from speechbrain_denokd.demo.page import CSS, answer_html

ROWS = (("Score", "0.7", "higher is more alike"), ("LLR", "+1.0", "2.7 to 1"))


class Reader(HTMLParser):
    """Texts by tag, and the tags that were opened and closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.texts, self.attributes = [], [], {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.attributes[tag] = dict(attributes)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append((self.open[-1], text))


def test_fact_all_that_is_said_is_shown_in_order():
    read = Reader(answer_html(Answer(SAME, "A note.", ROWS)))
    assert not read.open
    assert read.texts == [
        ("h2", SAME),
        ("p", "A note."),
        *[("td", text) for row in ROWS for text in row],
    ]


def test_law_names_of_files_stay_text():
    name = '<img src=x onerror="alert(1)">&amp;.wav'
    read = Reader(answer_html(Answer(NO_ANSWER, name, ((name,) * 3,))))
    assert "img" not in read.attributes
    assert [text for _, text in read.texts] == [NO_ANSWER, *[name] * 4]


def test_fact_the_picture_is_inside():
    picture = bytes(range(256))
    image = Reader(answer_html(Answer(SAME, picture=picture))).attributes["img"]
    start, data = image["src"].split(",")
    assert start == "data:image/png;base64"
    assert base64.b64decode(data) == picture
    assert image["alt"]


@pytest.mark.parametrize(
    ("verdict", "looks"),
    [
        (SAME, "same"),
        (DIFFERENT, "different"),
        (NO_DECISION, "none"),
        (NO_ANSWER, "none"),
    ],
)
def test_fact_decisions_differ_in_looks(verdict, looks):
    attributes = Reader(answer_html(Answer(verdict))).attributes
    assert attributes["div"]["class"].split() == ["answer", looks]


def test_law_the_page_asks_nobody_for_its_looks():
    assert not re.search(r"url\(|@import|https?:", CSS)
    assert CSS.count("{") == CSS.count("}")
