from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.training import packing
from talkingface.training.mouth_data import MouthClip
from talkingface.training.packing import load_pack


def test_clips_come_back(packed: Path, talkers: list[MouthClip]) -> None:
    pack = load_pack(packed)
    assert pack is not None and len(pack.clips) == len(talkers)
    for before, after in zip(talkers, pack.clips, strict=True):
        assert (before.name, before.source, before.digest) == (after.name, after.source, after.digest)
        assert np.array_equal(before.shape, after.shape)
        assert np.allclose(before.mel, after.mel, atol=0.01)  # sound is stored in 16 bits
        assert np.array_equal(before.identity, after.identity)
    assert pack.unusable == {"0" * 64: "no face"}
    assert pack.known_files() == {clip.digest for clip in talkers} | {"0" * 64}
    assert not list(packed.parent.glob("*.part"))


def test_another_version_is_made_anew(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "PACK_VERSION", packing.PACK_VERSION + 1)
    assert load_pack(packed) is None


def test_what_is_no_pack(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    path.write_bytes(b"not a zip file")
    with pytest.raises(MediaError, match="not a packed data set"):
        load_pack(path)
