"""Bad input and bad places for results, through the command line: the exit status, one line that says why, no trace."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import wave
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from talkingface.cli import main

RATE = 25
FRAMES = 15
SIZE = (256, 144)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what was wrong."""
        lines = self.err.splitlines()
        found = [line for line in lines if line.startswith("talkingface: ")]
        assert len(found) == 1, self.err
        assert lines[-1] == found[0]
        assert "Traceback" not in self.err
        assert "unforeseen" not in self.err
        return found[0]


Run = Callable[..., Outcome]


def encode(
    path: Path, pictures: list[np.ndarray], codec: str = "libx264", pixel_format: str = "yuv420p", **how: str
) -> Path:
    """BGR pictures as a video, 25 frames a second."""
    with av.open(str(path), "w", container_options=how) as output:
        stream = output.add_stream(codec, rate=RATE, options={"g": "1", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *pictures[0].shape[1::-1], pixel_format
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "bgr24")))
        output.mux(stream.encode(None))
    return path


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """Mono samples, -1..1, in 16 bits."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def write_float_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """Mono samples as they are, NaN and all."""
    data = samples.astype("<f4").tobytes()
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, rate * 4, 4, 32)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def png(path: Path, width: int, height: int, *chunks: tuple[bytes, bytes]) -> Path:
    """A PNG that claims a size its data does not fill."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        *chunks,
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


