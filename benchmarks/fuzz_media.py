"""Dub mutated media files and count how the dubs end.

    python benchmarks/fuzz_media.py [--count 500] [--seed 0] [--jobs 1] [--keep FOLDER]

Takes small healthy files of fifteen kinds made from the sample's portrait and a tone, breaks each anew (bytes flipped,
pieces cut out, doubled, swapped or overwritten, the end cut off, numbers in headers changed), and gives it to
``talkingface dub`` as the face or as the sound, half of the time with ``--allow-damaged``. Every dub runs in a process
of its own with a limit of time and of memory. Prints a table of exit statuses. Crashes, hangs, unforeseen errors,
tracebacks and files left behind are faults: their inputs are kept, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path

import av
import cv2
import numpy as np

import talkingface.dubbing.dub  # noqa: F401 - so that not every child has to load it

SECONDS_LIMIT = 60
MEMORY_LIMIT = 3 << 30
RATE, FRAMES = 25, 20
WIDTH, HEIGHT = 192, 108
SOUND_RATE = 16_000
VIDEOS = {
    "mp4": ("libx264", "yuv420p"),
    "mov": ("libx264", "yuv420p"),
    "mkv": ("libx264", "yuv420p"),
    "webm": ("libvpx", "yuv420p"),
    "avi": ("mpeg4", "yuv420p"),
    "ts": ("mpeg2video", "yuv420p"),
    "gif": ("gif", "rgb8"),
}
PICTURES = ("png", "jpg", "webp")
SOUNDS = {"wav": "pcm_s16le", "mp3": "libmp3lame", "m4a": "aac", "ogg": "libopus", "flac": "flac"}
EXPECTED = (0, 3, 4)
HEADER_BYTES = 1200
ABSURD_NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Random = np.random.Generator
Mutation = Callable[[bytearray, Random], bytearray]


@dataclass(frozen=True)
class Trial:
    """One dub of a broken file.

    Attributes:
        number: Of the trial.
        seed_name: The healthy file.
        mutation: What was done to it.
        role: ``"face"`` or ``"audio"``.
        status: Exit status; minus the signal's number when one ended it.
        fault: What was wrong with how it ended, empty when nothing.
        seconds: Wall time.
        tail: The last line of its error output.
    """

    number: int
    seed_name: str
    mutation: str
    role: str
    status: int
    fault: str
    seconds: float
    tail: str


def make_seeds(folder: Path) -> dict[str, list[Path]]:
    """Write the healthy files; returns those for each role."""
    with as_file(files("talkingface") / "assets" / "sample" / "portrait.png") as portrait:
        picture = cv2.resize(cv2.imread(str(portrait)), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    moments = np.arange(SOUND_RATE) / SOUND_RATE
    tone = 0.3 * np.sin(2 * np.pi * 180 * moments) * (np.sin(2 * np.pi * 4 * moments) > 0)
    samples = (tone * 32767).astype("<i2")
    with wave.open(str(folder / "speech.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SOUND_RATE)
        sound.writeframes(samples.tobytes())
    faces, sounds = [], []
    for suffix, (codec, form) in VIDEOS.items():
        faces.append(_write_video(folder / f"seed.{suffix}", picture, codec, form, samples))
        if suffix != "gif":
            sounds.append(faces[-1])
    for suffix in PICTURES:
        faces.append(folder / f"seed.{suffix}")
        cv2.imwrite(str(faces[-1]), picture)
    for suffix, codec in SOUNDS.items():
        sounds.append(_write_sound(folder / f"seed.{suffix}", codec, samples))
    return {"face": faces, "audio": sounds}


def _write_video(path: Path, picture: np.ndarray, codec: str, form: str, samples: np.ndarray) -> Path:
    flags = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    sound_codec = {".webm": "libopus", ".avi": "libmp3lame", ".gif": None}.get(path.suffix, "aac")
    with av.open(str(path), "w", container_options=flags) as output:
        stream = output.add_stream(codec, rate=RATE, options={"g": "8", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, form
        track = (
            output.add_stream(sound_codec, rate=48_000 if sound_codec == "libopus" else SOUND_RATE)
            if sound_codec
            else None
        )
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, number // 3, 1), "bgr24").reformat(format=form)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if track is not None:
            output.mux(track.encode(_sound_frame(samples)))
            output.mux(track.encode(None))
    return path


def _write_sound(path: Path, codec: str, samples: np.ndarray) -> Path:
    with av.open(str(path), "w") as output:
        track = output.add_stream(codec, rate=48_000 if codec == "libopus" else SOUND_RATE)
        output.mux(track.encode(_sound_frame(samples)))
        output.mux(track.encode(None))
    return path


def _sound_frame(samples: np.ndarray) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    return frame


def flip_bytes(data: bytearray, random: Random) -> bytearray:
    """A few bytes anywhere become others."""
    for place in random.integers(0, len(data), int(random.integers(1, 40))):
        data[place] = random.integers(256)
    return data


def flip_header(data: bytearray, random: Random) -> bytearray:
    """A few bytes near the beginning become others."""
    for place in random.integers(0, min(len(data), HEADER_BYTES), int(random.integers(1, 6))):
        data[place] = random.integers(256)
    return data


def _piece(data: bytearray, random: Random) -> tuple[int, int]:
    begin = int(random.integers(0, len(data)))
    return begin, min(len(data), begin + int(random.integers(1, 1 + len(data) // 4)))


def delete_piece(data: bytearray, random: Random) -> bytearray:
    """A piece is cut out."""
    begin, end = _piece(data, random)
    return data[:begin] + data[end:]


def double_piece(data: bytearray, random: Random) -> bytearray:
    """A piece comes twice."""
    begin, end = _piece(data, random)
    return data[:end] + data[begin:]


def swap_pieces(data: bytearray, random: Random) -> bytearray:
    """Two neighbouring pieces change places."""
    begin, middle = _piece(data, random)
    end = min(len(data), middle + middle - begin)
    return data[:begin] + data[middle:end] + data[begin:middle] + data[end:]


def overwrite_piece(data: bytearray, random: Random) -> bytearray:
    """A piece is overwritten by noise or zeros."""
    begin, end = _piece(data, random)
    data[begin:end] = random.bytes(end - begin) if random.integers(2) else bytes(end - begin)
    return data


def truncate(data: bytearray, random: Random) -> bytearray:
    """The end is cut off."""
    return data[: int(random.integers(0, len(data)))]


def edit_number(data: bytearray, random: Random) -> bytearray:
    """Numbers of 2 or 4 bytes become absurd: near the beginning, or in an MP4's tables."""
    boxes = [
        place
        for name in (b"mvhd", b"tkhd", b"mdhd", b"stts", b"stsz", b"stsc", b"stco", b"ctts", b"elst", b"stsd", b"avcC")
        for place in [data.find(name)]
        if place >= 0
    ]
    for _ in range(int(random.integers(1, 4))):
        size = 4 if random.integers(3) else 2
        if boxes and random.integers(2):
            place = boxes[int(random.integers(len(boxes)))] + int(random.integers(-4, 60))
        else:
            place = int(random.integers(0, min(len(data), HEADER_BYTES)))
        place = max(0, min(len(data) - size, place))
        number = ABSURD_NUMBERS[int(random.integers(len(ABSURD_NUMBERS)))] & (0xFFFFFFFF if size == 4 else 0xFFFF)
        order = "<" if random.integers(2) else ">"
        data[place : place + size] = struct.pack(order + ("I" if size == 4 else "H"), number)
    return data


