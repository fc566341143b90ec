from __future__ import annotations

import wave
from pathlib import Path

import pytest

from talkingface.cli import main
from talkingface.data.manifest import read_manifest
from talkingface.evaluation.rows import rows_of_manifest


@pytest.fixture
def dataset(workplace: Path) -> Path:
    """A dataset whose videos are sounds by content, so that they have a sound track to be probed."""
    folder = workplace / "dataset" / "hdtf"
    folder.mkdir(parents=True)
    for name in ("WDA_A_000", "WDA_A_001", "WDA_B_000", "WDA_C_000", "RD_D_000"):
        with wave.open(str(folder / f"{name}.mp4"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(16000)
            sound.writeframes(bytes(3200))
    return folder


def test_a_protocol_is_written_for_any_program_and_scored(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("lists").mkdir()
    assert main(["pairs", "-d", "hdtf", "--pairing", "cross", "--seed", "1", "-o", "lists/pairs.csv"]) == 0
    assert capsys.readouterr().out == "lists/pairs.csv: 5 pairs, layout hdtf\n"
    text = Path("lists/pairs.csv").read_text()
    assert text.startswith("name,face,audio,truth,generated\nRD_D_000_")
    rows = read_manifest(Path("lists/pairs.csv"))
    assert all(row.face.is_file() and row.audio is not None and row.audio.is_file() for row in rows)
    assert all(row.face.stem[:5] != row.audio.stem[:5] for row in rows if row.audio)
    assert [row.generated for row in rows] == [f"{row.name}.mp4" for row in rows]
    made = Path("made")
    made.mkdir()
    for row in rows[1:]:
        (made / row.generated).write_bytes(b"video")
    scored = rows_of_manifest(Path("lists/pairs.csv"), made)
    assert [row.generated is not None for row in scored] == [False, True, True, True, True]
    assert main(["pairs", "-d", "hdtf", "--pairing", "cross", "--seed", "1", "-o", "lists/again.csv"]) == 0
    assert Path("lists/again.csv").read_text() == text


def test_self_and_limit(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "-d", "hdtf", "--layout=folder", "--pairing=self", "--limit=1", "-o", "p.csv"]) == 0
    line = "RD_D_000_self,{0},{0},{0},RD_D_000_self.mp4".format("dataset/hdtf/RD_D_000.mp4")
    assert Path("p.csv").read_text() == f"name,face,audio,truth,generated\n{line}\n"
    assert capsys.readouterr().out == "p.csv: 1 pair, layout folder\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-d", "hdft", "-o", "p.csv"], 2, "did you mean 'hdtf'"),
        (["-d", "hdtf", "--layout", "lrs3", "-o", "p.csv"], 2, "did you mean 'lrs2'"),
        (["-d", "hdtf", "--layout", "lrs2", "-o", "p.csv"], 3, "no list val.txt"),
        (["-d", "hdtf", "--pairing", "manifest", "-o", "p.csv"], 3, "needs this file"),
        (["-d", "hdtf", "-o", "no/p.csv"], 6, "there is no folder"),
        (["-d", "hdtf", "-o", "dataset/hdtf/WDA_A_000.mp4"], 6, "would replace a file of the job"),
        (["-d", "hdtf", "-o", "dataset/hdtf/manifest.csv"], 6, "would replace a file of the job"),
        (["-d", "hdtf"], 2, "required: -o/--output"),
    ],
)
def test_what_cannot_be_done_is_said(
    dataset: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().rglob("*"))
    assert main(["pairs", *arguments]) == code
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
