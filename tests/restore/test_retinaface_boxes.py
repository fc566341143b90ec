from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.retinaface_boxes import anchors, decoded, decoded_points, faces_of  # noqa: E402

from ..goldens import golden_functions, needs_goldens  # noqa: E402


def test_anchors_lie_in_the_middle_of_their_places_and_are_made_once_a_size() -> None:
    at = anchors(64, 96)
    assert at.shape == (2 * (8 * 12 + 4 * 6 + 2 * 3), 4)
    torch.testing.assert_close(
        at[:3] * torch.tensor([96.0, 64, 96, 64]), torch.tensor([[4.0, 4, 16, 16], [4, 4, 32, 32], [12, 4, 16, 16]])
    )
    assert anchors(64, 96) is at
    assert len(anchors(65, 97)) == 2 * (9 * 13 + 5 * 7 + 3 * 4)  # what is left over has places too


def test_offsets_are_parts_of_an_anchor() -> None:
    at = torch.tensor([[0.5, 0.5, 0.2, 0.4]])
    torch.testing.assert_close(decoded(torch.zeros(1, 4), at), torch.tensor([[0.4, 0.3, 0.6, 0.7]]))
    wide = decoded(torch.tensor([[1.0, 0.0, float(np.log(2)) / 0.2, 0.0]]), at)
    torch.testing.assert_close(wide, torch.tensor([[0.32, 0.3, 0.72, 0.7]]))
    points = decoded_points(torch.tensor([[1.0, 2.0, *[0.0] * 8]]), at)
    torch.testing.assert_close(points[0, :2], torch.tensor([[0.52, 0.58], [0.5, 0.5]]))


def test_every_picture_has_its_own_faces() -> None:
    count = len(anchors(64, 64))
    classes = torch.zeros(3, count, 2)
    classes[0, 0, 1], classes[2, 30, 1] = 0.95, 0.99
    first, nobody, last = faces_of(torch.zeros(3, count, 4), classes, torch.zeros(3, count, 10), (64, 64))
    assert (len(first), len(nobody), len(last)) == (1, 0, 1)
    np.testing.assert_allclose(first.boxes, [[-4, -4, 12, 12]], atol=1e-5)
    assert first.points is not None and nobody.points is not None
    np.testing.assert_allclose(first.points, np.full((1, 5, 2), 4), atol=1e-5)
    assert nobody.points.shape == (0, 5, 2)
    assert len(faces_of(torch.zeros(3, count, 4), classes, torch.zeros(3, count, 10), (64, 64), score=0.97)[0]) == 0


@needs_goldens
def test_everything_is_as_released() -> None:
    about, arrays = golden_functions("retina")
    height, width = (int(side) for side in arrays["image_size"])
    loc, conf, landms = (torch.from_numpy(arrays[name]) for name in ("loc", "conf", "landms"))
    at = anchors(height, width)
    np.testing.assert_array_equal(at[::7].numpy(), arrays["priors"])
    pixels = np.array([width, height])
    boxes = decoded(loc, at)[::7].numpy() * np.tile(pixels, 2)
    np.testing.assert_allclose(boxes, arrays["decoded"], atol=about["tolerance"])
    points = decoded_points(landms, at)[::7].numpy() * pixels
    np.testing.assert_allclose(points.reshape(-1, 10), arrays["decoded_points"], atol=about["tolerance"])
    (faces,) = faces_of(loc[None], conf[None], landms[None], (height, width))
    np.testing.assert_allclose(np.c_[faces.boxes, faces.scores], arrays["boxes"], atol=about["tolerance"])
    assert faces.points is not None
    in_released_order = faces.points.transpose(0, 2, 1).reshape(-1, 10)
    np.testing.assert_allclose(in_released_order, arrays["points"], atol=about["tolerance"])
