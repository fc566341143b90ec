"""Cost of a dub against a plain transcode of the same clip, side by side.

    python benchmarks/dub_speed.py CLIP AUDIO [--runs 3] [--threads 0] [--size 3840x2160]

Builds a 10 s, 25 fps, constant-rate copy of CLIP (played back and forth; scaled when asked), then alternates
`talkingface dub` with a program that only decodes and encodes it by PyAV with the same settings, each as a process of
its own, and prints the wall time of each, the ratios, and the dub's stages.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av

SECONDS, RATE = 10, 25

TRANSCODE = """
import sys, av
source, target, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
with av.open(source) as reader, av.open(target, "w") as writer:
    video = reader.streams.video[0]
    video.thread_type = "AUTO"
    stream = writer.add_stream("libx264", rate=video.average_rate, options={"crf": "18", "preset": "medium"})
    stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
    stream.codec_context.time_base = video.time_base
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "FRAME"
    for frame in reader.decode(video):
        frame.pict_type = 0
        writer.mux(stream.encode(frame))
    writer.mux(stream.encode(None))
"""


def build_clip(source: Path, target: Path, size: tuple[int, int] | None) -> None:
    """A 10 s, 25 fps clip of the source's frames, to and fro, in their own size or another."""
    with av.open(str(source)) as reader:
        frames = [frame.reformat(format="yuv420p") for frame in reader.decode(video=0)]
    order = list(range(len(frames))) + list(range(len(frames) - 2, 0, -1))
    with av.open(str(target), "w") as writer:
        stream = writer.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": "medium"})
        width, height = size or (frames[0].width, frames[0].height)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(SECONDS * RATE):
            frame = frames[order[number % len(order)]]
            if size is not None:
                frame = frame.reformat(width, height, interpolation="LANCZOS")
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, RATE), 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))


def timed(command: list[str]) -> float:
    """Wall seconds of a process that must succeed."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", help="such as 3840x2160; the clip's own when not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, script, report = folder / "clip.mp4", folder / "transcode.py", folder / "report.json"
        size = None if arguments.size is None else tuple(int(side) for side in arguments.size.split("x"))
        build_clip(arguments.clip, clip, size)  # type: ignore[arg-type]  # two sides
        script.write_text(TRANSCODE)
        plain = [sys.executable, str(script), str(clip), str(folder / "plain.mp4"), str(arguments.threads)]
        dub = [sys.executable, "-m", "talkingface", "dub", str(clip), str(arguments.audio), "-o"]
        dub += [
            str(folder / "dub.mp4"),
            "--threads",
            str(arguments.threads),
            "--length",
            "pad",
            "--overwrite",
            "--no-cache",
        ]
        dub += ["--report", str(report)]
        timed(plain)
        ratios = []
        for run in range(arguments.runs):
            dubbed, transcoded = timed(dub), timed(plain)
            ratios.append(dubbed / transcoded)
            stages = json.loads(report.read_text())["seconds_per_stage"]
            print(f"run {run}: dub {dubbed:.2f} s, transcode {transcoded:.2f} s, ratio {ratios[-1]:.2f}; {stages}")
        print(f"median ratio {statistics.median(ratios):.2f} over {arguments.runs} runs, {SECONDS} s clip")


if __name__ == "__main__":
    main()
