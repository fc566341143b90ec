"""What one option is: its type, default, range, help; and how a text or a Python value becomes it.

The dataclasses in ``options.py`` are made of these fields. The command line, YAML files, ``--show-config`` and
``docs/cli.md`` all read them from there, so an option is described in one place only.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from talkingface.errors import OptionError, nearest_names

_METADATA_KEY = "talkingface"
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NONE = frozenset({"", "none", "null"})

Options = TypeVar("Options")


@dataclass(frozen=True)
class OptionText:
    """What the author of a field says about it, beyond its name, type and default.

    Attributes:
        help: One sentence for the user, without a full stop.
        group: The heading under which the option is listed.
        choices: Every valid text, or None when any is.
        minimum: Smallest valid number, or None.
        maximum: Largest valid number, or None.
        metavar: How the value is called in the help.
        normalise: Checks a text further and returns its canonical form; raises ``OptionError``.
        short: A one-letter spelling such as ``-m``, or None.
        off_help: For a switch that is on by default: what switching it off does.
    """

    help: str
    group: str
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    metavar: str | None = None
    normalise: Callable[[str], str] | None = None
    short: str | None = None
    off_help: str | None = None


def option(
    default: Any,
    help: str,
    *,
    group: str,
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    metavar: str | None = None,
    normalise: Callable[[str], str] | None = None,
    short: str | None = None,
    off_help: str | None = None,
) -> Any:
    """Return a dataclass field that is an option. The arguments are those of ``OptionText``."""
    text = OptionText(help, group, choices, minimum, maximum, metavar, normalise, short, off_help)
    return dataclasses.field(default=default, metadata={_METADATA_KEY: text})


@dataclass(frozen=True)
class OptionField:
    """One option of a schema, ready to parse and check values.

    Attributes:
        name: The Python and YAML name, such as ``video_codec``.
        kind: ``str``, ``int``, ``float``, ``bool``, ``Path`` or ``tuple`` (of names).
        optional: True when None is a value.
        default: The value when nobody gives one.
        text: Help, range and choices.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    text: OptionText

    @property
    def flag(self) -> str:
        """The command-line spelling, such as ``--video-codec``."""
        return "--" + self.name.replace("_", "-")

    @property
    def expectation(self) -> str:
        """What a valid value looks like, in words, for help and errors."""
        text = self.text
        if text.choices is not None:
            words = "one of " + ", ".join(text.choices)
        elif self.kind in (int, float):
            words = "a whole number" if self.kind is int else "a number"
            if text.minimum is not None and text.maximum is not None:
                words += f" from {text.minimum:.10g} to {text.maximum:.10g}"
            elif text.minimum is not None:
                words += f" of at least {text.minimum:.10g}"
            elif text.maximum is not None:
                words += f" of at most {text.maximum:.10g}"
        else:
            words = {bool: "true or false", Path: "a path", tuple: "names separated by commas"}.get(self.kind, "a text")
        return f"{words}, or none" if self.optional else words

    def parse(self, text: str, where: str | None = None) -> Any:
        """Turn what a user typed into a checked value, by the field's type alone.

        Args:
            text: As typed.
            where: How an error names the place, such as ``"--crf"`` or ``"crf in my.yaml"``.

        Raises:
            OptionError: when the text is not such a value.
        """
        word = text.strip()
        if self.optional and word.lower() in _NONE:
            return None
        value: Any = text
        if self.kind is bool:
            if word.lower() not in _TRUE | _FALSE:
                raise self._error(text, where)
            value = word.lower() in _TRUE
        elif self.kind in (int, float):
            try:
                value = self.kind(word)
            except ValueError:
                raise self._error(text, where) from None
        elif self.kind is tuple:
            value = tuple(text.replace(",", " ").split())
        return self.check(value, where)

    def check(self, value: Any, where: str | None = None) -> Any:
        """Return a Python or YAML value as the field's own type, or refuse it.

        A whole number is taken for a number, a text for a path, a list of texts for names. Nothing else is guessed.

        Raises:
            OptionError: when it has another type or is out of range.
        """
        text = self.text
        if value is None:
            if self.optional:
                return None
            raise self._error(value, where)
        if self.kind is Path:
            if not isinstance(value, str | Path) or not str(value).strip():
                raise self._error(value, where)
            return Path(value).expanduser()
        if self.kind is tuple:
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise self._error(value, where)
            names = tuple(value)
            if not all(isinstance(name, str) for name in names):
                raise self._error(value, where)
            return names
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, self.kind) or (isinstance(value, bool) and self.kind is not bool):
            raise self._error(value, where)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(value, where)
        if isinstance(value, int | float):
            too_small = text.minimum is not None and value < text.minimum
            too_large = text.maximum is not None and value > text.maximum
            if too_small or too_large:
                raise self._error(value, where)
        if text.choices is not None and value not in text.choices:
            hint = nearest_names(str(value), text.choices)
            raise OptionError(f"{where or self.flag}: there is no {str(value)!r}; {hint}")
        if text.normalise is not None and isinstance(value, str):
            try:
                return text.normalise(value)
            except OptionError as error:
                raise OptionError(f"{where or self.flag}: {error}") from None
        return value

    def _error(self, value: Any, where: str | None) -> OptionError:
        return OptionError(f"{where or self.flag}: {str(value)!r} is not {self.expectation}")


def option_fields(schema: type) -> Mapping[str, OptionField]:
    """Return every option of a schema (a dataclass whose fields were made by ``option``), by name, in its order."""
    hints = typing.get_type_hints(schema)
    found: dict[str, OptionField] = {}
    for field in dataclasses.fields(schema):
        text = field.metadata.get(_METADATA_KEY)
        if text is None:
            continue
        hint = hints[field.name]
        members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        kinds = [typing.get_origin(member) or member for member in members if member is not type(None)]
        found[field.name] = OptionField(field.name, kinds[0], type(None) in members, field.default, text)
    return types.MappingProxyType(found)


def find_field(schema: type, name: str, where: str = "") -> OptionField:
    """Return the option called ``name``; hyphens count as underscores.

    Args:
        schema: An options dataclass.
        name: As typed, without leading hyphens.
        where: Where it was typed, for the error; for example ``" in my.yaml"``.

    Raises:
        OptionError: naming the nearest valid options.
    """
    fields = option_fields(schema)
    field = fields.get(name.replace("-", "_"))
    if field is None:
        raise OptionError(f"there is no option {name!r}{where}; {nearest_names(name.replace('-', '_'), fields)}")
    return field


def check_fields(options: Any) -> None:
    """Check every field of a frozen options object in place (a text given for a path becomes a path).

    Raises:
        OptionError: for the first value that is not valid.
    """
    for name, field in option_fields(type(options)).items():
        # The object is being built: this is the one moment when a frozen field may still be set.
        object.__setattr__(options, name, field.check(getattr(options, name)))


def with_changes(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return a copy of an options object with some values changed.

    Raises:
        OptionError: for a name that is no option (with the nearest ones), or a value that is not valid.
    """
    names = {find_field(type(options), name).name: value for name, value in changes.items()}
    return typing.cast(Options, dataclasses.replace(typing.cast(Any, options), **names))


def plain_value(value: Any) -> Any:
    """Return an option's value as YAML and JSON hold it: a path as text, names as a list."""
    if isinstance(value, Path):
        return value.as_posix()
    return list(value) if isinstance(value, tuple) else value


def plain_values(options: Any) -> dict[str, Any]:
    """Return every option of an options object, ready for YAML or JSON."""
    return {name: plain_value(getattr(options, name)) for name in option_fields(type(options))}