def snapshot(folder: Path) -> dict[str, str]:
    """Every file of a folder with a checksum of what is in it."""
    return {
        os.fsdecode(os.fsencode(path.relative_to(folder))): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    with as_file(files("talkingface") / "assets" / "sample" / "portrait.png") as portrait:
        picture = cv2.resize(cv2.imread(str(portrait)), SIZE, interpolation=cv2.INTER_AREA)
    return [np.roll(picture, number // 4, 1) for number in range(FRAMES)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, pictures: list[np.ndarray]) -> Path:
    """``face.mp4`` of 0.6 s and ``speech.wav`` of 0.5 s."""
    folder = tmp_path_factory.mktemp("store")
    encode(folder / "face.mp4", pictures, movflags="faststart")
    time = np.arange(8000) / 16_000
    write_wav(folder / "speech.wav", 0.3 * np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 4 * time) > 0))
    return folder


@pytest.fixture
def place(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a good face and a good speech in it; caches and temporary files lie elsewhere."""
    folder = tmp_path / "place"
    folder.mkdir()
    for name in ("face.mp4", "speech.wav"):
        shutil.copy(store / name, folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setenv("XDG_CACHE_HOME", str(elsewhere / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    return folder


@pytest.fixture
def dub(place: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``talkingface dub`` in this process."""

    def run(face: str = "face.mp4", audio: str = "speech.wav", *options: str, output: str = "out.mp4") -> Outcome:
        capsys.readouterr()
        code = main(["dub", face, audio, "-o", output, "--threads", "1", *options])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(place: Path, dub: Run) -> Callable[..., None]:
    """Run a dub that must fail with a status and a reason, and leave everything as it was."""

    def check(code: int, reason: str, *arguments: str, **how: str) -> None:
        before = snapshot(place)
        outcome = dub(*arguments, **how)
        assert (outcome.code, outcome.out) == (code, "")
        assert re.search(reason, outcome.error), outcome.error
        assert snapshot(place) == before

    return check


# files that are no media


def text_named_mp4(path: Path) -> None:
    path.write_text("This is no film.\n" * 400)


def noise_named_mp4(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(20_000))


def list_of_files(path: Path) -> None:
    path.write_text("ffconcat version 1.0\nfile face.mp4\n")


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://localhost/x.ts\n#EXT-X-ENDLIST\n")


def late_header_cut(path: Path) -> None:
    encode(path, [np.full((64, 64, 3), 9 * number, np.uint8) for number in range(20)])
    path.write_bytes(path.read_bytes()[:-600])


NO_MEDIA = [text_named_mp4, noise_named_mp4, list_of_files, playlist, late_header_cut]


@pytest.mark.parametrize("make", NO_MEDIA, ids=lambda make: make.__name__)
@pytest.mark.parametrize("role", ["face", "audio"])
def test_what_is_no_media_is_refused(place: Path, refused: Callable[..., None], make: Callable, role: str) -> None:
    make(place / "bad.mp4")
    arguments = ("bad.mp4", "speech.wav") if role == "face" else ("face.mp4", "bad.mp4")
    refused(3, r"bad\.mp4: (not a media file|is a list of other files|has no|its audio|no frame)", *arguments)


@pytest.mark.parametrize("role", ["face", "audio"])
def test_missing_file(refused: Callable[..., None], role: str) -> None:
    arguments = ("none.mp4", "speech.wav") if role == "face" else ("face.mp4", "none.mp4")
    refused(3, r"(?i)none\.mp4: .*no such file", *arguments)


@pytest.mark.parametrize("role", ["face", "audio"])
def test_directory_as_input(place: Path, refused: Callable[..., None], role: str) -> None:
    (place / "folder.mp4").mkdir()
    arguments = ("folder.mp4", "speech.wav") if role == "face" else ("face.mp4", "folder.mp4")
    refused(3, r"(?i)folder\.mp4: .*is a directory", *arguments)


@pytest.mark.parametrize("role", ["face", "audio"])
def test_empty_file(place: Path, refused: Callable[..., None], role: str) -> None:
    (place / "empty.mp4").touch()
    arguments = ("empty.mp4", "speech.wav") if role == "face" else ("face.mp4", "empty.mp4")
    refused(3, r"empty\.mp4: the file is empty", *arguments)


def test_pipes_and_devices_are_not_waited_for(place: Path, refused: Callable[..., None]) -> None:
    refused(3, r"/dev/zero: is a pipe or a device", "/dev/zero")
    os.mkfifo("pipe.mp4")
    refused(3, r"pipe\.mp4: is a pipe or a device", "pipe.mp4")


def test_sound_as_the_face(refused: Callable[..., None]) -> None:
    refused(3, r"speech\.wav: has no video", "speech.wav")


def test_video_without_sound_as_the_sound(refused: Callable[..., None]) -> None:
    refused(3, r"face\.mp4: has no audio stream", "face.mp4", "face.mp4")


def test_video_without_frames(place: Path, refused: Callable[..., None]) -> None:
    with av.open("hollow.mkv", "w") as output:
        stream = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.start_encoding()
    refused(3, r"hollow\.mkv: (.*no frame|video stream 0 has no|not a media)", "hollow.mkv")


# truncated and damaged


def cut_file(place: Path, pictures: list[np.ndarray], name: str, share: float = 0.6) -> str:
    """A video that breaks off."""
    codec, form = {"gif": ("gif", "rgb8"), "avi": ("mpeg4", "yuv420p")}.get(name.split(".")[1], ("libx264", "yuv420p"))
    still = np.random.default_rng(0).integers(0, 40, pictures[0].shape, np.uint8)  # so that frames are of one size
    path = place / name
    noisy = [cv2.add(picture, np.roll(still, 7 * number, 0)) for number, picture in enumerate(pictures)]
    if codec == "gif":
        with av.open(str(path), "w") as output:
            stream = output.add_stream("gif", rate=RATE)
            stream.width, stream.height, stream.pix_fmt = *SIZE, form
            for picture in noisy:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format=form)))
            output.mux(stream.encode(None))
    else:
        encode(path, noisy, codec, form, **({"movflags": "faststart"} if name.endswith(("mp4", "mov")) else {}))
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share) | 1])
    return name


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mov", "cut.mkv", "cut.ts", "cut.avi", "cut.gif"])
def test_truncated_video(place: Path, refused: Callable[..., None], pictures: list[np.ndarray], name: str) -> None:
    cut_file(place, pictures, name)
    refused(3, rf"{name}: .*breaks off after 0\.\d\d s.*--allow-damaged", name)


