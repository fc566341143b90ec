"""What SyncNet's scores cost: milliseconds a window, and peak memory, for clips of any length.

    python benchmarks/syncnet_cost.py CLIP --seconds 10 60 [--narrow 16] [--mode lrs] [--device cuda]

For each length CLIP is played to and fro (its sound again and again) into a clip of that length, which is scored with
its control rows in a process of its own. Weights are random: cost does not depend on them. ``--narrow`` makes every
layer so many times narrower, which shows how memory grows with a clip's length without the hours of full width.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from talkingface.evaluation.material import look_at
from talkingface.evaluation.metrics.syncnet import SYNCNET_METRICS, SyncNetFamily
from talkingface.evaluation.observation import EvaluationSettings, Library
from talkingface.evaluation.result import EvaluationRow
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.progress import Cancellation, SilentProgress


def write_long(source: Path, target: Path, seconds: float) -> None:
    """The source's first frames to and fro at 25 a second, its sound again and again."""
    with av.open(str(source)) as reader:
        frames = [frame.reformat(format="yuv420p") for _, frame in zip(range(75), reader.decode(video=0), strict=False)]
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    voice = (to_mono_16k(read_audio(source)) * 32767).astype(np.int16)
    sound = np.resize(voice, round(seconds * 16_000))[None]
    with av.open(str(target), "w") as output:
        video = output.add_stream("libx264", rate=25, options={"crf": "20", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        audio = output.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for number in range(round(seconds * 25)):
            frame = frames[order[number % len(order)]]
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 25), 0
            output.mux(video.encode(frame))
            part = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, number * 640 :][:, :640]), "s16", "mono")
            part.sample_rate, part.pts, part.time_base = 16_000, number * 640, Fraction(1, 16_000)
            output.mux(audio.encode(part))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


def memory() -> float:
    """Peak resident MB so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(clip: Path, narrow: int, mode: str, device: str, folder: Path) -> None:
    """Score one clip and print what it took as JSON."""
    import torch

    from talkingface.models.syncnet.network import SyncNet, SyncNetWidths

    widths = SyncNetWidths().narrowed(narrow)
    torch.save(SyncNet(widths).state_dict(), folder / "syncnet_v2.model")
    library = Library(0, SilentProgress(), Cancellation(), EvaluationSettings(folder, mode, device))
    row = EvaluationRow("clip", clip, clip, clip)
    begin = time.perf_counter()
    material = look_at(row, clip, [row], library)
    watched, seen = time.perf_counter() - begin, memory()
    begin, busy = time.perf_counter(), time.process_time()
    said = SyncNetFamily(widths).score(material, frozenset(SYNCNET_METRICS), library)
    windows = said.details["syncnet"]["windows"]
    found = {
        "windows": windows,
        "device": said.details["syncnet"]["device"],
        "face s": round(watched, 2),
        "syncnet s": round(time.perf_counter() - begin, 2),
        "ms/window": round(1e3 * (time.perf_counter() - begin) / windows, 2),
        "processor ms/window": round(1e3 * (time.process_time() - busy) / windows, 2),
        "MB after face": round(seen),
        "MB peak": round(memory()),
    }
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0])
    parser.add_argument("--narrow", type=int, default=1)
    parser.add_argument("--mode", choices=("tracked", "lrs"), default="tracked")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # given to the process that measures
    args = parser.parse_args()
    if args.folder is not None:
        measure(args.clip, args.narrow, args.mode, args.device, args.folder)
        return
    head = ""
    for seconds in args.seconds:
        with tempfile.TemporaryDirectory() as name:
            long = Path(name) / "long.mkv"
            write_long(args.clip, long, seconds)
            how = ["--narrow", str(args.narrow), "--mode", args.mode, "--device", args.device, "--folder", name]
            command = [sys.executable, __file__, str(long), *how]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if not head:
            head = " | ".join(["seconds", *found])
            print(head)
        print(" | ".join(str(value) for value in [seconds, *found.values()]), flush=True)


if __name__ == "__main__":
    main()
