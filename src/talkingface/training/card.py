"""The card of a training run: what was learnt from whom, under which licences, and how well."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from talkingface.training.clip_list import ListedClip
from talkingface.training.packing import PACK_VERSION, ClipPack
from talkingface.training.people import PeopleSplit

VERSIONED_PACKAGES = ("talkingface", "torch", "numpy", "onnx", "onnxruntime")


def make_card(
    pack: ClipPack,
    listed: Sequence[ListedClip],
    split: PeopleSplit,
    shares: Mapping[str, float],
    figures: Mapping[str, Any],
    run: Mapping[str, Any],
    folder: Path,
    files: Sequence[str],
) -> dict[str, Any]:
    """Put a card together.

    Args:
        pack: The packed data set.
        listed: Where its files come from, with licences; empty when only the pack is known.
        split: Who was held out.
        shares: Share of each source in a batch.
        figures: On validation people.
        run: Seed, steps, seconds.
        folder: Where the exported files lie.
        files: Their names.

    Returns:
        A JSON-ready dictionary.
    """
    return {
        "what": "audio to mouth geometry (ensemble) and landmark sync experts of talkingface's landmark backend",
        "run": dict(run),
        "versions": {"python": platform.python_version(), "extraction": PACK_VERSION}
        | {name: version(name) for name in VERSIONED_PACKAGES},
        "data": [_source(source, pack, listed, split, shares) for source in sorted({c.source for c in pack.clips})],
        "unusable_files": len(pack.unusable),
        "people": {
            "groups_of_alike_faces": split.groups,
            "groups_held_out": split.held_groups,
            "clips_to_learn_from": len(split.train),
            "clips_held_out": len(split.held),
            "clips_left_out_as_too_alike": split.left_out,
        },
        "validation": dict(figures),
        "files": {name: {"bytes": (folder / name).stat().st_size, "sha256": _digest(folder / name)} for name in files},
        "licence_note": "The licences of the data are listed as the manifest gives them; whether weights trained on "
        "them may be used commercially is for whoever ships the weights to clear.",
    }


def _source(
    source: str, pack: ClipPack, listed: Sequence[ListedClip], split: PeopleSplit, shares: Mapping[str, float]
) -> dict[str, Any]:
    rows = [item for item in listed if item.source == source]
    return {
        "source": source,
        "files": len(rows),
        "clips": sum(clip.source == source for clip in pack.clips),
        "minutes": round(sum(clip.minutes for clip in pack.clips if clip.source == source), 2),
        "clips_held_out": sum(clip.source == source for clip in split.held),
        "share_of_a_batch": round(shares.get(source, 0.0), 3),
        "licences": sorted({item.licence for item in rows if item.licence}),
        "languages": sorted({item.language for item in rows if item.language}),
        "allowed_uses": sorted({item.use for item in rows if item.use}),
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
