"""What encoding alone does to sharpness and flicker: every clip is encoded again unchanged, and measured like a dub.

    python benchmarks/encoder_share.py --figures rendered.json CLIP... [--crf 12]

``rendered.json`` is what ``self_driven.py --level rendered --json`` wrote. Prints a row a clip whose dub lies outside
0.95 to 1.05 in sharpness or above 1.05 in flicker: dub, plain encode, and dub over plain encode; then shares of all.
x264's psychovisual decisions add fine detail to soft sources, so a plain encode need not measure 1.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import av
import numpy as np

from talkingface.evaluation.metrics.picture import flicker_ratio, match_frames, sharpness_ratio
from talkingface.evaluation.observation import Observation, generic_face, observe
from talkingface.progress import Cancellation, SilentProgress

SHARPNESS, FLICKER = (0.95, 1.05), 1.05


def encode(source: Path, target: Path, crf: int) -> None:
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        video = reader.streams.video[0]
        stream = writer.add_stream("libx264", rate=video.average_rate, options={"crf": str(crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = video.time_base
        for frame in reader.decode(video):
            frame.pict_type = 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))


def seen(path: Path) -> Observation:
    return observe(path, generic_face(), threads=0, progress=SilentProgress(), cancel=Cancellation())


def ratios(made: Observation, source: Observation) -> tuple[float | None, float | None]:
    """Sharpness and flicker of the mouth box over the source's, frame by frame in time."""
    match = match_frames(made.face.times, source.face.times, False)
    known = match >= 0
    pairs = ((made.sharpness, source.sharpness, sharpness_ratio), (made.change, source.change, flicker_ratio))
    found = [ratio(ours[known], theirs[match[known]]).value for ours, theirs, ratio in pairs]
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--crf", type=int, default=12)
    chosen = parser.parse_args()
    dubs = {row["name"]: (row["sharpness"], row["flicker"]) for row in json.loads(chosen.figures.read_text())}
    print("| clip | sharpness: dub, encode, over it | flicker: dub, encode, over it |\n| --- | --- | --- |")
    sharp, steady = [], []
    for clip in chosen.clips:
        if clip.stem not in dubs or None in dubs[clip.stem]:
            continue
        (sharpness, flicker) = dubs[clip.stem]
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "plain.mp4"
            encode(clip, target, chosen.crf)
            plain = ratios(seen(target), seen(clip))
        if plain[0] is None or plain[1] is None:
            continue
        sharp.append((sharpness, sharpness / plain[0]))
        steady.append((flicker, flicker / plain[1]))
        if not SHARPNESS[0] <= sharpness <= SHARPNESS[1] or flicker > FLICKER:
            a, b = sharp[-1][1], steady[-1][1]
            row = f"{sharpness:.2f}, {plain[0]:.2f}, {a:.2f} | {flicker:.2f}, {plain[1]:.2f}, {b:.2f}"
            print(f"| {clip.stem} | {row} |", flush=True)
    for name, column in (("as measured", 0), ("over a plain encode", 1)):
        s, f = np.array(sharp)[:, column], np.array(steady)[:, column]
        inside = np.mean((s >= SHARPNESS[0]) & (s <= SHARPNESS[1]))
        print(
            f"{name}: sharpness {s.min():.2f} to {s.max():.2f}, median {np.median(s):.2f}, {100 * inside:.0f} % within;"
            f" flicker {f.min():.2f} to {f.max():.2f}, median {np.median(f):.2f}, {100 * np.mean(f <= FLICKER):.0f} %"
            f" within, of {len(s)} clips"
        )


if __name__ == "__main__":
    main()
