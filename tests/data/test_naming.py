from __future__ import annotations

from pathlib import Path

from talkingface.data.naming import distinct_names, fit_name, numbered


def test_the_last_part_names_what_it_tells_apart() -> None:
    assert distinct_names([Path("a/x.mp4"), Path("b/y.mp4")]) == ["x", "y"]
    assert distinct_names([Path("runs/v1.2"), Path("runs/v1.3")], keep_ending=True) == ["v1.2", "v1.3"]


def test_parts_before_it_are_added_only_where_needed() -> None:
    paths = [Path("/r/one/x.mp4"), Path("/r/two/x.mp4"), Path("/r/two/y.mp4"), Path("/s/one/X.mp4")]
    assert distinct_names(paths) == ["r_one_x", "two_x", "y", "s_one_X"]


def test_what_nothing_tells_apart_is_numbered() -> None:
    assert distinct_names([Path("/r/x.mp4"), Path("/r/x.mkv"), Path("/r/x.mp4")]) == ["x", "x-2", "x-3"]
    assert distinct_names([Path("r/a/x.mp4"), Path("r/b/../a/x.mp4"), Path("r/b/x.mp4")]) == ["a_x", "a_x-2", "b_x"]
    assert distinct_names([Path("/"), Path("/")], keep_ending=True) == ["root", "root-2"]
    assert numbered(["a", "A", "a-2"]) == ["a", "A-2", "a-2-2"]


def test_names_are_made_fit_for_files() -> None:
    assert fit_name("a/b\\c\nd") == "a_b_c_d"
    assert fit_name(" .hidden ") == "_hidden"
    assert fit_name("Ann_hello 2.1") == "Ann_hello 2.1"
