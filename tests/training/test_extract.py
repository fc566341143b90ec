from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import Cancelled, MediaError
from talkingface.faces.identity import FaceEmbedder
from talkingface.progress import Cancellation, SilentProgress
from talkingface.training import extract
from talkingface.training.clip_list import ListedClip
from talkingface.training.extract import PACK_NAME, prepare_pack, read_pack
from talkingface.training.mouth_data import MouthClip
from talkingface.training.packing import ClipPack, load_pack


@pytest.fixture
def files(tmp_path: Path) -> list[ListedClip]:
    made = []
    for number in range(6):
        path = tmp_path / "in" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"film {number}".encode())
        made.append(ListedClip(path, "set", "Ann" if number < 2 else ""))
    return made


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch, make_talker) -> list[str]:
    """Replaces tracking; the names of the files that were looked at."""
    names: list[str] = []

    def fake(
        listed: ListedClip, digest: str, reference: object, embedder: FaceEmbedder, cancel: object = None
    ) -> list[MouthClip]:
        assert embedder.session is not None
        names.append(listed.path.name)
        if listed.path.stem == "3":
            raise MediaError(f"{listed.path}: no face")
        clip = make_talker(int(listed.path.stem), 0)
        return [type(clip)(**{**vars(clip), "digest": digest})]

    monkeypatch.setattr(extract, "clips_of_file", fake)
    return names


def prepare(files: list[ListedClip], folder: Path) -> tuple[ClipPack, list[str]]:
    progress = SilentProgress()
    return prepare_pack(files, folder, 2, progress, Cancellation()), progress.messages


def test_each_file_is_looked_at_once(files, looked_at, tmp_path: Path) -> None:
    pack, messages = prepare(files, tmp_path)
    assert len(pack.clips) == 5 and len(looked_at) == 6
    assert any("1 of 6 files are not usable: 1 no face" in line for line in messages)
    again, _ = prepare(files, tmp_path)
    assert len(looked_at) == 6
    assert [clip.digest for clip in again.clips] == [clip.digest for clip in pack.clips]
    renamed = files[0].path.rename(files[0].path.with_name("renamed.mp4"))
    prepare([ListedClip(renamed, "set"), *files[1:]], tmp_path)
    assert len(looked_at) == 6  # known by content, not by name
    files[1].path.write_bytes(b"another film")
    prepare(files[1:], tmp_path)
    assert looked_at[6:] == ["1.mp4"]


def test_only_what_is_listed_now_is_given(files, looked_at, tmp_path: Path) -> None:
    prepare(files, tmp_path)
    pack, _ = prepare([ListedClip(files[1].path, "other", "Bea")], tmp_path)
    assert [(clip.source, clip.speaker) for clip in pack.clips] == [("other", "Bea")]


def test_a_stopped_extraction_is_kept(files, looked_at, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = extract.clips_of_file

    def stops(
        listed: ListedClip, digest: str, reference: object, embedder: FaceEmbedder, cancel: object = None
    ) -> list[MouthClip]:
        if listed.path.stem == "4":
            raise Cancelled("stopped")
        return inner(listed, digest, reference, embedder, cancel)

    monkeypatch.setattr(extract, "clips_of_file", stops)
    with pytest.raises(Cancelled):
        prepare_pack(files, tmp_path, 1, SilentProgress(), Cancellation())
    kept = load_pack(tmp_path / PACK_NAME)
    assert kept is not None and len(kept.clips) == 3
    monkeypatch.setattr(extract, "clips_of_file", inner)
    before = len(looked_at)
    pack, _ = prepare(files, tmp_path)
    assert len(pack.clips) == 5 and len(looked_at) == before + 2


def test_nothing_usable(files, looked_at, tmp_path: Path) -> None:
    missing = ListedClip(tmp_path / "gone.mp4", "set")
    with pytest.raises(MediaError, match=r"none of 2 files.*1 no face.*|none of 2 files.*1 cannot be read"):
        prepare([files[3], missing], tmp_path)


def test_gaps_part_a_track() -> None:
    frames = np.concatenate([np.arange(30), np.arange(40, 90)])
    landmarks = np.repeat(extract.generic_face()[None] * 120 + 200, 80, 0).astype(np.float32)
    sound = (np.random.default_rng(0).normal(size=16000 * 4) * 0.05).astype(np.float32)
    listed = ListedClip(Path("film.mp4"), "set")
    looks = np.full(128, 0.1, np.float32)
    clips = extract.clips_of_track(listed, "d", landmarks, frames, frames / 25, sound, extract.generic_face(), looks)
    assert [(clip.name, len(clip.shape)) for clip in clips] == [("film-0", 30), ("film-1", 50)]
    assert all(clip.appearance is looks for clip in clips)
    with pytest.raises(MediaError, match="silent"):
        extract.clips_of_track(listed, "d", landmarks, frames, frames / 25, sound * 0, extract.generic_face())


def test_a_pack_from_elsewhere(packed: Path, tmp_path: Path) -> None:
    assert len(read_pack(packed).clips) == 48
    with pytest.raises(MediaError, match="not there"):
        read_pack(tmp_path / "none.npz")