def test_truncated_video_is_used_when_allowed(place: Path, dub: Run, pictures: list[np.ndarray]) -> None:
    cut_file(place, pictures, "cut.mp4", 0.7)
    outcome = dub("cut.mp4", "speech.wav", "--allow-damaged")
    assert outcome.code == 0, outcome.err
    assert re.search(r"cut\.mp4: .*breaks off after 0\.\d\d s of 0\.60 s", outcome.err)
    with av.open("out.mp4") as result:
        assert sum(1 for _ in result.decode(video=0)) >= 10


def test_truncated_sound(place: Path, refused: Callable[..., None]) -> None:
    data = write_wav(place / "whole.wav", 0.3 * np.sin(np.arange(48_000) / 9)).read_bytes()
    Path("cut.wav").write_bytes(data[:20_000])
    refused(3, r"cut\.wav: .*--allow-damaged", "face.mp4", "cut.wav")


def test_truncated_sound_is_used_when_allowed(place: Path, dub: Run) -> None:
    data = write_wav(place / "whole.wav", 0.3 * np.sin(np.arange(48_000) / 9)).read_bytes()
    Path("cut.wav").write_bytes(data[:20_000])
    outcome = dub("face.mp4", "cut.wav", "--allow-damaged")
    assert outcome.code == 0, outcome.err
    assert re.search(r"cut\.wav: .*breaks off after 0\.6\d s of (2\.99|3\.00) s", outcome.err), outcome.err


# sound


def test_sound_without_samples(place: Path, refused: Callable[..., None]) -> None:
    write_wav(place / "hollow.wav", np.zeros(0))
    refused(3, r"hollow\.wav: ", "face.mp4", "hollow.wav")


def test_50_ms_of_sound(place: Path, dub: Run) -> None:
    write_wav(place / "short.wav", 0.3 * np.sin(np.arange(800) / 9))
    outcome = dub("face.mp4", "short.wav")
    assert outcome.code == 0, outcome.err
    with av.open("out.mp4") as result:
        assert 1 <= sum(1 for _ in result.decode(video=0)) <= 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sound_that_is_no_number(place: Path, refused: Callable[..., None], value: float) -> None:
    samples = 0.1 * np.sin(np.arange(8000) / 9)
    samples[4000:4010] = value
    write_float_wav(place / "broken.wav", samples)
    refused(3, r"broken\.wav: .*(NaN|infinite)", "face.mp4", "broken.wav")


def test_clipped_sound_is_said(place: Path, dub: Run) -> None:
    write_wav(place / "loud.wav", 4 * np.sin(np.arange(8000) / 9))
    outcome = dub("face.mp4", "loud.wav")
    assert outcome.code == 0, outcome.err
    assert re.search(r"loud\.wav: .*(clip|full scale|overdriven)", outcome.err), outcome.err


def test_silence_is_dubbed(place: Path, dub: Run) -> None:
    write_wav(place / "silent.wav", np.zeros(8000))
    outcome = dub("face.mp4", "silent.wav")
    assert outcome.code == 0, outcome.err
    assert "silent" in outcome.err
    with av.open("out.mp4") as result:
        assert sum(1 for _ in result.decode(video=0)) >= 12


def test_no_face(place: Path, refused: Callable[..., None]) -> None:
    wall = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (144, 1, 3))
    encode(place / "wall.mp4", [np.roll(wall, number, 1) for number in range(6)])
    refused(4, r"wall\.mp4: ", "wall.mp4")


# sizes


def gif_bomb(path: Path) -> None:
    path.write_bytes(b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes([0xF7, 0, 0]) + bytes(768) + b";")


def jpeg_bomb(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    data = path.read_bytes()
    begin = data.index(b"\xff\xc0") + 5
    path.write_bytes(data[:begin] + struct.pack(">HH", 60_000, 60_000) + data[begin + 4 :])


def bmp_bomb(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[:18] + struct.pack("<ii", 60_000, -60_000) + data[26:])


def tiff_bomb(path: Path) -> None:
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 60_000) for tag in (256, 257))
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4))


