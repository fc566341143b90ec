from __future__ import annotations

from typing import Any

import pytest

from talkingface.cli_verbs import Argument, Verb, verb_parser
from talkingface.errors import OptionError
from talkingface.option_arguments import OptionParser, add_options, given_options
from talkingface.options import DubOptions, ListingOptions, ToolkitOptions


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


@pytest.mark.parametrize(
    "tokens", [["a.mp4", "b.mp4", "--crf=3"], ["--crf", "3", "a.mp4", "b.mp4"], ["a.mp4", "--crf", "3", "b.mp4"]]
)
def test_several_arguments_stand_anywhere(tokens: list[str]) -> None:
    namespace = several().parse(tokens)
    assert namespace.files == ["a.mp4", "b.mp4"]
    assert given_options(namespace, DubOptions) == {"crf": 3}


def test_several_are_at_least_one() -> None:
    with pytest.raises(OptionError, match="required: FILE"):
        several().parse(["--crf", "3"])
    with pytest.raises(OptionError, match="did you mean 'crf'"):
        several().parse(["a.mp4", "--crff", "3"])


def test_help_shows_several(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        several().parse(["--help"])
    shown = capsys.readouterr().out
    assert "FILE [FILE ...]" in shown and "what to read" in shown and "--crf" in shown


def several() -> OptionParser:
    parser = OptionParser("program")
    parser.add_argument("files", metavar="FILE", nargs="+", help="what to read")
    add_options(parser, DubOptions)
    return parser


def test_several_that_may_be_left_out() -> None:
    verb = Verb(
        "score",
        "Score",
        "nowhere:score",
        ListingOptions,
        (Argument("files", "FILE", "Videos", optional=True, several=True),),
    )
    assert verb_parser(verb).parse(["--json"]).files == []
    assert verb_parser(verb).parse(["a", "--json", "b"]).files == ["a", "b"]
