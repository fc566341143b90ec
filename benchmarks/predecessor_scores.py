"""What the predecessor's SSIM says of videos whose quality is known beforehand, and what ours says of them.

    python benchmarks/predecessor_scores.py FILE... [--frames 109]

The predecessor resized every frame whole to 224 x 224, took it gray, paired it by its index with the source's and
averaged the SSIM of 7 x 7 uniform windows over frames; a video that was made from the source, left as it is or shown
with a delay scored close to the best. Each file is scored as its own source and truth: as it is, one, five and 25
frames late, and with its first frame held. The sound stays where it is. ``sync_confidence`` allows for a constant
delay and tells it apart, as ``sync_offset``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.protocol import evaluate
from talkingface.evaluation.result import EvaluationRow, Score
from talkingface.media.reader import VideoReader

SIDE = 224
WINDOW = 7
PICTURES = ("mouth_ssim", "face_ssim", "mouth_psnr", "aperture_correlation")
SYNC = ("sync_confidence", "sync_offset")
METRICS = PICTURES + SYNC


@dataclass(frozen=True)
class Variant:
    """One thing a video can be made of its source.

    Attributes:
        name: In the table.
        late: Frames; None holds the first frame.
    """

    name: str
    late: int | None

    def source_of(self, index: int) -> int:
        return 0 if self.late is None else max(0, index - self.late)


VARIANTS = (
    Variant("as it is", 0),
    Variant("1 frame late", 1),
    Variant("5 frames late", 5),
    Variant("25 frames late", 25),
    Variant("first frame held", None),
)


def whole_frames(path: Path, most: int | None) -> list[NDArray[np.uint8]]:
    """Gray frames (224, 224) as the predecessor saw them."""
    capture = cv2.VideoCapture(str(path))
    frames: list[NDArray[np.uint8]] = []
    while most is None or len(frames) < most:
        found, picture = capture.read()
        if not found:
            break
        small = cv2.resize(picture, (SIDE, SIDE))
        frames.append(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8))
    capture.release()
    return frames


def uniform_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """SSIM of 7 x 7 uniform windows with unbiased variances, range 255: scikit-image's defaults."""

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        half = WINDOW // 2
        return np.asarray(cv2.blur(values, (WINDOW, WINDOW)), np.float64)[half:-half, half:-half]

    x, y = a.astype(np.float64), b.astype(np.float64)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    mx, my = mean(x), mean(y)
    vx, vy = unbiased * (mean(x * x) - mx * mx), unbiased * (mean(y * y) - my * my)
    cov = unbiased * (mean(x * y) - mx * my)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def predecessor_ssim(frames: Sequence[NDArray[np.uint8]], variant: Variant) -> float:
    """A delayed video lacks its first frames, as the predecessor's pairing to the shorter one had it."""
    pairs = [(frames[variant.source_of(i)], frame) for i, frame in enumerate(frames) if i >= (variant.late or 0)]
    return float(np.mean([uniform_ssim(made, source) for made, source in pairs]))


def write(path: Path, target: Path, variant: Variant, most: int | None) -> None:
    """Write the variant without loss, frame times as in the file."""
    tick = Fraction(1, 90_000)
    with VideoReader(path) as reader, av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "0", "preset": "veryfast"})
        stream.codec_context.time_base = tick
        waiting: list[av.VideoFrame] = []
        for decoded in reader.frames():
            if decoded.index == most:
                break
            waiting.append(decoded.frame)
            if decoded.index == 0:
                stream.width, stream.height = decoded.frame.width, decoded.frame.height
                stream.pix_fmt = decoded.frame.format.name.replace("yuvj", "yuv")
            late = decoded.index - variant.source_of(decoded.index)
            source = waiting[0] if variant.late is None else waiting[-1 - late]
            waiting = waiting[:1] if variant.late is None else waiting[-1 - variant.late :]
            frame = source.reformat(format=stream.pix_fmt)
            frame = av.VideoFrame.from_ndarray(frame.to_ndarray(), stream.pix_fmt)
            frame.pts, frame.time_base = round(decoded.time / tick), tick
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--frames", type=int, help="look at so many frames of each file only")
    asked = parser.parse_args()
    for path in asked.files:
        frames = whole_frames(path, asked.frames)
        with tempfile.TemporaryDirectory() as folder:
            rows = []
            for number, variant in enumerate(VARIANTS):
                made = Path(folder, f"{number}.mkv")
                write(path, made, variant, asked.frames)
                truth = Path(folder, "0.mkv")
                rows.append(EvaluationRow(variant.name, made, truth, path, truth))
            # a file without speech fails in sync, and has pictures none the less
            pictures, sync = evaluate(rows, PICTURES), evaluate(rows, SYNC)
        print(f"\n{path.stem}, {len(frames)} frames\n")
        print("| | predecessor's SSIM | " + " | ".join(METRICS) + " |")
        print("| --- " * (len(METRICS) + 2) + "|")
        for variant in VARIANTS:
            scores = {**pictures.rows[variant.name], **sync.rows[variant.name]}
            cells = [text(scores[name]) for name in METRICS]
            print(f"| {variant.name} | {predecessor_ssim(frames, variant):.4f} | " + " | ".join(cells) + " |")


def text(score: Score) -> str:
    if score.value is None:
        return "no speech" if score.reason and "too short to judge sync" in score.reason else score.reason or "n/a"
    return f"{score.value:.3f}"


if __name__ == "__main__":
    main()
