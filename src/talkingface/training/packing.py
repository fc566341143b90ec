"""One packed file that holds a whole data set: what training reads, and all that has to travel to a larger machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.media.mel import PHONETIC_BANDS
from talkingface.training.mouth_data import APPEARANCE_VALUES, MEL_PER_FRAME, MouthClip

PACK_VERSION = 3  # of the extraction: a change here makes every clip anew


@dataclass
class ClipPack:
    """What was made of a data set.

    Attributes:
        clips: The usable clips.
        unusable: Reason for every file (by SHA-256) that gave no clip.
        reference: (478, 3) the generic canonical face that all clips are aligned to.
    """

    reference: NDArray[np.float32]
    clips: list[MouthClip] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)

    def known_files(self) -> set[str]:
        """SHA-256 of every file that need not be looked at again."""
        return {clip.digest for clip in self.clips} | set(self.unusable)


def save_pack(path: Path, pack: ClipPack) -> None:
    """Write a pack as ``.npz``, whole or not at all."""
    clips: Sequence[MouthClip] = pack.clips
    table: dict[str, Any] = {
        "version": PACK_VERSION,
        "clips": [[clip.name, clip.source, clip.speaker, clip.digest, len(clip.shape)] for clip in clips],
        "unusable": pack.unusable,
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file,
            shape=np.concatenate([clip.shape for clip in clips]) if clips else np.zeros((0, 80, 2), np.float32),
            mel=np.concatenate([clip.mel for clip in clips]).astype(np.float16) if clips else np.zeros((0, 80)),
            phonetic=np.concatenate([np.zeros((0, PHONETIC_BANDS)), *(c.phonetic for c in clips)]).astype(np.float16),
            identity=np.stack([clip.identity for clip in clips]) if clips else np.zeros((0, 3, 1), np.float32),
            appearance=_appearances(clips),
            reference=np.asarray(pack.reference, np.float32),
            table=np.frombuffer(json.dumps(table).encode(), np.uint8),
        )
    part.replace(path)


def _appearances(clips: Sequence[MouthClip]) -> NDArray[np.float32]:
    """Embeddings (N, 128) float32, nan where a clip has none."""
    rows = np.full((len(clips), APPEARANCE_VALUES), np.nan, np.float32)
    for row, clip in zip(rows, clips, strict=True):
        if clip.appearance is not None:
            row[:] = clip.appearance
    return rows


def load_pack(path: Path) -> ClipPack | None:
    """Read what ``save_pack`` wrote.

    Returns:
        None when another version of the extraction made it.

    Raises:
        MediaError: when the file is not a pack.
    """
    try:
        with np.load(path, allow_pickle=False) as packed:
            table = json.loads(packed["table"].tobytes().decode())
            if table["version"] != PACK_VERSION:
                return None
            shape, mel = packed["shape"], packed["mel"].astype(np.float32)
            phonetic = packed["phonetic"].astype(np.float32)
            identity, appearance, reference = packed["identity"], packed["appearance"], packed["reference"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise MediaError(f"{path}: is not a packed data set ({error}); delete it to have it made again") from None
    clips = []
    start = 0
    for (name, source, speaker, digest, length), who, look in zip(table["clips"], identity, appearance, strict=True):
        stop = start + length
        columns = slice(start * MEL_PER_FRAME, stop * MEL_PER_FRAME)
        clip = MouthClip(name, source, speaker, digest, shape[start:stop], mel[columns], who)
        known = None if np.isnan(look).any() else look
        clips.append(replace(clip, appearance=known, phonetic=phonetic[columns]))
        start = stop
    return ClipPack(reference, clips, dict(table["unusable"]))
