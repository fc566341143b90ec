"""Kills a dub with SIGKILL at random moments, goes on with --resume, and compares with an undisturbed dub.

``python benchmarks/kill_and_resume.py FACE AUDIO --kills 20``: every resumed result must have the same frames, bit for
bit, and the same sound; after a kill nothing may lie anywhere but in the cache's folder.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

from talkingface.media.planes import plane_views
from talkingface.media.reader import VideoReader


def digest(path: Path) -> str:
    """SHA-256 of all frames with their timestamps, and of the sound's packets."""
    found = hashlib.sha256()
    with VideoReader(path) as reader:
        for frame in reader.frames():
            found.update(str(frame.pts).encode())
            for plane in plane_views(frame.frame):
                found.update(plane.tobytes())
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            found.update(bytes(packet))
    return found.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("face", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--option", action="append", default=[], help="passed to the dub, such as --option=--crf=30")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        return trial(Path(place), arguments)


def trial(place: Path, arguments: argparse.Namespace) -> int:
    out, temporary, cache = place / "out", place / "tmp", place / "cache"
    for folder in (out, temporary, cache):
        folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(cache)}
    inputs = [str(arguments.face.resolve()), str(arguments.audio.resolve())]
    command = [sys.executable, "-m", "talkingface", "dub", *inputs, "--no-cache", *arguments.option, "-o"]

    def start(name: str, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, str(out / name), *more], env=environment, stderr=subprocess.PIPE, text=True, cwd=place
        )

    begin = time.perf_counter()
    whole = start("whole.mp4")
    _, said = whole.communicate()
    seconds = time.perf_counter() - begin
    if whole.returncode:
        print(said)
        return 1
    wanted = digest(out / "whole.mp4")
    print(f"undisturbed: {seconds:.1f} s")
    random.seed(arguments.seed)
    bad = 0
    print("| killed after | finished frames found | left in the work folder | elsewhere | same frames and sound |")
    print("| --- | --- | --- | --- | --- |")
    for number in range(arguments.kills):
        moment = random.uniform(0.2, seconds)
        name = f"{number}.mp4"
        process = start(name)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        left = sum(path.is_file() for path in (cache / "talkingface" / "jobs").rglob("*"))
        strays = [p.name for p in (*out.iterdir(), *temporary.iterdir()) if p.name not in ("whole.mp4", name)]
        strays += [p.name for p in place.iterdir() if p not in (out, temporary, cache)]
        strays += [p.name for p in (cache / "talkingface").glob("*") if p.name != "jobs"]
        finished = (out / name).exists()  # the kill came after the end
        again = start(name, "--resume", *(["--overwrite"] if finished else []))
        _, said = again.communicate()
        lines = [line for line in said.splitlines() if "made by the interrupted run" in line]
        found = lines[0].split()[0] if lines else "0"
        same = again.returncode == 0 and digest(out / name) == wanted
        gone = [str(p) for p in (*temporary.rglob("*"), *(cache / "talkingface" / "jobs").rglob("*"))]
        bad += not same or bool(strays) or bool(gone)
        verdict = f"{same}, but left {gone}" if gone else str(same)
        print(f"| {moment:.2f} s | {found} | {left} files | {strays or 'nothing'} | {verdict} |", flush=True)
        (out / name).unlink(missing_ok=True)
    print(f"{arguments.kills - bad} of {arguments.kills} as they should be")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