MUTATIONS: dict[str, Mutation] = {
    "flip bytes": flip_bytes,
    "flip header": flip_header,
    "delete piece": delete_piece,
    "double piece": double_piece,
    "swap pieces": swap_pieces,
    "overwrite piece": overwrite_piece,
    "truncate": truncate,
    "edit number": edit_number,
}


def run_trial(number: int, seed: int, seeds: dict[str, list[Path]], keep: Path) -> Trial:
    """Break one file, dub it, judge how that ended."""
    random = np.random.default_rng([seed, number])
    role = "face" if random.integers(3) else "audio"
    source = seeds[role][int(random.integers(len(seeds[role])))]
    name = list(MUTATIONS)[int(random.integers(len(MUTATIONS)))]
    data = MUTATIONS[name](bytearray(source.read_bytes()), random)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as parent:
        folder, elsewhere = Path(parent) / "place", Path(parent) / "elsewhere"
        folder.mkdir()
        elsewhere.mkdir()
        broken = folder / f"broken{source.suffix}"
        broken.write_bytes(data)
        face, sound = (
            (broken, source.with_name("speech.wav")) if role == "face" else (source.with_name("seed.mp4"), broken)
        )
        tokens = ["dub", str(face), str(sound), "-o", str(folder / "out.mp4"), "--threads", "1"]
        if random.integers(2):
            tokens.append("--allow-damaged")
        begun = time.monotonic()
        status = _in_a_child(tokens, elsewhere)
        seconds = time.monotonic() - begun
        said = (elsewhere / "err").read_text(errors="replace")
        fault = _fault(status, said, {path.name for path in folder.iterdir()} - {broken.name}, seconds)
        if fault:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(broken, keep / f"{seed}-{number}-{role}-{source.name}")
            (keep / f"{seed}-{number}-{role}-{source.name}.txt").write_text(f"{fault}\n{' '.join(tokens)}\n{said}")
    return Trial(number, source.name, name, role, status, fault, seconds, (said.splitlines() or [""])[-1])


