"""Write contact sheets of a dub: source above, dubbed below; whole faces, or zoomed mouths.

    python benchmarks/contact_sheet.py SOURCE DUBBED OUT.png [--zoom] [--count 14] [--from SECONDS] [--consecutive]

Frames are paired by time; past the source's end (bounced) the source row shows the nearest frame of the same index.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from talkingface.faces.geometry import interocular_distance
from talkingface.faces.video import track_video
from talkingface.media.planes import picture_bgr
from talkingface.media.reader import VideoReader


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    """Every frame of a short clip, (seconds, BGR)."""
    with VideoReader(path) as reader:
        return [(decoded.time, picture_bgr(decoded.frame, None)) for decoded in reader.frames()]


def cut(picture: np.ndarray, centre: np.ndarray, half: float, size: int) -> np.ndarray:
    """A square cut-out round a point, scaled."""
    matrix = np.array([[size / (2 * half), 0, size / 2], [0, size / (2 * half), size / 2]], float)
    matrix[:, 2] -= matrix[:, :2] @ centre
    shrink = size < 2 * half
    flags = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    return cv2.warpAffine(picture, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("dubbed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--zoom", action="store_true", help="mouths only")
    parser.add_argument("--count", type=int, default=14)
    parser.add_argument("--columns", type=int, default=7)
    parser.add_argument("--from", dest="start", type=float, default=0.0)
    parser.add_argument("--consecutive", action="store_true", help="frame after frame, instead of spread over the clip")
    arguments = parser.parse_args()
    source, dubbed = pictures(arguments.source), pictures(arguments.dubbed)
    track = track_video(arguments.dubbed).tracks[0]
    first = int(np.searchsorted([time for time, _ in dubbed], arguments.start))
    last = first + arguments.count - 1 if arguments.consecutive else len(dubbed) - 2
    tiles = []
    begin = source[0][0]
    for index in np.linspace(first + (0 if arguments.consecutive else 2), last, arguments.count).astype(int):
        row = int(np.abs(track.frames - index).argmin())
        points = track.landmarks[row]
        unit = float(interocular_distance(points[:, :2]))
        lips = points[[13, 14], :2].mean(0)
        centre = np.add(lips, [0, (0.05 if arguments.zoom else -0.55) * unit])
        half = (0.62 if arguments.zoom else 1.7) * unit
        nearest = min(source, key=lambda item: abs(item[0] - begin - dubbed[index][0]))[1]
        pair = np.vstack([cut(nearest, centre, half, 260), cut(dubbed[index][1], centre, half, 260)])
        cv2.putText(pair, f"{index}", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 255), 1)
        tiles.append(pair)
    lines = [np.hstack(tiles[k : k + arguments.columns]) for k in range(0, len(tiles), arguments.columns)]
    width = max(line.shape[1] for line in lines)
    lines = [cv2.copyMakeBorder(line, 0, 4, 0, width - line.shape[1], cv2.BORDER_CONSTANT) for line in lines]
    cv2.imwrite(str(arguments.output), np.vstack(lines))


if __name__ == "__main__":
    main()
