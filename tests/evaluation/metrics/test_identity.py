from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.metrics.identity import (
    ARCFACE_FILE,
    ARCFACE_SIDE,
    ArcFaceEmbedder,
    Likeness,
    arcface_region,
    cosine,
    open_arcface,
)
from talkingface.evaluation.optional_networks import NotAvailable
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.sampling import BgrSampler

from . import pairs


class MeanColours:
    """Stands for a network: the brightness of the picture's left and right half."""

    def embed(self, sampler: Any, landmarks: np.ndarray) -> np.ndarray:
        luma = sampler.planes[0]
        half = luma.shape[1] // 2
        return np.array([luma[:, :half].mean(), luma[:, half:].mean()], np.float32)


def face(left: float, right: float) -> Any:
    gray = np.full((200, 200), left)
    gray[:, 100:] = right
    return pairs.picture(gray, 100, 80)


def likeness(shown: list[Any], originals: list[Any], **how: Any) -> Likeness:
    meter = Likeness("csim", "a network", MeanColours(), frozenset(range(len(shown))), **how)
    for number, (a, b) in enumerate(zip(shown, originals, strict=True)):
        meter.feed(pairs.pair(number, a, original=b))
    return meter


def test_cosine() -> None:
    assert cosine(np.array([2.0, 0]), np.array([5.0, 0])) == pytest.approx(1)
    assert cosine(np.array([1.0, 0]), np.array([1.0, 1.0])) == pytest.approx(np.sqrt(0.5))
    assert cosine(np.zeros(2), np.ones(2)) == 0


def test_the_mean_over_frames_and_the_control_rows() -> None:
    a, b = face(200, 0), face(0, 200)
    result = likeness([a, a, b, a], [a, a, a, b]).result()
    assert result.scores["csim"].value == pytest.approx(0.5)
    assert result.controls[NEW_SOUND]["csim"].value == 1
    assert result.controls[FROZEN]["csim"].value == pytest.approx(0.75)
    # the original's first half with its second: the same, and another
    assert result.controls[OWN_SOUND]["csim"].value == pytest.approx(0.5)
    assert result.details == {"csim": {"network": "a network", "frames": 4}}


def test_a_picture_as_original_is_not_compared_with_itself() -> None:
    a = face(200, 0)
    result = likeness([a] * 4, [a] * 4, still=True).result()
    assert result.controls[OWN_SOUND]["csim"].reason == "n/a: the original is a picture"
    assert result.scores["csim"].value == pytest.approx(1)


def test_frames_without_a_face_are_left_out() -> None:
    a = face(200, 0)
    nobody = pairs.picture(np.full((200, 200), 90.0))
    result = likeness([a, a, a], [nobody, a, nobody]).result()
    assert result.scores["csim"].reason == "n/a: only 1 frames show the face in both"
    assert result.controls[OWN_SOUND]["csim"].reason == "n/a: too few frames"


def test_arcfaces_square_puts_the_five_points_where_it_was_trained() -> None:
    points = pairs.face_points(300, 250, eyes=90)
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[:, :2] = points[:, :2] @ turn.T
    matrix = arcface_region(points).to_square(ARCFACE_SIDE)
    placed = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    eyes = [placed[list(corners)].mean(0) for corners in (mesh.EYE_LEFT_CORNERS, mesh.EYE_RIGHT_CORNERS)]
    # a face in front of the camera, upright, eyes and mouth within a few pixels of the template
    assert abs(eyes[0][1] - eyes[1][1]) < 1
    np.testing.assert_allclose(eyes, [[38.3, 51.7], [73.5, 51.5]], atol=5)
    np.testing.assert_allclose(placed[mesh.MOUTH_LEFT_CORNER], [41.5, 92.4], atol=5)


def tiny_network(path: Path, side: int = ARCFACE_SIDE) -> Path:
    """An ONNX file: the mean of each channel of the picture it is given."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 3, side, side])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def test_arcface_gets_rgb_from_minus_one_to_one(tmp_path: Path) -> None:
    embedder = ArcFaceEmbedder(tiny_network(tmp_path / "net.onnx"))
    picture = np.zeros((300, 300, 3), np.uint8)
    picture[...] = (0, 127, 255)  # blue, green, red
    embedding = embedder.embed(BgrSampler(picture), pairs.face_points(150, 120))
    np.testing.assert_allclose(embedding, [1, -0.5 / 127.5, -1], atol=1e-3)


def test_a_users_arcface_is_found_and_used(tmp_path: Path) -> None:
    tiny_network(tmp_path / ARCFACE_FILE)
    bright = pairs.picture(cv2.GaussianBlur(pairs.noise(200, 200), (0, 0), 2), 100, 80)
    meter = Likeness("csim_arcface", "ArcFace", open_arcface(tmp_path), frozenset(range(4)))
    for number in range(4):
        meter.feed(pairs.pair(number, bright, original=bright))
    assert meter.result().scores["csim_arcface"].value == pytest.approx(1)


def test_without_the_file_it_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match=r"n/a: put w600k_r50\.onnx .* at .*arcface/w600k_r50\.onnx"):
        open_arcface(tmp_path)
    (tmp_path / "arcface").mkdir()
    (tmp_path / ARCFACE_FILE).write_bytes(b"not a network")
    with pytest.raises(NotAvailable, match="cannot be opened as an ONNX network"):
        open_arcface(tmp_path)
    tiny_network(tmp_path / ARCFACE_FILE, side=96)
    with pytest.raises(NotAvailable, match="not one batch x 3 x 112 x 112 picture"):
        open_arcface(tmp_path)