def webp_bomb(path: Path) -> None:
    size = (16_383).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + size
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def png_bomb(path: Path) -> None:
    png(path, 60_000, 60_000)


BOMBS = {
    "bomb.gif": gif_bomb,
    "bomb.jpg": jpeg_bomb,
    "bomb.bmp": bmp_bomb,
    "bomb.tif": tiff_bomb,
    "bomb.webp": webp_bomb,
    "bomb.png": png_bomb,
}


@pytest.mark.parametrize("name", BOMBS)
def test_absurd_picture_sizes_are_refused_by_their_header(place: Path, refused: Callable[..., None], name: str) -> None:
    BOMBS[name](place / name)
    refused(3, rf"{re.escape(name)}: claims pictures of (60000x60000|16384x16384).*megapixels", name)


@pytest.mark.parametrize("name", ["bomb.avi", "bomb.mp4"])
def test_absurd_frame_sizes_are_refused(place: Path, refused: Callable[..., None], name: str) -> None:
    wide, high = 96, 64
    codec, form, old, new = (
        ("rawvideo", "yuv420p", struct.pack("<II", wide, high), struct.pack("<II", 60_000, 60_000))
        if name.endswith("avi")
        else ("png", "rgb24", struct.pack(">II", wide, high), struct.pack(">II", 60_000, 60_000))
    )
    encode(place / name, [np.zeros((high, wide, 3), np.uint8)] * 3, codec, form)
    data = (place / name).read_bytes()
    assert old in data
    (place / name).write_bytes(data.replace(old, new))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(3, rf"{re.escape(name)}: .*(megapixels|no frame)", name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


def test_text_that_unpacks_without_end(place: Path, refused: Callable[..., None]) -> None:
    png(place / "text.png", 64, 64, (b"zTXt", b"comment\0\0" + zlib.compress(bytes(65 << 20), 1)))
    refused(3, r"text\.png: the zTXt text in it unpacks to more than 64 MB", "text.png")


# places for the result


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("face.mp4", "is also an input"),
        ("./sub/../face.mp4", "is also an input"),
        ("hard.mp4", "is also an input"),
        ("soft.mp4", "is also an input"),
        ("sub", "is a directory"),
        ("nowhere/out.mp4", "no such folder"),
        ("speech.wav/out.mp4", "not a folder|Not a directory"),
        ("there.mp4", "already there.*--overwrite"),
        ("out", "without suffix"),
        ("out.txt", "'.txt' cannot hold"),
        ("dangling.mp4", "link to a file that is not there"),
        ("x" * 300 + ".mp4", "name too long"),
    ],
)
def test_places_that_cannot_be_used(place: Path, refused: Callable[..., None], output: str, reason: str) -> None:
    (place / "sub").mkdir()
    (place / "there.mp4").write_text("kept")
    os.link("face.mp4", "hard.mp4")
    Path("soft.mp4").symlink_to("face.mp4")
    Path("dangling.mp4").symlink_to("gone.mp4")
    options = ("--overwrite",) if "input" in reason else ()
    refused(6, reason, "face.mp4", "speech.wav", *options, output=output)
    assert Path("dangling.mp4").is_symlink()


def test_the_sound_is_never_replaced(place: Path, refused: Callable[..., None]) -> None:
    shutil.copy("face.mp4", "both.mp4")
    refused(6, "is also an input", "face.mp4", "both.mp4", "--overwrite", output="both.mp4")


