"""Command-line arguments made from an options schema."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from talkingface.errors import OptionError, nearest_names
from talkingface.option_fields import OptionField, option_fields


class OptionParser(argparse.ArgumentParser):
    """An argument parser that raises ``OptionError`` instead of ending the process, and does not guess abbreviations."""

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

    def parse(self, tokens: Sequence[str]) -> argparse.Namespace:
        """Parse every token.

        Raises:
            OptionError: for an option that does not exist (with the nearest ones), a value that is not valid, or a
                token too many.
        """
        namespace, rest = self.parse_known_args(list(tokens))
        for token in rest:
            if token.startswith("--") and len(token) > 2:
                name = token.partition("=")[0]
                known = [text for text in self._option_string_actions if text.startswith("--") and "_" not in text]
                raise OptionError(f"there is no option {name}; {nearest_names(name.replace('_', '-'), known)}")
        if rest:
            raise OptionError(f"unexpected argument {rest[0]!r} (see {self.prog} --help)")
        return namespace


def add_options(parser: OptionParser, schema: type, *, switches_take_values: bool = False) -> None:
    """Give a parser one argument for each option of a schema.

    Hyphens and underscores are the same (``--video-codec``, ``--video_codec``). An option that is not given is absent
    from the parsed namespace, so that lower layers of configuration can tell.

    Args:
        parser: Where to add them.
        schema: An options dataclass.
        switches_take_values: True lets ``--mark false`` and ``--mark=false`` stand beside ``--no-mark``. Only for
            verbs without positional arguments, which a bare switch would otherwise swallow.
    """
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in option_fields(schema).values():
        group = groups.setdefault(field.text.group, parser.add_argument_group(field.text.group.lower()))
        if field.kind is bool:
            _add_switch(group, field, switches_take_values)
        else:
            group.add_argument(
                *([field.text.short] if field.text.short else []),
                *_spellings(field.name),
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
    words = {"dest": field.name, "default": argparse.SUPPRESS}
    on_help = _help(field) if takes_value or not field.default else argparse.SUPPRESS
    if takes_value:
        group.add_argument(
            *_spellings(field.name), nargs="?", const=True, type=_parse_as(field), metavar="BOOL", help=on_help, **words
        )
    else:
        group.add_argument(*_spellings(field.name), action="store_true", help=on_help, **words)
    off_help = argparse.SUPPRESS if on_help is not argparse.SUPPRESS else f"Do not: {_help(field)}"
    group.add_argument(*_spellings("no_" + field.name), action="store_false", help=off_help, **words)


def _spellings(name: str) -> list[str]:
    return list(dict.fromkeys(["--" + name.replace("_", "-"), "--" + name]))


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
        return ",".join(field.default)
    return str(field.default).lower() if field.kind is bool else str(field.default)


def _help(field: OptionField) -> str:
    shown = "" if field.kind is bool or field.default is None else f" (default: {default_text(field)})"
    return (field.text.help + shown).replace("%", "%%")
