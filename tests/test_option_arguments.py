from __future__ import annotations

from typing import Any

import pytest

from talkingface.errors import OptionError
from talkingface.option_arguments import OptionParser, add_options, given_options
from talkingface.options import DubOptions, ToolkitOptions


def parse(tokens: list[str], schema: type = ToolkitOptions, values: bool = True) -> dict[str, Any]:
    parser = OptionParser("program")
    add_options(parser, schema, switches_take_values=values)
    return given_options(parser.parse(tokens), schema)


def test_only_what_is_given_comes_back() -> None:
    assert parse([]) == {}
    assert parse(["--crf", "20"]) == {"crf": 20}
    assert parse(["--start=none"]) == {"start": None}


def test_all_spellings() -> None:
    assert parse(["--video-codec=hevc"]) == parse(["--video_codec", "hevc"]) == {"video_codec": "hevc"}
    assert parse(["-m", "x", "-d=y"])["model"] == "x"


def test_a_value_may_hold_an_equals_sign() -> None:
    assert str(parse(["--results_dir=a=b/c_d"])["results_dir"]) == "a=b/c_d"


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["--mark"], True),
        (["--mark", "false"], False),
        (["--mark=no"], False),
        (["--no-mark"], False),
        (["--no_mark"], False),
        (["--mark", "--crf", "3"], True),
    ],
)
def test_switches(tokens: list[str], expected: bool) -> None:
    assert parse(tokens)["mark"] is expected


def test_a_bare_switch_swallows_no_positional_argument() -> None:
    parser = OptionParser("program")
    parser.add_argument("file")
    add_options(parser, DubOptions)
    namespace = parser.parse(["--overwrite", "a.mp4"])
    assert namespace.file == "a.mp4"
    assert namespace.overwrite is True


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["--crff=3"], r"there is no option --crff; did you mean 'crf'\?"),
        (["--vide-codec", "h264"], "did you mean 'video-codec'"),
        (["--see", "1"], "there is no option --see; did you mean 'seed'"),
        (["extra"], "unexpected argument 'extra'"),
        (["--crf"], "expected one argument"),
        (["--crf", "x"], "--crf: 'x' is not a whole number from 0 to 51"),
        (["--pairing", "slef"], "did you mean 'self'"),
    ],
)
def test_what_is_wrong_is_said(tokens: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(tokens)


def test_code_in_a_value_is_only_text() -> None:
    assert parse(["--model=__import__('os').abort()"]) == {"model": "__import__('os').abort()"}
