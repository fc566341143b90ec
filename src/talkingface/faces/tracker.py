"""Follow every face of a clip from frame to frame.

The mesh network finds a face again where it was one frame ago. Detectors only run on key frames (once a second), after
a cut, and while a face is lost; tiles of the picture only where no face of usual size is seen. A cut ends every track.

A track never changes its person unnoticed: once a second, and whenever faces come together, are found again or the
picture jumps, its appearance is compared with its own. Frames that may show somebody else are taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.detect import SURE, Detection, FaceDetector, brightened, overlap, tiles
from talkingface.faces.following import FollowedFace, box_of, faces_us, width_of
from talkingface.faces.identity import SAME_PERSON, distance
from talkingface.faces.landmarks import FaceMesh, region_of
from talkingface.faces.sampling import OrientedSquare, PictureSampler
from talkingface.faces.track import MIN_PRESENCE, FaceTrack

KEY_FRAME_SECONDS = 1.0
LOST_SECONDS = 2.0
SECOND_LOOK_SECONDS = 0.3  # after the first: only two that agree make an identity
DOUBT_SECONDS = 0.1  # between two looks at a face that seems to be somebody else
DOUBTS = 3  # looks that agree with each other and not with the track end it
MAX_UNSURE_SECONDS = 10.0  # what cannot be decided for so long is believed
MAX_FACES = 5
SMALL_SHARE = 0.1  # of the picture's longer side: faces that tiles are for
LEAST_TILED = 480  # pixels of the longer side; tiles of smaller pictures hold no more than the picture
MOST_TILES = 6  # a key frame, but for a shot's first
COMING_TOGETHER = 0.25  # overlap of two boxes from which on tracks may be mixed up
APART = 0.1
ONE_FACE = 0.55  # overlap of two boxes that only one face can fill for long
ONE_FACE_FRAMES = 3

Look = Callable[[], tuple[NDArray[np.uint8], Callable[[Detection], Detection]]]


class Embedder(Protocol):
    """Describes a face's appearance."""

    def embed(self, sampler: PictureSampler, landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
        """Describe the face with these landmarks (478, >=2)."""


class FaceTracker:
    """Turns a sequence of pictures into face tracks. One instance a clip.

    Attributes:
        cuts: Frames that begin a new shot.
        detections: How often the detectors were asked.
    """

    def __init__(
        self,
        detector: FaceDetector,
        mesh: FaceMesh,
        max_faces: int = MAX_FACES,
        folder: Path | None = None,
        embedder: Embedder | None = None,
        rotation: int = 0,
    ) -> None:
        """Begin a clip.

        Args:
            detector: Finds faces on key frames.
            mesh: Finds them again in the frames between.
            max_faces: Follow at most this many faces at a time, the largest.
            folder: Landmarks lie there, in a file a track, instead of in memory.
            embedder: Tells people apart; without it, tracks have no identity, and only place and shape are compared.
            rotation: Degrees clockwise that a player turns the picture.
        """
        self.detector = detector
        self.mesh = mesh
        self.max_faces = max_faces
        self.folder = folder
        self.embedder = embedder
        self.cuts: list[int] = []
        self.detections = 0
        self._upright = -np.radians(rotation)
        self._open: list[FollowedFace] = []
        self._closed: list[FollowedFace] = []
        self._numbers = 0
        self._last_key_time = -np.inf
        self._look_until = -np.inf
        self._together: dict[tuple[int, int], int] = {}
        self._size = (0, 0)
        self._tilings = 0
        self._last_tiled_cut = -1

    def update(
        self, index: int, time: float, sampler: PictureSampler, look: Look, cut: bool = False, doubtful: bool = False
    ) -> None:
        """Look at the next frame.

        Args:
            index: The frame's index in the clip.
            time: Its time in seconds.
            sampler: The picture, for the mesh network.
            look: Called only when detection is due; gives a small upright BGR picture and a function that carries a
                detection from it to pixels of the coded picture.
            cut: True when a new shot begins with this frame.
            doubtful: True when one might have begun, as ``CutDetector`` says.
        """
        self._size = (sampler.width, sampler.height)
        if cut:
            self.cuts.append(index)
            for face in list(self._open):
                self._end(face)
        for face in self._open:
            if face.lost_frames == 0:
                self._follow(face, index, time, sampler)
            else:
                face.lost_frames += 1
            if doubtful and face.unsure_since is None:
                face.unsure_since, face.checked_time = index, -np.inf
        self._keep_apart(index, time, sampler)
        due = cut or time - self._last_key_time >= KEY_FRAME_SECONDS
        lost = [face.lost_frames for face in self._open if face.lost_frames > 0]
        looking = time < self._look_until and index % 5 == 0
        if due or looking or any(frames <= 3 or frames % 5 == 0 for frames in lost):
            self._detect(index, time, sampler, look, due)
        for face in list(self._open):
            if time - face.last_time > LOST_SECONDS:
                self._end(face)
            elif face.lost_frames == 0:
                self._check(face, index, time, sampler)

    def current(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Number and landmarks (478, 3) of every face seen in the latest frame.

        A frame told here may still be taken back: what counts are the frames of the finished tracks.
        """
        return [(face.number, face.last) for face in self._seen()]

    def followed(self) -> set[int]:
        """Numbers of the tracks that are not at their end: of faces seen or lost a moment ago."""
        return {face.number for face in self._open}

    def presences(self) -> dict[int, float]:
        """Number and presence 0..1 of every face seen in the latest frame."""
        return {face.number: face.last_presence for face in self._seen()}

    def finish(self) -> list[FaceTrack]:
        """All tracks, the most prominent first."""
        for face in self._open:
            face.end()
        tracks = [face.finished(*self._size) for face in self._closed + self._open]
        return sorted((track for track in tracks if track is not None), key=lambda track: -track.prominence)

    def _end(self, face: FollowedFace, unsure: bool = False) -> None:
        face.end(unsure)
        self._open.remove(face)
        self._closed.append(face)

    def _begin(
        self,
        index: int,
        time: float,
        landmarks: NDArray[np.float32],
        presence: float,
        embedding: NDArray[np.float32] | None,
    ) -> None:
        file = None if self.folder is None else self.folder / f"landmarks-{self._numbers}.rows"
        face = FollowedFace(self._numbers, file)
        self._numbers += 1
        face.add(index, time, landmarks, presence)
        if embedding is not None:
            face.recognise(embedding)
        face.checked_time = time
        self._open.append(face)

    def _follow(self, face: FollowedFace, index: int, time: float, sampler: PictureSampler) -> None:
        landmarks, presence = self.mesh.locate(sampler, region_of(face.last))
        centre_before, centre = face.last[:, :2].mean(0), landmarks[:, :2].mean(0)
        extent = float(np.ptp(face.last[:, 0]))
        plausible = np.linalg.norm(centre - centre_before) < 0.5 * extent
        plausible &= 0.6 < float(np.ptp(landmarks[:, 0])) / max(extent, 1e-3) < 1.6
        if presence >= MIN_PRESENCE and plausible:
            face.add(index, time, landmarks, presence)
        else:
            face.lost_frames += 1

    def _keep_apart(self, index: int, time: float, sampler: PictureSampler) -> None:
        """Two tracks never follow one face; tracks that come together are unsure from then on."""
        for one, other in combinations(self._seen(), 2):
            shared = overlap(one.box, other.box)
            pair = (one.number, other.number)
            if shared > COMING_TOGETHER:
                for face in (one, other):
                    face.unsure_since = index if face.unsure_since is None else face.unsure_since
            if shared <= ONE_FACE:
                self._together.pop(pair, None)
                continue
            self._together[pair] = self._together.get(pair, 0) + 1
            if self._together[pair] >= ONE_FACE_FRAMES and one in self._open and other in self._open:
                self._end(self._impostor(one, other, sampler), unsure=True)
                self._look_until = time + LOST_SECONDS

    def _impostor(self, one: FollowedFace, other: FollowedFace, sampler: PictureSampler) -> FollowedFace:
        """Which of two tracks on one face has left its own."""
        if self.embedder is not None and one.identity is not None and other.identity is not None:
            seen = self.embedder.embed(sampler, (one.last + other.last) / 2)
            return one if distance(seen, one.identity) > distance(seen, other.identity) else other
        return one if one.number > other.number else other

    def _check(self, face: FollowedFace, index: int, time: float, sampler: PictureSampler) -> None:
        """Compare a face that is seen with its track's own appearance, when that is due."""
        doubted = face.unsure_since is not None or bool(face.doubts)
        pause = DOUBT_SECONDS if doubted else SECOND_LOOK_SECONDS if face.looks == 1 else KEY_FRAME_SECONDS
        if time - face.checked_time < pause:
            return
        face.checked_time = time
        hidden = any(overlap(face.box, other.box) > APART for other in self._seen() if other is not face)
        if face.waiting_seconds > MAX_UNSURE_SECONDS or (self.embedder is None and not hidden):
            face.confirm()
        if self.embedder is None or hidden or not faces_us(face.last):
            return
        embedding = self.embedder.embed(sampler, face.last)
        if face.identity is None or distance(embedding, face.identity) <= SAME_PERSON:
            face.recognise(embedding)
            return
        if face.looks == 1:
            face.start_again(embedding)
            return
        face.doubts.append(embedding)
        latest = face.doubts[-DOUBTS:]
        if len(latest) == DOUBTS and all(distance(embedding, other) <= SAME_PERSON for other in latest):
            self._end(face, unsure=True)
            self._begin(index, time, face.last, face.last_presence, embedding)

    def _detect(self, index: int, time: float, sampler: PictureSampler, look: Look, due: bool) -> None:
        if due:
            self._last_key_time = time
        self.detections += 1
        picture, to_coded = look()
        self._take(map(to_coded, self.detector.detect(picture)), index, time, sampler)
        if not self._seen():
            self._take(self.detector.find_huge(sampler, self._upright), index, time, sampler)
            light = None if self._seen() else brightened(picture)
            if light is not None:
                self._take(map(to_coded, self.detector.detect(light)), index, time, sampler)
        longer = max(self._size)
        if longer >= LEAST_TILED and not any(face.width >= SMALL_SHARE * longer for face in self._seen()):
            regions = self._tiles() if due else self._around_lost(SMALL_SHARE * longer)
            known = [face.box for face in self._seen()]
            self._take(self.detector.find_small(sampler, regions, known), index, time, sampler)

    def _seen(self) -> list[FollowedFace]:
        return [face for face in self._open if face.lost_frames == 0]

    def _tiles(self) -> list[OrientedSquare]:
        """All tiles at a shot's first key frame; where there are many, every other one on later key frames in turn."""
        regions = tiles(*self._size, self._upright)
        self._tilings = 0 if self._last_tiled_cut != len(self.cuts) else self._tilings + 1
        self._last_tiled_cut = len(self.cuts)
        return regions if len(regions) <= MOST_TILES or self._tilings == 0 else regions[self._tilings % 2 :: 2]

    def _around_lost(self, small: float) -> list[OrientedSquare]:
        return [
            OrientedSquare(
                (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2, 8 * face.width, self._upright
            )
            for face in self._open
            if face.lost_frames > 0 and face.width < small
        ]

    def _take(self, found: Iterable[Detection], index: int, time: float, sampler: PictureSampler) -> None:
        """Follow what was detected, the largest first, unless it is followed already or the mesh sees no face."""
        for detection in sorted(found, key=lambda detection: -width_of(detection.box)):
            following = [face for face in self._open if overlap(face.box, detection.box) > 0.25]
            if any(face.lost_frames == 0 for face in following):
                continue
            if not following and len(self._open) >= self.max_faces:
                continue
            landmarks, presence = self.mesh.locate(sampler, detection.region())
            if presence < MIN_PRESENCE:
                continue
            landmarks, presence = self.mesh.locate(sampler, region_of(landmarks))
            if presence < MIN_PRESENCE:
                continue
            place = box_of(landmarks)
            if detection.score < SURE and not self.detector.confirms(sampler, place, region_of(landmarks).angle):
                continue
            if any(overlap(face.box, place) > ONE_FACE for face in self._seen()):
                continue
            self._found(following, index, time, landmarks, presence, sampler)

    def _found(
        self,
        lost: list[FollowedFace],
        index: int,
        time: float,
        landmarks: NDArray[np.float32],
        presence: float,
        sampler: PictureSampler,
    ) -> None:
        """A face where none was followed: one that was lost about there, when it is the same person, or a new one."""
        embedding = None
        if self.embedder is not None and faces_us(landmarks):
            embedding = self.embedder.embed(sampler, landmarks)
        for face in lost:
            if embedding is not None and face.identity is not None:
                if distance(embedding, face.identity) > SAME_PERSON:
                    continue
                face.confirm()
            face.add(index, time, landmarks, presence)
            if embedding is None and self.embedder is not None:
                face.unsure_since = index if face.unsure_since is None else face.unsure_since
            return
        if len(self._open) < self.max_faces:
            self._begin(index, time, landmarks, presence, embedding)
