"""Are scores those of the video, or those of its file? The same video in other files, scored side by side.

    python benchmarks/invariance.py GENERATED --face ORIGINAL --audio SOUND [--truth REAL] [--metrics NAMES]

Writes GENERATED at other frame rates (every frame shown as long as before, to the new rate's nearest tick), sizes,
codecs, qualities, containers, on a variable clock and with other sound tracks, scores each, and prints how far each
score lies from that of the file as it is. Scores it twice as well, which must give the same bits. With ``--truth SELF``
the original is the truth.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from talkingface.evaluation.protocol import evaluate
from talkingface.evaluation.result import EvaluationRow
from talkingface.media.audio import read_audio
from talkingface.options import DEFAULT_METRICS

TICKS = 12_000  # a second, of every file written here
OF_A_RUN = ("success_rate", "real_time_factor", "peak_memory")


@dataclass(frozen=True)
class Variant:
    """One other file of the same video.

    Attributes:
        name: In the table.
        suffix: Container.
        codec: FFmpeg's name of the encoder.
        options: Its options.
        rate: Frames a second; None for the video's own times.
        scale: Of width and height.
        jitter: Share of a frame that times are moved by, to and fro.
        sound: ``none``, ``other`` (a tone in the file) or ``own``.
    """

    name: str
    suffix: str = ".mkv"
    codec: str = "libx264"
    options: tuple[tuple[str, str], ...] = (("crf", "0"), ("preset", "veryfast"))
    rate: int | None = None
    scale: float = 1.0
    jitter: float = 0.0
    sound: str = "none"


def quality(crf: int, **more: str) -> tuple[tuple[str, str], ...]:
    return (("crf", str(crf)), *more.items())


VARIANTS = (
    Variant("lossless copy"),
    Variant("50 frames a second", rate=50),
    Variant("60 frames a second", rate=60),
    Variant("30 frames a second", rate=30),
    Variant("variable clock", jitter=0.3),
    Variant("size 0.75", scale=0.75),
    Variant("size 0.5", scale=0.5),
    Variant("size 1.5", scale=1.5),
    Variant("size 2", scale=2.0),
    Variant("H.264 crf 18", suffix=".mp4", options=quality(18)),
    Variant("H.264 crf 28", suffix=".mp4", options=quality(28)),
    Variant("HEVC crf 20", suffix=".mp4", codec="libx265", options=(*quality(20), ("x265-params", "log-level=error"))),
    Variant("VP9 crf 24", suffix=".webm", codec="libvpx-vp9", options=(*quality(24), ("b", "0"), ("cpu-used", "5"))),
    Variant("MPEG-4 q 3", suffix=".mov", codec="mpeg4", options=(("qmin", "3"), ("qmax", "3"))),
    Variant("another sound track", sound="other"),
)


def frame_times(path: Path) -> tuple[list[av.VideoFrame], list[float]]:
    with av.open(str(path)) as reader:
        frames = list(reader.decode(video=0))
    return frames, [float(frame.pts * frame.time_base) for frame in frames]


def write(variant: Variant, frames: Sequence[av.VideoFrame], times: Sequence[float], path: Path) -> None:
    """Write the frames as the variant says."""
    shown = list(range(len(frames)))
    at = list(times)
    if variant.rate is not None:
        step = 1 / variant.rate
        end = times[-1] + float(np.median(np.diff(times)))
        at = [tick * step for tick in range(round(times[0] / step), round(end / step))]
        shown = [max(0, int(np.searchsorted(times, time + step / 4, side="right")) - 1) for time in at]
    if variant.jitter:
        draw = np.random.default_rng(0)
        gap = float(np.median(np.diff(times)))
        at = [time + variant.jitter * gap * float(draw.uniform(-0.5, 0.5)) for time in times]
        at[0] = times[0]
    width, height = (2 * round(size * variant.scale / 2) for size in (frames[0].width, frames[0].height))
    with av.open(str(path), "w") as writer:
        video = writer.add_stream(variant.codec, rate=variant.rate or 25, options=dict(variant.options))
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        if variant.codec != "mpeg4":  # which needs the rate as its clock
            video.codec_context.time_base = Fraction(1, TICKS)
        unit = Fraction(1, variant.rate or 25) if variant.codec == "mpeg4" else Fraction(1, TICKS)
        sound = writer.add_stream("aac", rate=48_000, layout="mono") if variant.sound == "other" else None
        last = -1
        for index, time in zip(shown, at, strict=True):
            tick = round(time / float(unit))
            if tick <= last:  # a codec whose clock is the rate has no room for both
                continue
            last = tick
            frame = frames[index].reformat(width, height, "yuv420p", interpolation="BICUBIC")
            frame.pts, frame.time_base = tick, unit
            frame.pict_type = av.video.frame.PictureType.NONE
            writer.mux(video.encode(frame))
        writer.mux(video.encode(None))
        if sound is not None:
            tone = np.sin(np.arange(int(48_000 * times[-1])) * 0.08).astype(np.float32)[None]
            for start in range(0, tone.shape[1], 1024):
                block = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone[:, start : start + 1024]), "fltp", "mono")
                block.sample_rate, block.pts, block.time_base = 48_000, start, Fraction(1, 48_000)
                writer.mux(sound.encode(block))
            writer.mux(sound.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generated", type=Path)
    parser.add_argument("--face", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--metrics", default=",".join(name for name in DEFAULT_METRICS if name not in OF_A_RUN))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    metrics = tuple(arguments.metrics.split(","))
    read_audio(arguments.audio)  # before any work: it must be there

    def scores(path: Path, name: str) -> dict[str, float | None]:
        row = EvaluationRow(name, path, arguments.face, arguments.audio, arguments.truth)
        result = evaluate([row], metrics, threads=arguments.threads)
        if result.failures:
            print(f"{name}: FAILED: {result.failures[name]}")
            return dict.fromkeys(metrics)
        return {metric: result.rows[name][metric].value for metric in metrics}

    frames, times = frame_times(arguments.generated)
    first, again = (scores(arguments.generated, "as it is") for _ in range(2))
    print(f"scored twice: {'identical' if first == again else 'DIFFERENT'}")
    show = table(metrics)
    show("as it is", first, None)
    with tempfile.TemporaryDirectory() as folder:
        for number, variant in enumerate(VARIANTS):
            path = Path(folder) / f"{number}{variant.suffix}"
            write(variant, frames, times, path)
            show(variant.name, scores(path, variant.name), first)
            path.unlink()


def table(metrics: Sequence[str]) -> Callable[[str, dict[str, float | None], dict[str, float | None] | None], None]:
    widths = [max(9, len(metric)) for metric in metrics]
    print(f"{'':22} " + " ".join(f"{metric:>{width}}" for metric, width in zip(metrics, widths, strict=True)))

    def show(name: str, found: dict[str, float | None], first: dict[str, float | None] | None) -> None:
        cells = []
        for metric, width in zip(metrics, widths, strict=True):
            value, base = found[metric], None if first is None else first[metric]
            if value is None or (first is not None and base is None):
                cells.append(f"{'-':>{width}}")
            elif base is None:
                cells.append(f"{value:>{width}.4f}")
            else:
                cells.append(f"{value - base:>+{width}.4f}")
        print(f"{name:22} " + " ".join(cells), flush=True)

    return show


if __name__ == "__main__":
    main()
