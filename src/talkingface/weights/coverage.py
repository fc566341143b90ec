"""Do these tensors fit this network? Counted and named, never half."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from talkingface.weights.released import OPTIONAL_ENDS

_SHOWN = 3


@dataclass(frozen=True)
class Coverage:
    """How tensors by name fit a network.

    Attributes:
        wanted: How many tensors the network has.
        fitting: How many of those are there, in their shape and kind.
        missing: Names that are not there.
        unknown: Names that the network has not.
        wrong: Such as ``conv.weight (3, 3) instead of (4, 3)``.
        invalid: Names whose tensors hold values that are not numbers.
    """

    wanted: int
    fitting: int
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything fits and nothing is left over."""
        return not (self.missing or self.unknown or self.wrong or self.invalid)

    def __str__(self) -> str:
        """Such as ``62 of 64 tensors fit; 2 missing: a.weight, a.bias``."""
        parts = [
            _named(len(names), what, names)
            for names, what in (
                (self.missing, "missing"),
                (self.unknown, "unknown"),
                (self.wrong, "of another shape or kind"),
                (self.invalid, "with values that are not numbers"),
            )
            if names
        ]
        return "; ".join([f"{self.fitting} of {self.wanted} tensors fit", *parts])


def coverage(state: Mapping[str, Any], expected: Mapping[str, Any], values: bool = True) -> Coverage:
    """Compare tensors with a network's.

    Args:
        state: Tensors by name.
        expected: The network's own, or those of them that should be there; may lie on the device ``meta``.
        values: False looks at names and shapes only.
    """
    missing = [name for name in expected if name not in state and not name.endswith(OPTIONAL_ENDS)]
    unknown = [name for name in state if name not in expected]
    wrong, invalid, fitting = [], [], 0
    for name, tensor in expected.items():
        found = state.get(name)
        if found is None:
            fitting += name not in missing
        elif found.shape != tensor.shape:
            wrong.append(f"{name} {tuple(found.shape)} instead of {tuple(tensor.shape)}")
        elif found.is_floating_point() != tensor.is_floating_point():
            wrong.append(f"{name} {found.dtype} instead of {tensor.dtype}")
        elif values and found.is_floating_point() and not bool(found.isfinite().all()):
            invalid.append(name)
        else:
            fitting += 1
    return Coverage(len(expected), fitting, tuple(missing), tuple(unknown), tuple(wrong), tuple(invalid))


def _named(count: int, what: str, names: Iterable[str]) -> str:
    listed = list(names)
    more = "" if count <= _SHOWN else " ..."
    return f"{count} {what}: {', '.join(listed[:_SHOWN])}{more}"