def test_unwritable_folder(place: Path, refused: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    real = tempfile.TemporaryFile

    def refuse(*arguments: object, **how: object) -> object:
        if str(how.get("dir", "")).endswith("locked"):
            raise PermissionError(13, "Permission denied")  # bits do not stop the superuser that tests often run as
        return real(*arguments, **how)  # type: ignore[call-overload]

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    (place / "locked").mkdir()
    refused(6, r"locked: cannot be written in \(Permission denied\)", output="locked/out.mp4")


ODD_NAMES = [
    "with space.mp4",
    'quote\'s "name".mp4',
    "líp sync 唇.mp4",
    "new\nline.mp4",
    "percent %d 100%.mp4",
    "star*[1]?{a,b}.mp4",
    "http:colon.mp4",
    os.fsdecode(b"undecodable-\xff.mp4"),
]


def test_odd_names_of_inputs_and_results(place: Path, dub: Run) -> None:
    for number, name in enumerate(ODD_NAMES):
        shutil.copy("face.mp4", name)
        result = f"result {number} {name}"
        outcome = dub(name, "speech.wav", "--preview", "0.2", output=result)
        assert outcome.code == 0, (name, outcome.err)
        assert Path(result).stat().st_size > 1000, name


def test_a_name_as_long_as_names_can_be_on_another_filesystem(place: Path, dub: Run) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == place.stat().st_dev or not os.access(other, os.W_OK):
        pytest.skip("there is no other filesystem to write to")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        result = Path(folder) / ("x" * 251 + ".mp4")
        outcome = dub("face.mp4", "speech.wav", "--preview", "0.2", output=str(result))
        assert outcome.code == 0, outcome.err
        assert [path.name for path in Path(folder).iterdir()] == [result.name]


def test_leading_dashes(place: Path, dub: Run) -> None:
    shutil.copy("face.mp4", "-face.mp4")
    assert dub("./-face.mp4", "speech.wav", "--preview", "0.2", output="./-out.mp4").code == 0
    assert Path("-out.mp4").exists()


def test_errors_stay_on_one_line_whatever_the_name(refused: Callable[..., None]) -> None:
    refused(3, r"new\\nline.*no such file", "new\nline \x1b[31m.mp4")


def test_unknown_option(refused: Callable[..., None]) -> None:
    refused(2, "--lenght", "face.mp4", "speech.wav", "--lenght=cut")


# ends from outside


def start(place: Path, *options: str, limit: int | None = None) -> subprocess.Popen[str]:
    """A dub in a process of its own that would take long."""

    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "talkingface", "dub", "face.mp4", "long.wav", "-o", "out.mp4", "--threads=1", *options],
        cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=restrict,
    )  # fmt: skip


@pytest.fixture
def busy(place: Path, tmp_path: Path) -> Callable[[], subprocess.Popen[str]]:
    """Start a dub and wait until it is in the middle of its work."""
    write_wav(place / "long.wav", 0.3 * np.sin(np.arange(16_000 * 40) / 9) * (np.arange(16_000 * 40) // 2000 % 2))

    def run() -> subprocess.Popen[str]:
        process = start(place, "--overwrite")
        deadline = time.monotonic() + 60
        while not any((tmp_path / "elsewhere").rglob("*.rows")) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(0.3)
        return process

    return run


@pytest.fixture
def kept(place: Path, busy: Callable[[], subprocess.Popen[str]]) -> Iterator[Path]:
    """A result of before, which must stay as it is beside the inputs."""
    (place / "out.mp4").write_text("of before")
    before = snapshot(place)
    yield place
    assert snapshot(place) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_interrupted(kept: Path, busy: Callable[[], subprocess.Popen[str]], number: signal.Signals) -> None:
    process = busy()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    outcome = Outcome(process.returncode, out, err)
    assert (outcome.code, outcome.out) == (130, "")
    assert "Traceback" not in err


def test_killed(kept: Path, busy: Callable[[], subprocess.Popen[str]]) -> None:
    process = busy()
    process.kill()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


def test_full_disk(place: Path) -> None:
    write_wav(place / "long.wav", 0.3 * np.sin(np.arange(16_000) / 9))
    before = snapshot(place)
    process = start(place, limit=40_000)
    out, err = process.communicate(timeout=60)
    outcome = Outcome(process.returncode, out, err)
    assert (outcome.code, outcome.out) == (6, ""), err
    assert "File too large" in outcome.error
    assert snapshot(place) == before
