from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from talkingface.errors import OptionError
from talkingface.option_fields import check_fields, find_field, option, option_fields, plain_values, with_changes


@dataclass(frozen=True)
class Sample:
    name: str = option("a", "A text", group="G")
    kind: str = option("near", "A choice", group="G", choices=("near", "far"))
    count: int = option(1, "A number", group="G", minimum=0, maximum=9)
    share: float = option(0.5, "A share", group="G", minimum=0)
    limit: float | None = option(None, "A limit", group="G")
    on: bool = option(False, "A switch", group="G")
    place: Path = option(Path("x"), "A path", group="G")
    names: tuple[str, ...] = option(("a",), "Names", group="G")

    def __post_init__(self) -> None:
        check_fields(self)


FIELDS = option_fields(Sample)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("name", "a=b", "a=b"),
        ("name", "none", "none"),
        ("name", "print('x')", "print('x')"),
        ("kind", "far", "far"),
        ("count", " 7 ", 7),
        ("share", "1e-4", 1e-4),
        ("limit", "none", None),
        ("limit", "2", 2.0),
        ("on", "Yes", True),
        ("on", "off", False),
        ("place", "a b/c", Path("a b/c")),
        ("names", "a, b c", ("a", "b", "c")),
        ("names", "", ()),
    ],
)
def test_texts_are_read_by_the_type(name: str, text: str, expected: Any) -> None:
    value = FIELDS[name].parse(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kind", "fra"),
        ("count", "1+1"),
        ("count", "1.0"),
        ("count", "10"),
        ("count", "none"),
        ("share", "nan"),
        ("share", "inf"),
        ("share", "-0.1"),
        ("on", "maybe"),
        ("place", " "),
    ],
)
def test_texts_that_are_no_such_value_are_refused(name: str, text: str) -> None:
    with pytest.raises(OptionError, match=r"^here: "):
        FIELDS[name].parse(text, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 5), ("count", True), ("count", 1.0), ("count", "1"), ("share", "1"), ("on", 1), ("place", 3),
        ("names", "ab"), ("names", [1]), ("name", None), ("name", ["a"]), ("count", {"a": 1}),
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"--{name}"):
        FIELDS[name].check(value)


def test_home_folder_is_expanded() -> None:
    assert FIELDS["place"].parse("~/x") == Path.home() / "x"


def test_unknown_names_get_the_nearest() -> None:
    assert find_field(Sample, "share").name == "share"
    with pytest.raises(OptionError, match=r"there is no option 'shaer' in my\.yaml; did you mean 'share'"):
        find_field(Sample, "shaer", " in my.yaml")


def test_changes() -> None:
    changed = with_changes(Sample(), {"count": 3, "place": "y"})
    assert (changed.count, changed.place, changed.name) == (3, Path("y"), "a")
    with pytest.raises(OptionError, match="did you mean 'count'"):
        with_changes(Sample(), {"cuont": 3})


def test_plain_values_are_for_yaml_and_json() -> None:
    plain = plain_values(Sample())
    assert plain["place"] == "x"
    assert plain["names"] == ["a"]
