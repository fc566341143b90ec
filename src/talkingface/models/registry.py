"""The table of talking-face models: the ones shipped here, and those other packages bring by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from talkingface.errors import OptionError, nearest_names
from talkingface.models.base import TalkingFaceModel
from talkingface.options import ToolkitOptions

ENTRY_POINT_GROUP = "talkingface.models"


@dataclass(frozen=True)
class ModelEntry:
    """One line of the table.

    Attributes:
        name: As typed in ``--model``.
        target: Where its class is: ``package.module:Class``.
        origin: ``built in``, or the package that brings it.
        summary: One sentence; empty for models of other packages, which are not imported to be listed.
    """

    name: str
    target: str
    origin: str
    summary: str = ""


BUILT_IN_MODELS: Mapping[str, ModelEntry] = MappingProxyType(
    {
        "video_retalking": ModelEntry(
            "video_retalking",
            "talkingface.models.video_retalking.model:VideoRetalking",
            "built in",
            "Re-speaks any real video: expression made canonical, lips spoken, detail refined, face composed back",
        ),
        "wav2lip": ModelEntry(
            "wav2lip",
            "talkingface.models.wav2lip.model:Wav2LipDubber",
            "built in",
            "Speaks the lower half of any face, 96 pixels wide; needs its released weights, which are not for commerce",
        ),
    }
)


def available_models() -> dict[str, ModelEntry]:
    """Return every model by name, without importing any. A built-in name cannot be taken by another package."""
    from importlib.metadata import entry_points  # takes 20 ms, which most verbs need not wait for

    found: dict[str, ModelEntry] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        origin = f"package {point.dist.name} {point.dist.version}" if point.dist else "another package"
        found[point.name] = ModelEntry(point.name, point.value, origin)
    return dict(sorted({**found, **BUILT_IN_MODELS}.items()))


def load_model(name: str) -> TalkingFaceModel:
    """Import and build the model called ``name``.

    Raises:
        OptionError: when there is none (with the nearest names), or it cannot be imported, or it does not keep the
            contract of ``TalkingFaceModel``.
    """
    entry = BUILT_IN_MODELS.get(name)
    if entry is None:
        models = available_models()
        if name not in models:
            raise OptionError(f"there is no model {name!r}; {nearest_names(name, models)}")
        entry = models[name]
    module_name, _, class_name = entry.target.partition(":")
    try:
        model = getattr(importlib.import_module(module_name), class_name)()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise OptionError(f"model {name!r} ({entry.origin}) cannot be loaded from {entry.target}: {reason}") from error
    missing = [method for method in ("prepare", "generate") if not callable(getattr(model, method, None))]
    schema = getattr(model, "options_class", None)
    if missing or not (isinstance(schema, type) and issubclass(schema, ToolkitOptions)):
        lacks = ", ".join(missing) or "an options_class made from ToolkitOptions"
        raise OptionError(f"model {name!r} ({entry.origin}) does not keep the contract of a model: it lacks {lacks}")
    return model  # type: ignore[no-any-return]  # checked by hand above
