"""Which of a clip's faces is meant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks, shown_to_coded
from talkingface.media.probe import VideoStreamInfo
from talkingface.options import FaceChoice

NEAR_SECONDS = 0.5


def select_track(clip: ClipTracks, choice: FaceChoice) -> tuple[FaceTrack, str]:
    """Pick the track a user's choice means.

    Args:
        clip: What was found.
        choice: ``auto`` (the most present face), ``index`` (its rank), or ``point`` (what is seen there then).

    Returns:
        The track, and why in a few words.

    Raises:
        NoFaceError: when there is no face, or none where one was asked for.
    """
    tracks = clip.tracks
    if not tracks:
        raise NoFaceError(
            f"{clip.info.path}: no face was found in its {clip.frames} frame(s); show it larger, better lit "
            "or more from the front"
        )
    if choice.kind == "index":
        assert choice.index is not None
        if choice.index >= len(tracks):
            raise NoFaceError(
                f"{clip.info.path}: --face index:{choice.index} asks for face number {choice.index + 1}, but only "
                f"{len(tracks)} {'was' if len(tracks) == 1 else 'were'} found; index:0 is the most present"
            )
        return tracks[choice.index], f"index:{choice.index} of {len(tracks)} face(s), by presence"
    if choice.kind == "point":
        return _at_point(clip, choice), f"{choice}: the face seen there"
    return tracks[0], f"auto: the most present of {len(tracks)} face(s)"


def point_on(clip: ClipTracks, track: FaceTrack) -> FaceChoice:
    """Return the ``point`` that chooses a track: its middle, in the middle of the time it is seen."""
    stream = clip.info.video[0]
    row = len(track) // 2
    box = track.boxes[row].reshape(2, 2)
    # turning the shown picture back is turning a picture of its size the other way
    width, height = (stream.height, stream.width) if stream.rotation % 180 else (stream.width, stream.height)
    middle = box.mean(0, keepdims=True)
    x, y = shown_to_coded(middle, -stream.rotation, width, height)[0] * _stretch(stream)
    return FaceChoice("point", time=round(float(track.times[row]), 2), x=round(float(x)), y=round(float(y)))


def _stretch(stream: VideoStreamInfo) -> NDArray[np.float64]:
    """(2,) how much wider and higher a player shows the turned picture than its pixels are."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return np.array([1.0, aspect] if stream.rotation % 180 else [aspect, 1.0])


def _at_point(clip: ClipTracks, choice: FaceChoice) -> FaceTrack:
    assert choice.time is not None and choice.x is not None and choice.y is not None
    stream = clip.info.video[0]
    shown = np.array([[choice.x, choice.y]]) / _stretch(stream)
    x, y = shown_to_coded(shown, stream.rotation, stream.width, stream.height)[0]
    best: tuple[float, FaceTrack] | None = None
    for track in clip.tracks:
        row = int(np.abs(track.times - choice.time).argmin())
        if abs(float(track.times[row]) - choice.time) > NEAR_SECONDS:
            continue
        low, high = track.boxes[row, :2], track.boxes[row, 2:]
        margin = 0.25 * float((high - low).max())
        outside = max(low[0] - x, x - high[0], low[1] - y, y - high[1])
        if outside <= margin and (best is None or outside < best[0]):
            best = (float(outside), track)
    if best is None:
        raise NoFaceError(
            f"{clip.info.path}: no face at {choice.x:g},{choice.y:g} near {choice.time:g} s; "
            "`talkingface probe` lists the faces found and where they are"
        )
    return best[1]
