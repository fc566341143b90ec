"""What is added to the box of a face on each side."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.errors import OptionError


@dataclass(frozen=True)
class Pads:
    """Pixels added to a box on each side; negative ones take away."""

    top: int = 0
    bottom: int = 10
    left: int = 0
    right: int = 0

    def __str__(self) -> str:
        return f"{self.top} {self.bottom} {self.left} {self.right}"


def parse_pads(text: str) -> Pads:
    """Read pads as the released program writes them: ``top bottom left right``, commas or spaces between.

    Raises:
        OptionError: they are not four whole numbers.
    """
    words = text.replace(",", " ").split()
    try:
        top, bottom, left, right = (int(word) for word in words)
    except ValueError:
        raise OptionError(f"{text!r} is not four whole numbers: top bottom left right, such as 0 10 0 0") from None
    return Pads(top, bottom, left, right)
