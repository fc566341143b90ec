"""HTML and SVG text in which everything that is not markup is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# What XML and HTML do not allow in a text, tab and line ends excepted.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


class Markup(str):
    """Text that is markup already and is put into a page as it is."""

    __slots__ = ()


Child = str | Markup | Iterable[str | Markup] | None


def escaped(text: object) -> Markup:
    """Return any text as markup that shows it; what UTF-8 cannot hold (a file name's stray bytes) becomes ``?``."""
    if isinstance(text, Markup):
        return text
    plain = str(text).encode("utf-8", "replace").decode("utf-8")
    return Markup(html.escape(_FORBIDDEN.sub("\ufffd", plain), quote=True))


def joined(children: Iterable[str | Markup]) -> Markup:
    """Return pieces one after another."""
    return Markup("".join(escaped(child) for child in children))


def element(tag: str, *children: Child, **attributes: object) -> Markup:
    """Return an element.

    Args:
        tag: Such as ``td``.
        children: Texts, which are escaped, markup, which is not, or lists of both; None is left out.
        attributes: Names as in HTML, with ``_`` for ``-`` and one at the end where Python has the word (``class_``).
            None and False leave an attribute out, True gives it without a value.
    """
    opening = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        opening.append(name if value is True else f'{name}="{escaped(value)}"')
    head = f"<{' '.join(opening)}>"
    if tag in _WITHOUT_END:
        return Markup(head)
    inside = "".join(
        escaped(child) if isinstance(child, str) else joined(child) for child in children if child is not None
    )
    return Markup(f"{head}{inside}</{tag}>")


_WITHOUT_END = frozenset(("img", "meta", "link", "br", "col"))
