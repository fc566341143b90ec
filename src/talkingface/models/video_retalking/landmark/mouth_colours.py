"""What a person's picture says about the colours of a mouth that it does not show."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.media.planes import PlaneLayout, yuv_to_bgr_matrix
from talkingface.models.video_retalking.landmark.canonicalize import MOUTH, CanonicalFace
from talkingface.models.video_retalking.landmark.donors import Donor, Donors, kept_rows

LOOKS = 5  # crops looked at
LUMA = np.array([0.114, 0.587, 0.299])  # of B, G, R
SKIN = (205, 425, 203, 423, 36, 266, 50, 280)  # cheeks beside the nose, above most beards
LIPS = mesh.LIPS_MIDDLE_OUTER
PATCH = 0.04  # inter-ocular distances
OPEN = 0.06  # inner-lip gap, inter-ocular distances, from which teeth are looked for
# the white of teeth under the light that falls on the skin, fitted on 1402 clips of 27 people who speak
USUAL_WHITE = 160.0
WHITE_OF_SKIN = 1.22
TRUST_SKIN = 0.7
# measured on sharp pictures blurred on purpose
DETAIL_RATIOS, BLURS = (0.55, 0.57, 0.61, 0.72, 0.88, 1.0), (2.2, 1.6, 1.2, 0.8, 0.5, 0.3)
FAINT = 0.3  # codes
FULL_DETAIL = 0.5  # pixels of blur below which every pixel counts
BLUE, RED = (0.145, 0.809), (0.027, 0.651)


@dataclass(frozen=True)
class MouthColours:
    """What a picture's mouth looks like; colours as B, G, R of 0..255 in the picture's own coding.

    Attributes:
        white: (3,) of the brightest teeth.
        lips: (3,) of the lips.
        blur: Deviation in pixels of the Gaussian that makes a sharp drawing as soft as the picture.
        detail: Places an inter-ocular distance that the picture tells apart.
    """

    white: NDArray[np.float64]
    lips: NDArray[np.float64]
    blur: float = 0.0
    detail: float = 0.0


def white_of_teeth(skin: NDArray[np.floating]) -> NDArray[np.float64]:
    """The white (3,) of teeth by the colour (3,) of the skin beside the nose, B, G, R of 0..255.

    Cameras are exposed for faces: whatever the skin, teeth come out alike, and more so than skin does.
    """
    luma = max(float(skin @ LUMA), 4.0)
    white = USUAL_WHITE ** (1 - TRUST_SKIN) * (WHITE_OF_SKIN * luma) ** TRUST_SKIN
    blue = np.exp(BLUE[0] + BLUE[1] * np.log(max(skin[0], 2.0) / luma))
    red = np.exp(RED[0] + RED[1] * np.log(max(skin[2], 2.0) / luma))
    green = (1 - LUMA[0] * blue - LUMA[2] * red) / LUMA[1]
    return np.asarray(white * np.array([blue, max(green, 0.2), red]))


def colours_of(face: CanonicalFace, kept: Donors, layout: PlaneLayout) -> MouthColours:
    """Look at some of a person's mouths: those that are open most, as only they can show teeth."""
    rows = kept_rows(face.track.frames, kept)
    chosen = rows[np.argsort(-face.gap[rows], kind="stable")[:LOOKS]]
    skins, lips, teeth, blurs = [], [], [], []
    for row in chosen:
        donor = kept.get(int(face.track.frames[row]))
        unit = float(face.interocular[row])
        picture = _picture(donor, layout)
        landmarks = face.landmarks[int(row)][:, :2] - [donor.x0, donor.y0]
        smooth = cv2.GaussianBlur(picture, (0, 0), max(0.6, PATCH * unit))
        skins.append(median_at(smooth, landmarks[list(SKIN)]))
        lips.append(median_at(smooth, landmarks[list(LIPS)]))
        blurs.append(blur_of(picture @ LUMA.astype(np.float32), landmarks[MOUTH][:20], unit))
        if face.gap[row] >= OPEN:
            teeth.append(_brightest(picture, landmarks[MOUTH][20:40]))
    white = white_of_teeth(np.median(skins, 0))
    if teeth:
        seen = float(np.max(np.array(teeth) @ LUMA)) / float(white @ LUMA)
        white = white * np.clip(seen, 0.75, 1.5)
    blur = float(np.median(blurs))
    detail = float(np.median(face.interocular[chosen])) / max(blur, FULL_DETAIL)
    return MouthColours(white, np.median(lips, 0), blur, detail)


def blur_of(luma: NDArray[np.floating], lips: NDArray[np.floating], unit: float) -> float:
    """How soft a picture is round the lips, as the deviation in pixels of a Gaussian.

    Two octaves of detail are compared: what is blurred lacks the finer one.

    Args:
        luma: (height, width) of 0..255.
        lips: (N, 2) points of the lips.
        unit: Inter-ocular distance in pixels.
    """
    height, width = luma.shape
    low = np.clip(lips.min(0) - 0.1 * unit, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(lips.max(0) + 0.1 * unit, 1, [width, height]).astype(int) + 1
    part = np.ascontiguousarray(luma[low[1] : high[1], low[0] : high[0]], np.float32)
    once, twice = cv2.GaussianBlur(part, (0, 0), 1.0), cv2.GaussianBlur(part, (0, 0), 2.0)
    ratio = (float((part - once).std()) + FAINT) / (float((once - twice).std()) + FAINT)
    return float(np.interp(ratio, DETAIL_RATIOS, BLURS))


def _picture(donor: Donor, layout: PlaneLayout) -> NDArray[np.float32]:
    """A crop as B, G, R of 0..255, (height, width, 3)."""
    luma = donor.planes[0].astype(np.float32)
    size = (luma.shape[1], luma.shape[0])
    chroma = [
        cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) for plane in donor.planes[1:]
    ] or [np.full_like(luma, 128 << (layout.bits - 8))] * 2
    return np.asarray(np.clip(cv2.transform(cv2.merge([luma, *chroma]), yuv_to_bgr_matrix(layout)), 0, 255), np.float32)


def median_at(picture: NDArray[np.float32], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Median colour (3,) at those of (N, 2) points that lie in the picture; of all of it when none does."""
    height, width = picture.shape[:2]
    places = np.round(points).astype(int)
    there = ((places >= 0) & (places < [width, height])).all(1)
    found = picture[places[there, 1], places[there, 0]] if there.any() else picture.reshape(-1, 3)
    return np.asarray(np.median(found, 0), np.float64)


def _brightest(picture: NDArray[np.float32], lips: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean colour (3,) of the brightest twentieth of what lies between the inner lips (20, 2)."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(lips).astype(np.int32)], 1)
    inside = picture[mask > 0]
    if len(inside) < 20:
        return np.zeros(3)
    luma = inside @ LUMA
    return np.asarray(inside[luma >= np.percentile(luma, 95)].mean(0), np.float64)
