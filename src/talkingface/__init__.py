"""talkingface: re-speak a video of a person with a new recording.

    >>> import talkingface
    >>> talkingface.dub("anna.mp4", "speech.wav", "anna-speaks.mp4")

Importing the package loads nothing heavy; the first call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkingface.dubbing.dub import dub
    from talkingface.dubbing.result import DubResult
    from talkingface.options import DubOptions
    from talkingface.progress import Cancellation
    from talkingface.quick_start import run

__version__ = "0.1.0"
__all__ = ["Cancellation", "DubOptions", "DubResult", "__version__", "dub", "run"]

_HOMES = {
    "Cancellation": "talkingface.progress",
    "DubOptions": "talkingface.options",
    "DubResult": "talkingface.dubbing.result",
    "dub": "talkingface.dubbing.dub",
    "run": "talkingface.quick_start",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