def _fault(status: int, said: str, files_made: set[str], seconds: float) -> str:
    if seconds >= SECONDS_LIMIT:
        return "hang"
    if status < 0:
        return f"crash ({signal.Signals(-status).name})"
    if "Traceback" in said:
        return "traceback"
    if status not in EXPECTED:
        return f"status {status}"
    if files_made != ({"out.mp4"} if status == 0 else set()):
        return f"left {', '.join(sorted(files_made)) or 'no result'}"
    if status and sum(line.startswith("talkingface: ") for line in said.splitlines()) != 1:
        return "not one error line"
    return ""


def _in_a_child(tokens: list[str], elsewhere: Path) -> int:
    """Run the command line in a forked process under limits; returns its status, minus the signal that ended it."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setsid()
            for name, number in (("out", 1), ("err", 2)):
                os.dup2(os.open(elsewhere / name, os.O_WRONLY | os.O_CREAT), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            os.environ |= {"TMPDIR": str(elsewhere), "XDG_CACHE_HOME": str(elsewhere / "cache")}
            tempfile.tempdir = str(elsewhere)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            from talkingface.cli import main

            status = main(tokens)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    deadline = time.monotonic() + SECONDS_LIMIT
    while time.monotonic() < deadline:
        ended, result = os.waitpid(child, os.WNOHANG)
        if ended:
            return -os.WTERMSIG(result) if os.WIFSIGNALED(result) else os.WEXITSTATUS(result)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def fuzz(count: int, seed: int, jobs: int, keep: Path, first: int = 0) -> list[Trial]:
    """Run trials, several at a time when ``jobs`` says so."""
    with tempfile.TemporaryDirectory(prefix="fuzz-seeds-") as folder:
        seeds = make_seeds(Path(folder))
        numbers = range(first, first + count)
        if jobs == 1:
            return [run_trial(number, seed, seeds, keep) for number in numbers]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(lambda number: run_trial(number, seed, seeds, keep), numbers))


def table(trials: list[Trial]) -> str:
    """Exit statuses and faults by kind of file and by mutation."""
    statuses = sorted({trial.status for trial in trials})
    lines = ["what             | trials | " + " | ".join(f"{f'exit {status}':>8}" for status in statuses) + " | faults"]
    for key in ("seed_name", "mutation"):
        for value in sorted({getattr(trial, key) for trial in trials}):
            group = [trial for trial in trials if getattr(trial, key) == value]
            counts = collections.Counter(trial.status for trial in group)
            cells = " | ".join(f"{counts[status]:>8}" for status in statuses)
            lines.append(f"{value:<16} | {len(group):>6} | {cells} | {sum(bool(trial.fault) for trial in group):>6}")
    slowest = max(trials, key=lambda trial: trial.seconds)
    lines.append(f"slowest: {slowest.seconds:.1f} s (number {slowest.number}, {slowest.seed_name}, {slowest.mutation})")
    lines += [
        f"FAULT {trial.number}: {trial.seed_name} as {trial.role}, {trial.mutation}: {trial.fault}: {trial.tail}"
        for trial in trials
        if trial.fault
    ]
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Dub mutated media files and count how the dubs end.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial, to repeat one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz_failures"), help="folder for inputs that did harm")
    arguments = parser.parse_args()
    trials = fuzz(arguments.count, arguments.seed, arguments.jobs, arguments.keep, arguments.first)
    print(table(trials))
    return 1 if any(trial.fault for trial in trials) else 0


if __name__ == "__main__":
    sys.exit(main())
