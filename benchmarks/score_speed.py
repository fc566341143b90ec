"""What scoring costs: seconds and memory of ``talkingface evaluate``, each run a process of its own.

    python benchmarks/score_speed.py CLIP [--seconds 10] [--size 1280x720] [--runs 3] [--metrics NAMES] [--same-face]

Plays CLIP to and fro for so many seconds with its own sound repeated, encodes that twice (the original, and a "dub" of
another quality), and scores the second with the first as its original, its truth and its sound, which is all the
default metrics need. Prints the wall time, its ratio to the clip's duration, and the peak memory. ``--same-face``
scores the video alone, without an original.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from talkingface.media.audio import SPEECH_RATE, read_audio, to_mono_16k

RATE = 25
KEPT_FRAMES = 250  # of the source; a long clip repeats them


def build(source: Path, target: Path, seconds: float, size: tuple[int, int] | None, crf: int) -> None:
    """A clip of the source's frames to and fro, at 25 frames a second, with its sound repeated."""
    frames: list[av.VideoFrame] = []
    with av.open(str(source)) as reader:
        for frame in reader.decode(video=0):
            width, height = size or (frame.width, frame.height)
            frames.append(frame.reformat(width - width % 2, height - height % 2, format="yuv420p"))
            if len(frames) == KEPT_FRAMES:
                break
    order = list(range(len(frames))) + list(range(len(frames) - 2, 0, -1))
    samples = to_mono_16k(read_audio(source))
    samples = np.resize(samples, int(seconds * SPEECH_RATE))
    with av.open(str(target), "w") as writer:
        video = writer.add_stream("libx264", rate=RATE, options={"crf": str(crf), "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        sound = writer.add_stream("aac", rate=SPEECH_RATE, layout="mono")
        for number in range(int(seconds * RATE)):
            frame = frames[order[number % len(order)]]
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            frame.pict_type = av.video.frame.PictureType.NONE
            writer.mux(video.encode(frame))
        writer.mux(video.encode(None))
        for start in range(0, len(samples), 1024):
            block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024].copy(), "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = SPEECH_RATE, start, Fraction(1, SPEECH_RATE)
            writer.mux(sound.encode(block))
        writer.mux(sound.encode(None))


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak MiB of one command.

    Raises:
        SystemExit: it failed.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--size", help="such as 1280x720; the clip's own when left out")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--metrics")
    parser.add_argument("--same-face", action="store_true")
    parser.add_argument("rest", nargs="*", help="further options of evaluate, after --")
    arguments = parser.parse_args()
    size = tuple(int(side) for side in arguments.size.split("x")) if arguments.size else None
    with tempfile.TemporaryDirectory() as folder:
        original, dub = Path(folder) / "original.mp4", Path(folder) / "dub.mp4"
        build(arguments.clip, original, arguments.seconds, size, 18)
        build(arguments.clip, dub, arguments.seconds, size, 24)
        command = [sys.executable, "-m", "talkingface", "evaluate", str(dub), "--threads", str(arguments.threads)]
        command += ["--json", *arguments.rest]
        if not arguments.same_face:
            command += ["--face", str(original), "--audio", str(original), "--truth", str(original)]
        if arguments.metrics:
            command += ["--metrics", arguments.metrics]
        runs = [measured(command) for _ in range(arguments.runs)]
    seconds = [run[0] for run in runs]
    print(
        f"{arguments.clip.stem} {arguments.size or 'own size'} {arguments.seconds:g} s: "
        f"{min(seconds):.1f} / {statistics.median(seconds):.1f} / {max(seconds):.1f} s (least, median, most), "
        f"{statistics.median(seconds) / arguments.seconds:.2f} of the duration; "
        f"{statistics.median(run[1] for run in runs):.1f} s of processor; peak {max(run[2] for run in runs):.0f} MiB"
    )


if __name__ == "__main__":
    main()
