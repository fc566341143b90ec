from __future__ import annotations

import os
from pathlib import Path

import pytest

from talkingface.errors import OptionError, OutputError
from talkingface.media.output import SUFFIXES, check_output


@pytest.mark.parametrize(("codec", "suffix"), [(codec, suffix) for codec in SUFFIXES for suffix in SUFFIXES[codec]])
def test_usable_places_pass_and_stay_empty(tmp_path: Path, codec: str, suffix: str) -> None:
    check_output(tmp_path / f"out{suffix.upper()}", False, [tmp_path / "in.mp4"], codec)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "codec", "reason"),
    [
        ("out.avi", "h264", r"'.avi' cannot hold h264 video; use one of .mp4, .m4v, .mov, .mkv"),
        ("out.mov", "ffv1", r"'.mov' cannot hold ffv1 video; use one of .mkv, .mp4"),
        ("out", "h264", "without suffix"),
        ("nowhere/out.mp4", "h264", "no such folder"),
        ("file.txt/out.mp4", "h264", "is not a folder"),
        (".", "h264", "is a directory"),
        ("there.mp4", "h264", "already there.*--overwrite"),
        ("in.mp4", "h264", "is also an input"),
        ("link.mp4", "h264", "is also an input"),
        ("nowhere/../in.mp4", "h264", "is also an input"),
        ("dangling.mp4", "h264", "is a link to a file that is not there"),
        ("x" * 300 + ".mp4", "h264", "cannot be written .*name too long"),
        ("zero\0byte.mp4", "h264", "is no name for a file|no such folder|null"),
    ],
)
def test_unusable_places_are_refused(tmp_path: Path, name: str, codec: str, reason: str) -> None:
    for existing in ("there.mp4", "in.mp4", "file.txt"):
        (tmp_path / existing).touch()
    os.link(tmp_path / "in.mp4", tmp_path / "link.mp4")
    (tmp_path / "dangling.mp4").symlink_to("gone.mp4")
    with pytest.raises(OutputError, match=reason):
        check_output(tmp_path / name, False, [tmp_path / "in.mp4"], codec)


def test_overwriting_must_be_allowed_and_never_hits_an_input(tmp_path: Path) -> None:
    there = tmp_path / "there.mp4"
    there.write_text("kept")
    check_output(there, True, [])
    assert there.read_text() == "kept"
    with pytest.raises(OutputError, match="also an input"):
        check_output(there, True, [there])


def test_devices_are_no_place() -> None:
    with pytest.raises(OutputError):
        check_output(Path("/dev/null"), True, [])


def test_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Permission bits do not stop the superuser that tests often run as.
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"cannot be written in \(Permission denied\)"):
        check_output(tmp_path / "out.mp4", False, [])


def test_unknown_codec(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="hevc"):
        check_output(tmp_path / "out.mp4", False, [], "h265")
