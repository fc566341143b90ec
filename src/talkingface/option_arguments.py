"""Command-line arguments made from an options schema."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from talkingface.errors import OptionError, nearest_names
from talkingface.option_fields import OptionField, option_fields

GROUPS = ("Inputs", "Task", "Method", "Networks", "Sound", "Training", "Evaluation", "Output", "Folders", "Machine")


class OptionParser(argparse.ArgumentParser):
    """An argument parser that raises ``OptionError`` instead of ending the process, and guesses no abbreviation.

    Underscores in an option's name count as hyphens: ``--video_codec`` is ``--video-codec``.
    """

    def __init__(self, program: str, description: str = "", epilog: str = "") -> None:
        super().__init__(
            prog=program,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message.

        Raises:
            OptionError: always.
        """
        raise OptionError(f"{message} (see {self.prog} --help)")

    def parse_known(self, tokens: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse the tokens that are known, and return the others as they are."""
        return self.parse_known_args([_with_hyphens(token) for token in tokens])

    def parse(self, tokens: Sequence[str]) -> argparse.Namespace:
        """Parse every token.

        Raises:
            OptionError: for an option that does not exist (with the nearest ones), a value that is not valid, or a
                token too many.
        """
        if any(action.nargs in ("+", "*") for action in self._get_positional_actions()):
            # "a.mp4 --json b.mp4": several arguments may stand on both sides of an option.
            namespace, rest = self.parse_known_intermixed_args([_with_hyphens(token) for token in tokens])
        else:
            namespace, rest = self.parse_known(tokens)
        for token in rest:
            if token.startswith("--") and len(token) > 2:
                name = token.partition("=")[0].removeprefix("--")
                known = [text[2:] for text in self._option_string_actions if text.startswith("--")]
                raise OptionError(f"there is no option --{name}; {nearest_names(name, known)}")
        if rest:
            raise OptionError(f"unexpected argument {rest[0]!r} (see {self.prog} --help)")
        return namespace


def add_options(parser: OptionParser, schema: type, *, switches_take_values: bool = False) -> None:
    """Give a parser one argument for each option of a schema.

    An option that is not given is absent from the parsed namespace, so that lower layers of configuration can tell.

    Args:
        parser: Where to add them.
        schema: An options dataclass.
        switches_take_values: True lets ``--mark false`` and ``--mark=false`` stand beside ``--no-mark``. Only for
            verbs without positional arguments, which a bare switch would otherwise swallow.
    """
    fields = option_fields(schema).values()
    names = sorted({field.text.group for field in fields}, key=_group_order)
    groups = {name: parser.add_argument_group(name.lower()) for name in names}
    for field in fields:
        group = groups[field.text.group]
        if field.kind is bool:
            _add_switch(group, field, switches_take_values)
        else:
            group.add_argument(
                *([field.text.short] if field.text.short else []),
                field.flag,
                dest=field.name,
                type=_parse_as(field),
                default=argparse.SUPPRESS,
                metavar=_metavar(field),
                help=_help(field),
            )


def given_options(namespace: argparse.Namespace, schema: type) -> dict[str, Any]:
    """Return the options of a schema that were given on the command line, by name, already checked."""
    return {name: value for name, value in vars(namespace).items() if name in option_fields(schema)}


def _add_switch(group: argparse._ArgumentGroup, field: OptionField, takes_value: bool) -> None:
    on, off = field.flag, field.flag.replace("--", "--no-", 1)
    name, gone, hidden = field.name, argparse.SUPPRESS, argparse.SUPPRESS
    on_help = _help(field) if takes_value or not field.default else hidden
    off_help = hidden if on_help != hidden else (field.text.off_help or f"Not: {field.text.help}").replace("%", "%%")
    if takes_value:
        kind = _parse_as(field)
        group.add_argument(
            on, dest=name, default=gone, nargs="?", const=True, type=kind, metavar="true|false", help=on_help
        )
    else:
        group.add_argument(on, dest=name, default=gone, action="store_true", help=on_help)
    group.add_argument(off, dest=name, default=gone, action="store_false", help=off_help)


def _with_hyphens(token: str) -> str:
    """``--video_codec=x_y`` as ``--video-codec=x_y``."""
    name, equals, value = token.partition("=")
    return name.replace("_", "-") + equals + value if token.startswith("--") else token


def _group_order(name: str) -> tuple[int, str]:
    return (GROUPS.index(name) if name in GROUPS else len(GROUPS), name)


def _parse_as(field: OptionField) -> Callable[[str], Any]:
    return lambda text: field.parse(text)


def _metavar(field: OptionField) -> str:
    if field.text.choices is not None:
        return "|".join(field.text.choices)
    return field.text.metavar or {int: "N", float: "NUMBER"}.get(field.kind, "VALUE")


def default_text(field: OptionField) -> str:
    """Return a field's default as help shows it."""
    if field.default is None:
        return "none"
    if isinstance(field.default, tuple):
        return ", ".join(field.default)
    return str(field.default).lower() if field.kind is bool else str(field.default)


def _help(field: OptionField) -> str:
    shown = "" if field.kind is bool or field.default is None else f" (default: {default_text(field)})"
    return (field.text.help + shown).replace("%", "%%")
