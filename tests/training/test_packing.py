from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.training import packing
from talkingface.training.mouth_data import MouthClip
from talkingface.training.packing import ClipPack, load_pack, save_pack


def test_clips_come_back(packed: Path, talkers: list[MouthClip]) -> None:
    pack = load_pack(packed)
    assert pack is not None and len(pack.clips) == len(talkers)
    for before, after in zip(talkers, pack.clips, strict=True):
        assert (before.name, before.source, before.digest) == (after.name, after.source, after.digest)
        assert np.array_equal(before.shape, after.shape)
        assert np.allclose(before.mel, after.mel, atol=0.01)  # sound is stored in 16 bits
        assert np.array_equal(before.identity, after.identity)
        assert after.appearance is None
    assert pack.unusable == {"0" * 64: "no face"}
    assert pack.known_files() == {clip.digest for clip in talkers} | {"0" * 64}
    assert not list(packed.parent.glob("*.part"))


def test_looks_come_back_where_they_are_known(talkers: list[MouthClip], tmp_path: Path) -> None:
    looks = np.random.default_rng(0).normal(size=128).astype(np.float32)
    save_pack(
        tmp_path / "clips.npz",
        ClipPack(np.zeros((478, 3), np.float32), [replace(talkers[0], appearance=looks), talkers[1]]),
    )
    pack = load_pack(tmp_path / "clips.npz")
    assert pack is not None
    first, second = pack.clips
    assert first.appearance is not None and np.array_equal(first.appearance, looks)
    assert second.appearance is None


def test_another_version_is_made_anew(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "PACK_VERSION", packing.PACK_VERSION + 1)
    assert load_pack(packed) is None


def test_what_is_no_pack(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    path.write_bytes(b"not a zip file")
    with pytest.raises(MediaError, match="not a packed data set"):
        load_pack(path)
