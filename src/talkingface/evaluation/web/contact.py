"""Single moments of a clip: source, generated and what differs, zoomed to the face."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import TalkingFaceError
from talkingface.evaluation.web.markup import Markup, element
from talkingface.evaluation.web.matched import Footage, Pair
from talkingface.media.reader import VideoReader

SIDE = 224  # pixels of a picture on the page
MOMENTS = 6
DIFFERENCE_GAIN = 4
_AROUND_FACE = 1.3  # side of what is shown, in longer sides of the face's box
_QUALITY = 82
_SAME_SHAPE = 0.02  # sides' ratios may differ so much and the pictures still lie over each other

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Moment:
    """What one moment shows; each picture a JPEG or None.

    Attributes:
        index: Number of the generated frame.
        seconds: Its time.
        source: Of the frame it was made from.
        generated: Of the frame itself.
        difference: Of what differs.
        canonical: What a backend's own canonical frame shows.
    """

    index: int
    seconds: float
    source: bytes | None
    generated: bytes
    difference: bytes | None
    canonical: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of all its pictures."""
        return sum(len(picture or b"") for picture in (self.source, self.generated, self.difference, self.canonical))


def choose_moments(times: NDArray[np.float64], usable: NDArray[np.bool_], count: int = MOMENTS) -> list[int]:
    """Choose moments that are spread evenly over a clip.

    Args:
        times: (N,) seconds of its frames.
        usable: (N,) which of them may be chosen; when none may, all may.
        count: How many are wanted.

    Returns:
        Frame numbers, rising, each once.
    """
    if not len(times):
        return []
    frames = np.flatnonzero(usable) if usable.any() else np.arange(len(times))
    wanted = times[0] + (times[-1] - times[0]) * (np.arange(count) + 0.5) / count
    nearest = np.abs(times[frames][None] - wanted[:, None]).argmin(1)
    return [int(frame) for frame in np.unique(frames[nearest])]


def face_crop(footage: Footage, box: Box | None) -> Box:
    """The part of the upright picture that is shown.

    Args:
        footage: The video.
        box: x0, y0, x1, y1 of the face in its coded picture; None to show the middle of the picture.

    Returns:
        x0, y0, x1, y1 as shares of the upright picture's sides: a square of pixels that lies inside it.
    """
    width, height = footage.shown_size
    if box is None:
        centre, side = (width / 2, height / 2), min(width, height)
    else:
        x0, y0, x1, y1 = footage.shown_box(box)
        centre = ((x0 + x1) / 2 * width, (y0 + y1) / 2 * height)
        side = _AROUND_FACE * max((x1 - x0) * width, (y1 - y0) * height)
        side = min(max(side, 16.0), width, height)
    left = min(max(centre[0] - side / 2, 0.0), width - side)
    top = min(max(centre[1] - side / 2, 0.0), height - side)
    return left / width, top / height, (left + side) / width, (top + side) / height


def moment_of(pair: Pair, generated: Footage, source: Footage | None, box: Box | None) -> Moment:
    """Make the pictures of a moment; ``box`` is the face's in the generated video's coded picture."""
    part = face_crop(generated, box)
    shown = _cut(generated.picture(pair.generated), part)
    before = difference = None
    if source is not None and pair.source is not None:
        ratios = [footage.shown_size[0] / footage.shown_size[1] for footage in (generated, source)]
        if abs(ratios[0] / ratios[1] - 1) <= _SAME_SHAPE:
            before = _cut(source.picture(pair.source), part)
            difference = jpeg(difference_picture(shown, before))
        else:  # of another shape: where the face is in it is not known
            before = _cut(source.picture(pair.source), face_crop(source, None))
    return Moment(pair.index, pair.seconds, None if before is None else jpeg(before), jpeg(shown), difference)


def difference_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean absolute difference over the channels, 4 times as large, gray: black where equal. Both (H, W, 3)."""
    apart = np.abs(one.astype(np.int16) - other).mean(2) * DIFFERENCE_GAIN
    return np.asarray(np.clip(np.rint(apart), 0, 255), np.uint8)


def _cut(picture: NDArray[np.uint8], part: Box) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    x0, x1 = round(part[0] * width), round(part[2] * width)
    y0, y1 = round(part[1] * height), round(part[3] * height)
    cut = picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    how = cv2.INTER_AREA if cut.shape[0] > SIDE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=how), np.uint8)


def jpeg(picture: NDArray[np.uint8], quality: int = _QUALITY) -> bytes:
    """Return a picture, BGR (H, W, 3) or gray (H, W) uint8, as JPEG."""
    done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"no JPEG can be made of a picture of shape {picture.shape}")
    return coded.tobytes()


def data_uri(content: bytes, kind: str) -> str:
    """Return a file's content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def canonical_picture(folder: Path, index: int) -> bytes | None:
    """The canonical frame a backend left for a generated frame: ``<number>.png`` or ``.jpg`` in a folder.

    Args:
        folder: Holds pictures named by the generated frame's number, with any number of leading zeros.
        index: That number.

    Returns:
        A JPEG that fits a square on white; None when there is no such file or it cannot be read.
    """
    if not folder.is_dir():
        return None
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg") and path.stem.isdecimal() and int(path.stem) == index:
            try:
                with VideoReader(path, threads=1) as reader:
                    decoded = next(reader.frames())
                    picture = Footage(path, reader.stream, True, np.zeros(1)).picture(decoded.frame)
            except TalkingFaceError:
                return None
            scale = SIDE / max(picture.shape[:2])
            size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
            fitted = np.full((SIDE, SIDE, 3), 255, np.uint8)
            x, y = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
            fitted[y : y + size[1], x : x + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            return jpeg(fitted)
    return None


def contact_sheet(moments: Sequence[Moment], clip: str) -> Markup:
    """The moments as figures."""
    kinds: Mapping[str, str] = {
        "source": "source",
        "generated": "generated",
        "difference": "difference",
        "canonical": "canonical",
    }
    shown = [kind for kind in kinds if any(getattr(moment, kind) is not None for moment in moments)]
    figures = [element("figure", _caption(moment), _strip(moment, shown, clip), class_="moment") for moment in moments]
    words = f"{len(moments)} moments spread evenly over the clip, zoomed to the face."
    if "difference" in shown:
        words += f" Difference: mean of the channels’ absolute differences, {DIFFERENCE_GAIN} times; black is equal."
    return element(
        "section",
        element("h4", "Moments"),
        element("p", words, class_="said"),
        element("div", figures, class_=f"moments of-{len(shown)}"),
        class_="sheet",
    )


def _strip(moment: Moment, kinds: Sequence[str], clip: str) -> Markup:
    cells: list[Markup] = []
    for kind in kinds:
        picture: Any = getattr(moment, kind)
        if picture is None:
            inside = element("span", "none", class_="nothing")
        else:
            words = f"{clip}, {kind} at {moment.seconds:.2f} s"
            inside = element("img", src=data_uri(picture, "image/jpeg"), alt=words, width=SIDE, height=SIDE)
        cells.append(element("div", inside, element("span", kind, class_="kind")))
    return element("div", cells, class_="strip")


def _caption(moment: Moment) -> Markup:
    return element("figcaption", f"{moment.seconds:.2f} s, frame {moment.index}")
