"""The end of a dub."""

from __future__ import annotations

from talkingface import __version__
from talkingface.dubbing.finish import SYNTHETIC_MARK, result_metadata


def test_mark() -> None:
    source = {"title": "Talk", "artist": "Someone"}
    marked = result_metadata(source, True)
    assert marked["title"] == "Talk"
    assert marked["comment"] == f"{SYNTHETIC_MARK} {__version__}"
    assert source == {"title": "Talk", "artist": "Someone"}
    assert result_metadata(source, False) == source


def test_the_files_own_comment_stays_beside_the_mark() -> None:
    marked = result_metadata({"comment": "filmed in May"}, True)
    assert marked["comment"].startswith("filmed in May")
    assert SYNTHETIC_MARK in marked["comment"]


def test_a_dub_of_a_dub_is_marked_once() -> None:
    once = result_metadata({"comment": "filmed in May"}, True)
    assert result_metadata(once, True) == once
