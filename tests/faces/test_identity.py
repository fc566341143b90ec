"""Who is who: the network against dlib's, the alignment, one person and several, the face of a reference picture."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from talkingface.errors import MediaError, NoFaceError, WeightsMissingError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.detect import FaceDetector
from talkingface.faces.identity import (
    CHIP_POINTS,
    CHIP_SIDE,
    SAME_PERSON,
    FaceEmbedder,
    PictureFace,
    chip_region,
    distance,
    embed_picture,
)
from talkingface.faces.landmarks import FaceMesh
from talkingface.faces.sampling import BgrSampler, OrientedSquare
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel
from talkingface.weights import embedded
from talkingface.weights.embedded import asset_path

CLIPS = Path(__file__).parents[2].parent / "shared/data/clips/test"
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="the real test clips are not beside this checkout")


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    picture = cv2.imread(str(asset_path("sample/portrait.png")))
    assert picture is not None
    return picture


@pytest.fixture(scope="module")
def known(embedder: FaceEmbedder) -> PictureFace:
    return embed_picture(asset_path("sample/portrait.png"), embedder)


def saved(picture: np.ndarray, folder: Path, name: str = "picture.png") -> Path:
    path = folder / name
    assert cv2.imwrite(str(path), picture)
    return path


def turned(picture: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    return cv2.warpAffine(picture, matrix, (width, height))


def test_the_network_says_what_dlibs_says(embedder: FaceEmbedder) -> None:
    y, x = np.mgrid[:CHIP_SIDE, :CHIP_SIDE]
    pattern = np.stack([128 + 100 * np.sin(x / 9), 128 + 100 * np.cos(y / 13), (x + y) * 0.8], -1)
    pattern = pattern.round().clip(0, 255).astype(np.uint8)

    class Whole:
        width = height = CHIP_SIDE

        def crop_rgb(self, region: OrientedSquare, side: int) -> np.ndarray:
            return pattern

    embedding = embedder.embed(Whole(), MouthShapeModel.load().reference)
    assert embedding.shape == (128,)
    assert embedding.dtype == np.float32
    # from dlib 20.0.1's compute_face_descriptor of this picture; 8-bit weights move each number by about 0.002
    of_dlib = [-0.0537, 0.1226, 0.0277, -0.0527, -0.0685, -0.032, -0.0708, -0.0163, 0.1243, -0.0423, 0.2401, 0.0096]
    np.testing.assert_allclose(embedding[:12], of_dlib, atol=0.008)
    assert np.linalg.norm(embedding) == pytest.approx(1.3405, abs=0.02)


@pytest.mark.parametrize("degrees", [-170, -90, -20, 0, 35, 120])
def test_the_alignment_finds_the_square_its_points_came_from(degrees: float) -> None:
    wanted = OrientedSquare(310.0, 205.0, 96.0, np.radians(degrees))
    landmarks = np.full((mesh.MESH_POINTS, 3), -1e4, np.float32)
    inverse = cv2.invertAffineTransform(wanted.to_square(CHIP_SIDE))
    places = (np.array(list(CHIP_POINTS.values())) + 0.25) / 1.5 * CHIP_SIDE
    landmarks[list(CHIP_POINTS), :2] = places @ inverse[:, :2].T + inverse[:, 2]
    found = chip_region(landmarks)
    assert [found.centre_x, found.centre_y, found.size] == pytest.approx([310, 205, 96], abs=1e-2)
    assert np.degrees(found.angle) == pytest.approx(degrees, abs=1e-2)


def test_points_in_one_place_still_give_a_square() -> None:
    assert chip_region(np.full((mesh.MESH_POINTS, 3), 7.0)).size == 1


def test_distance_is_euclidean() -> None:
    assert distance(np.zeros(128, np.float32), np.full(128, 0.5, np.float32)) == pytest.approx(np.sqrt(32))


@pytest.mark.parametrize(
    ("alter", "most"),
    [
        (lambda picture: cv2.resize(picture, None, fx=2.5, fy=2.5), 0.2),
        (lambda picture: cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 0.3),
        (lambda picture: turned(picture, 25, 0.9), 0.2),
        (lambda picture: np.ascontiguousarray(picture[:, ::-1]), 0.35),
        (lambda picture: cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 0.35),
        (lambda picture: (picture * 0.4).astype(np.uint8), 0.35),
        (lambda picture: picture.astype(np.uint16) * 257, 0.1),
    ],
    ids=["enlarged", "46 pixels wide", "turned", "mirrored", "gray", "dark", "16 bit"],
)
def test_an_altered_picture_is_the_same_person(
    alter: Callable[[np.ndarray], np.ndarray],
    most: float,
    portrait: np.ndarray,
    known: PictureFace,
    embedder: FaceEmbedder,
    tmp_path: Path,
) -> None:
    face = embed_picture(saved(alter(portrait), tmp_path), embedder)
    assert face.faces == 1
    assert distance(face.embedding, known.embedding) < most < SAME_PERSON


def test_of_several_faces_the_largest_counts(
    portrait: np.ndarray, known: PictureFace, embedder: FaceEmbedder, tmp_path: Path
) -> None:
    small = cv2.resize(portrait[:, 100:370], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    both = np.zeros((portrait.shape[0], portrait.shape[1] + small.shape[1], 3), np.uint8)
    both[: small.shape[0], : small.shape[1]] = small[:, ::-1]
    both[:, small.shape[1] :] = portrait
    face = embed_picture(saved(both, tmp_path), embedder)
    assert face.faces == 2
    assert face.width == pytest.approx(known.width, rel=0.05)
    assert distance(face.embedding, known.embedding) < 0.15


def test_a_video_gives_its_first_face(
    portrait: np.ndarray, known: PictureFace, embedder: FaceEmbedder, tmp_path: Path
) -> None:
    path = tmp_path / "late face.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = portrait.shape[1], portrait.shape[0], "yuv444p"
        for number in range(7):
            shown = portrait if number >= 5 else np.full_like(portrait, 90)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, "bgr24")))
        container.mux(stream.encode())
    face = embed_picture(path, embedder)
    assert face.time == pytest.approx(0.2)
    assert distance(face.embedding, known.embedding) < 0.1


def test_no_face_is_said(embedder: FaceEmbedder, tmp_path: Path) -> None:
    path = saved(np.full((90, 120, 3), 90, np.uint8), tmp_path, "wall.png")
    with pytest.raises(NoFaceError, match=r"wall\.png: no face found in the picture"):
        embed_picture(path, embedder)


def test_a_file_that_is_no_picture_is_said(embedder: FaceEmbedder, tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("not a picture")
    with pytest.raises(MediaError, match=r"text\.png"):
        embed_picture(path, embedder)
    with pytest.raises(MediaError, match="no such file"):
        embed_picture(tmp_path / "missing.jpg", embedder)


def test_an_installation_without_the_network_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded.resources, "files", lambda package: tmp_path)
    with pytest.raises(WeightsMissingError, match=r"face_identity\.onnx"):
        FaceEmbedder()


@needs_clips
def test_people_of_real_clips_are_told_apart(embedder: FaceEmbedder) -> None:
    """Means over three frames: two takes of one person lie close, whatever the expression; two people do not."""
    detector, face_mesh = FaceDetector(), FaceMesh()
    clips = {
        "a": ("mead_M003_level_1_happy_024", "mead_M003_level_1_disgusted_015"),
        "b": ("mead_M026_level_3_disgusted_018",),
        "c": ("grid_s26_bgbsza", "grid_s26_lrbi7p"),
        "d": ("quiz_jen_already", "quiz_jen_grocery"),
        "e": ("vrt_face5",),
    }
    means: list[tuple[str, np.ndarray]] = []
    for person, names in clips.items():
        for name in names:
            seen = []
            with av.open(str(CLIPS / f"{name}.mp4")) as container:
                for frame in islice(container.decode(video=0), 0, 21, 10):
                    picture = frame.to_ndarray(format="bgr24").astype(np.uint8)
                    sampler = BgrSampler(picture)
                    landmarks, _ = face_mesh.locate(sampler, detector.detect(picture)[0].region())
                    seen.append(embedder.embed(sampler, landmarks))
            means.append((person, np.mean(seen, 0)))
    for (one, first), (other, second) in combinations(means, 2):
        assert (distance(first, second) < SAME_PERSON) == (one == other)
