"""Peak memory, and the places of sound and lips at both ends, of dubs of any length.

    python benchmarks/long_clips.py FACE AUDIO --seconds 60 600 --size 1920x1080 [--rate 30000/1001] [--ten-bit]

For each length: FACE is played to and fro and AUDIO again and again into clips of that length, dubbed in a process of
its own, and its peak resident memory is read from the system. Then, in the first and the last 20 s of the result, the
sound is compared with the given one (cross-correlation of samples), frame times with the source's, and the lips with
the original's planned motion: the opening measured in the result against the opening the network hears in the very
stretch of sound (cross-correlation over real frame times, parabola through the peak).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import gap_of, inner_lip_gap, interocular_distance
from talkingface.faces.video import track_video
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.models.video_retalking.landmark.hearing import GRID_RATE, MouthMotionNetwork

STRETCH = 20.0  # seconds looked at, at either end


def write_clip(
    source: Path, target: Path, seconds: float, rate: Fraction, size: tuple[int, int] | None, ten_bit: bool,
    variable: bool,
) -> None:  # fmt: skip
    """The source's frames to and fro for so long. Every fourth frame a third later when the rate is variable."""
    with av.open(str(source)) as reader:
        frames = list(reader.decode(video=0))
    width, height = size or (frames[0].width, frames[0].height)
    form = "yuv420p10le" if ten_bit else "yuv420p"
    frames = [frame.reformat(width, height, form, interpolation="LANCZOS") for frame in frames[:60]]
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    options = {"crf": "20", "preset": "ultrafast"}
    if ten_bit:
        options["x265-params"] = "log-level=none"
    with av.open(str(target), "w", container_options={"video_track_timescale": str(rate.numerator * 3)}) as writer:
        stream = writer.add_stream("libx265" if ten_bit else "libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, form
        tick = Fraction(1, rate.numerator * 3)
        stream.codec_context.time_base = stream.time_base = tick
        step = 3 * rate.denominator
        for number in range(round(seconds * rate)):
            frame = frames[order[number % len(order)]]
            late = rate.denominator if variable and number % 4 == 3 else 0
            frame.pts, frame.time_base, frame.pict_type = number * step + late, tick, 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))


def write_sound(source: Path, target: Path, seconds: float) -> None:
    """The source again and again for so long, as 48 kHz stereo WAV, each time a little quieter or louder."""
    track = read_audio(source)
    mono = to_mono_16k(track)
    piece = np.interp(np.arange(len(mono) * 3) / 3, np.arange(len(mono)), mono)
    random = np.random.default_rng(0)
    left = round(seconds * 48_000)
    with av.open(str(target), "w") as writer:
        stream = writer.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        while left > 0:
            pause = np.zeros(int(random.integers(2_400, 24_000)))
            part = np.concatenate([piece * random.uniform(0.7, 1.0), pause])[:left]
            left -= len(part)
            values = np.repeat(np.clip(part * 32767, -32768, 32767).astype(np.int16), 2)[None]
            frame = av.AudioFrame.from_ndarray(values, "s16", "stereo")
            frame.sample_rate = 48_000
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))


def lag_of(values: NDArray[np.float64], reference: NDArray[np.float64], most: int) -> tuple[float, float]:
    """(steps by which ``values`` come late, correlation there), with a parabola through the best step."""
    scores = []
    for shift in range(-most, most + 1):
        a = values[max(0, shift) : len(values) + min(0, shift)]
        b = reference[max(0, -shift) : len(reference) + min(0, -shift)]
        scores.append(float(np.corrcoef(a, b)[0, 1]))
    best = int(np.argmax(scores))
    if 0 < best < len(scores) - 1:
        low, mid, high = scores[best - 1 : best + 2]
        return best - most + 0.5 * (low - high) / (low - 2 * mid + high), mid
    return float(best - most), scores[best]


def check_end(result: Path, audio: Path, begin: float) -> str:
    """Compare 20 s of a result from ``begin`` on with the sound."""
    own, given = (read_audio(path, start=begin, end=begin + STRETCH) for path in (result, audio))
    count = min(len(own.samples), len(given.samples), 8 * 48_000)
    sound_lag, _ = lag_of(own.samples[:count:4, 0].astype(float), given.samples[:count:4, 0].astype(float), 600)
    clip = track_video(result, start=begin, end=begin + STRETCH)
    track = clip.tracks[0]
    points = np.asarray(track.landmarks)
    seen = inner_lip_gap(points) / interocular_distance(points[..., :2])
    heard = gap_of(MouthMotionNetwork()(to_mono_16k(given)).displacement)
    grid = np.arange(track.times[0], track.times[-1], 0.005)
    measured = np.interp(grid, track.times, seen)
    expected = np.interp(grid - begin, np.arange(len(heard)) / GRID_RATE, heard)
    lip_lag, likeness = lag_of(measured, expected, 30)
    return f"sound {sound_lag * 4 / 48:+.2f} ms, lips {lip_lag * 5:+.1f} ms (correlation {likeness:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("face", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 600.0])
    parser.add_argument("--size", help="such as 1920x1080; the clip's own when not given")
    parser.add_argument("--rate", type=Fraction, default=Fraction(25))
    parser.add_argument("--ten-bit", action="store_true")
    parser.add_argument("--variable", action="store_true")
    parser.add_argument("--no-check", action="store_true", help="memory only")
    parser.add_argument("--folder", type=Path, help="keep the files there")
    arguments = parser.parse_args()
    size = None if arguments.size is None else tuple(int(side) for side in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for seconds in arguments.seconds:
            clip, sound, result = folder / "clip.mp4", folder / "sound.wav", folder / f"result-{seconds:g}.mp4"
            write_clip(arguments.face, clip, seconds, arguments.rate, size, arguments.ten_bit, arguments.variable)  # type: ignore[arg-type]  # two sides
            write_sound(arguments.audio, sound, seconds)
            command = [sys.executable, "-m", "talkingface", "dub", str(clip), str(sound), "-o", str(result)]
            begin = time.perf_counter()
            report = folder / "report.json"
            code = subprocess.run([*command, "--overwrite", "--no-cache", "--report", str(report)]).returncode
            wall = time.perf_counter() - begin
            # the process's own figure: getrusage would count what this one holds as well
            peak = json.loads(report.read_text())["peak_memory_mb"]
            print(f"{seconds:g} s: exit {code}, peak {peak:.0f} MiB,")
            print(f"  {wall:.0f} s wall, {wall / seconds:.2f} of real time", flush=True)
            if not arguments.no_check:
                print(f"  start: {check_end(result, sound, 0.0)}")
                print(f"  end:   {check_end(result, sound, seconds - STRETCH - 1)}", flush=True)


if __name__ == "__main__":
    main()
