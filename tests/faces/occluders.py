"""Things in front of mouths, drawn into pictures: a microphone, a hand, a cup, a sheet of paper, a card, a caption.

Each is painted once on a canvas and laid into every picture with soft edges and the blur of its motion. Tests and the
benchmark of visibility know therefore exactly which part of the lips is covered in which frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh

CANVAS = 256  # pixels; 6 mouth widths across
MOUTHS_ACROSS = 6.0
ARRIVAL_SECONDS = 0.35
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Occluder:
    """One object and its path.

    Attributes:
        kind: A name in ``PAINTERS``.
        size: 1 is the usual size.
        arrives: Seconds when it comes to rest in front of the mouth.
        leaves: Seconds when it begins to go away.
        direction: (x, y) unit vector, from where it comes.
        offset: (x, y) mouth widths between the mouth's centre and where it rests.
        seed: Of its looks and of its sway.
    """

    kind: str
    size: float
    arrives: float
    leaves: float
    direction: tuple[float, float] = (0.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    seed: int = 0

    def place(self, time: float) -> NDArray[np.float64] | None:
        """Where it is, in mouth widths from the mouth's centre; None when it is far away."""
        early = (self.arrives - time) / ARRIVAL_SECONDS
        late = (time - self.leaves) / ARRIVAL_SECONDS
        away = max(0.0, early, late)
        if away > 1:
            return None
        sway = 0.08 * np.array([np.sin(5 * time + self.seed), np.cos(3.7 * time + self.seed)])
        return np.array(self.offset) + sway + 4.5 * away**1.5 * np.array(self.direction)


def _grid() -> tuple[Image, Image]:
    axis = (np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS * MOUTHS_ACROSS - MOUTHS_ACROSS / 2
    x, y = np.meshgrid(axis, axis)
    return x, y


def _soft(distance: Image, width: float = 0.04) -> Image:
    """1 inside (negative distance), 0 outside."""
    return np.clip(0.5 - distance / width, 0, 1).astype(np.float32)


def _capsule(x: Image, y: Image, a: tuple[float, float], b: tuple[float, float], radius: float) -> Image:
    """Signed distance to a thick line."""
    ax, ay = x - a[0], y - a[1]
    bx, by = b[0] - a[0], b[1] - a[1]
    along = np.clip((ax * bx + ay * by) / (bx * bx + by * by), 0, 1)
    return np.asarray(np.hypot(ax - along * bx, ay - along * by) - radius, np.float32)


def _over(colour: Image, alpha: Image, top: Image, cover: Image) -> tuple[Image, Image]:
    blend = cover[..., None]
    return colour * (1 - blend) + top * blend, np.maximum(alpha, cover)


def _flat(colour: NDArray[np.floating]) -> Image:
    return np.broadcast_to(np.asarray(colour, np.float32), (CANVAS, CANVAS, 3)).copy()


def paint_microphone(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """A dark head with a woven look, a ring and a handle that leads down."""
    x, y = _grid()
    lean = rng.uniform(-0.5, 0.5)
    colour, alpha = _flat(np.array([25, 25, 25])), np.zeros_like(x)
    handle = _capsule(x, y, (lean * 0.4, 0.6), (lean * 3, 3.2), 0.3)
    colour, alpha = _over(
        colour, alpha, _flat(np.array([40, 38, 36])) * (1.3 - 0.5 * np.abs(x)[..., None]), _soft(handle)
    )
    woven = (
        35
        + 22 * np.sign(np.sin(x * 40)) * np.sign(np.sin(y * 40))
        + 40 * np.exp(-((x + 0.2) ** 2 + (y + 0.2) ** 2) * 6)
    )
    head = np.hypot(x / 0.62, y / 0.78) - 1
    colour, alpha = _over(colour, alpha, np.repeat(woven[..., None], 3, 2).astype(np.float32), _soft(head * 0.7))
    ring = np.maximum(np.abs(y - 0.55) - 0.06, np.abs(x) - 0.5)
    return _over(colour, alpha, _flat(np.array([150, 150, 155])), _soft(ring) * alpha)


def paint_hand(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """Four fingers and a palm in the person's own skin colour, shaded across each finger."""
    x, y = _grid()
    colour, alpha = _flat(skin * 0.6), np.zeros_like(x)
    shade = rng.uniform(0.85, 1.1)
    palm = np.hypot((x + 0.2) / 1.25, (y - 2.0) / 1.2) - 1
    colour, alpha = _over(colour, alpha, _flat(skin * shade * 0.95), _soft(palm))
    for number in range(4):
        at = -1.05 + number * 0.58
        tip = -0.75 + 0.25 * abs(number - 1.5)
        finger = _capsule(x, y, (at + 0.1, tip), (at * 0.85 - 0.2, 1.9), 0.29)
        # rounded: darker to the edges, with a dark line where fingers touch
        light = shade * (1.05 - 0.55 * np.clip(1 + finger / 0.29, 0, 1) ** 3)
        crease = 1 - 0.12 * np.exp(-((y - tip - 0.9) ** 2) * 60)
        nail = np.hypot((x - at - 0.1) / 0.17, (y - tip - 0.02) / 0.2) - 1
        top = skin * (light * crease)[..., None]
        top = top + _soft(nail.astype(np.float32), 0.15)[..., None] * np.array([18, 12, 14])
        colour, alpha = _over(colour, alpha, top.astype(np.float32), _soft(finger))
    return colour, alpha


def paint_cup(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """A cup seen from the side, lit from the left."""
    x, y = _grid()
    tone = np.array([[235, 235, 230], [60, 60, 190], [150, 90, 50], [70, 120, 70]])[rng.integers(4)]
    half = 1.0 - 0.12 * y
    body = np.maximum(np.abs(x) - half, np.maximum(-0.6 - y, y - 1.6))
    light = 0.8 - 0.35 * (x / np.maximum(half, 0.1)) + 0.15 * np.exp(-((x + 0.5) ** 2) * 20)
    colour, alpha = _over(_flat(tone), np.zeros_like(x), tone * light[..., None].astype(np.float32), _soft(body))
    rim = np.hypot(x / 1.08, (y + 0.6) / 0.2) - 1
    colour, alpha = _over(colour, alpha, _flat(tone * 0.75), _soft(rim * 0.3))
    ear = np.abs(np.hypot((x - 1.25) / 0.6, (y - 0.5) / 0.7) - 1) - 0.15
    return _over(colour, alpha, _flat(tone * 0.7), _soft(ear * 0.5) * (x > 0.9))


def paint_paper(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """A sheet with lines of grey text."""
    x, y = _grid()
    turn = rng.uniform(-0.2, 0.2)
    u, v = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    sheet = np.maximum(np.abs(u) - 1.7, np.maximum(-0.8 - v, v - 2.8))
    text = (np.mod(v, 0.3) < 0.09) & (np.abs(u) < 1.4) & (np.sin(u * 23 + np.floor(v / 0.3) * 7) > -0.6)
    tone = np.where(text, 120, 225 - 12 * u)[..., None] * np.array([0.98, 1, 1])
    return _over(_flat(np.array([220, 220, 220])), np.zeros_like(x), tone.astype(np.float32), _soft(sheet))


def paint_card(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """A flat card of one colour with a straight edge through the canvas' middle; it covers one half (x > 0)."""
    x, y = _grid()
    tone = rng.uniform(20, 230, 3)
    card = np.maximum(-x, np.maximum(np.abs(x) - 2.2, np.abs(y) - 1.3))
    return _over(_flat(tone), np.zeros_like(x), tone * (1 - 0.08 * y)[..., None].astype(np.float32), _soft(card))


def paint_finger(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """One finger laid across the lips from below."""
    x, y = _grid()
    lean = rng.uniform(-0.6, 0.6)
    finger = _capsule(x, y, (lean * 0.3, -0.7), (lean, 2.8), 0.33)
    light = 1.02 - 0.5 * np.clip(1 + finger / 0.33, 0, 1) ** 3
    crease = 1 - 0.12 * np.exp(-((y - 0.25) ** 2) * 60)
    top = skin * (light * crease)[..., None]
    return _over(_flat(skin * 0.6), np.zeros_like(x), top.astype(np.float32), _soft(finger))


def paint_scarf(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """Knitted cloth over the lower face."""
    x, y = _grid()
    tone = rng.uniform(40, 200, 3)
    edge = -0.7 + 0.12 * np.sin(x * 1.7 + 1) - y
    cloth = np.maximum(edge, np.maximum(np.abs(x) - 2.4, y - 2.8))
    knit = 0.8 + 0.12 * np.sin(y * 16 + 1.5 * np.abs(np.sin(x * 9))) + 0.08 * np.sin(x * 30)
    return _over(_flat(tone), np.zeros_like(x), (tone * knit[..., None]).astype(np.float32), _soft(cloth, 0.1))


def paint_caption(skin: NDArray[np.floating], rng: np.random.Generator) -> tuple[Image, Image]:
    """A dark bar with white letters."""
    x, y = _grid()
    bar = np.maximum(np.abs(x) - 2.7, np.abs(y) - 0.5)
    picture = np.full((CANVAS, CANVAS, 3), 30, np.uint8)
    word = "".join(chr(65 + int(v)) for v in rng.integers(0, 26, 9))
    cv2.putText(picture, word, (14, CANVAS // 2 + 11), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (240, 240, 240), 4, cv2.LINE_AA)
    return _over(_flat(np.zeros(3)), np.zeros_like(x), picture.astype(np.float32), _soft(bar))


PAINTERS: dict[str, Callable[[NDArray[np.floating], np.random.Generator], tuple[Image, Image]]] = {
    "microphone": paint_microphone,
    "hand": paint_hand,
    "cup": paint_cup,
    "paper": paint_paper,
    "card": paint_card,
    "finger": paint_finger,
    "scarf": paint_scarf,
    "caption": paint_caption,
}


def skin_colour(picture: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Median BGR of the cheeks."""
    points = np.rint(landmarks[[50, 280, 101, 330, 205, 425], :2]).astype(int)
    height, width = picture.shape[:2]
    points = np.clip(points, 2, [width - 3, height - 3])
    patches = [picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3) for x, y in points]
    return np.asarray(np.median(np.concatenate(patches), 0), np.float64)


class Scene:
    """Lays one occluder into the pictures of one clip, in the order of time."""

    def __init__(self, occluder: Occluder) -> None:
        self.occluder = occluder
        self._painted: tuple[Image, Image] | None = None
        self._before: NDArray[np.float64] | None = None

    def draw(
        self, picture: NDArray[np.uint8], landmarks: NDArray[np.floating], time: float
    ) -> tuple[NDArray[np.uint8], float]:
        """Lay the occluder over a picture.

        Args:
            picture: (height, width, 3) BGR; not altered.
            landmarks: (478, 3) pixels of the face without it.
            time: Seconds.

        Returns:
            The picture, and the share 0..1 of the lips' area that is covered (by more than half).
        """
        place = self.occluder.place(time)
        before, self._before = self._before, place
        if place is None:
            return picture, 0.0
        rng = np.random.default_rng(self.occluder.seed)
        if self._painted is None:
            skin = skin_colour(picture, landmarks) * (1.0 + 0.1 * rng.uniform(-1, 1))
            self._painted = PAINTERS[self.occluder.kind](skin, rng)
        colour, alpha = self._painted
        path = [place] if before is None else [before + (place - before) * part for part in (0.5, 0.67, 0.83, 1.0)]
        matrices = [self._matrix(landmarks, step) for step in path]
        x0, y0, x1, y1 = self._box(matrices, picture.shape[1], picture.shape[0])
        width, height = x1 - x0, y1 - y0
        if width <= 0 or height <= 0:
            return picture, 0.0
        total = np.zeros((height, width), np.float32)
        light = np.zeros((height, width, 3), np.float32)
        for matrix in matrices:
            moved = matrix - [[0, 0, x0], [0, 0, y0]]
            total += cv2.warpAffine(alpha, moved, (width, height), flags=cv2.INTER_AREA)
            light += cv2.warpAffine(colour * alpha[..., None], moved, (width, height), flags=cv2.INTER_AREA)
        total, light = total / len(path), light / len(path)
        drawn = picture.copy()
        part = drawn[y0:y1, x0:x1]
        part[...] = np.clip(part * (1 - total[..., None]) + light + 0.5, 0, 255).astype(np.uint8)
        lips = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(lips, [np.rint(landmarks[list(mesh.LIPS_OUTER), :2]).astype(np.int32)], 1)
        hidden = int((total[lips[y0:y1, x0:x1] > 0] > 0.5).sum())
        return drawn, hidden / max(1, int(lips.sum()))

    @staticmethod
    def _box(matrices: list[NDArray[np.float64]], width: int, height: int) -> tuple[int, int, int, int]:
        corners = np.array([[0, 0], [CANVAS, 0], [0, CANVAS], [CANVAS, CANVAS]], float)
        places = np.concatenate([corners @ matrix[:, :2].T + matrix[:, 2] for matrix in matrices])
        x0, y0 = np.maximum(np.floor(places.min(0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(places.max(0)).astype(int), [width, height])
        return int(x0), int(y0), int(x1), int(y1)

    def _matrix(self, landmarks: NDArray[np.floating], place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Canvas to picture."""
        left, right = landmarks[33, :2], landmarks[263, :2]
        across = (right - left) / max(float(np.linalg.norm(right - left)), 1e-3)
        # a mouth is about 0.55 of the distance of the eyes' outer corners, which open mouths and smiles do not change
        depth = float(np.linalg.norm(landmarks[33] - landmarks[263]))
        unit = 0.55 * depth
        centre = landmarks[list(mesh.LIPS_OUTER), :2].mean(0)
        down = np.array([-across[1], across[0]])
        middle = centre + unit * (place[0] * across + place[1] * down)
        scale = unit * self.occluder.size * MOUTHS_ACROSS / CANVAS
        axes = np.stack([across, down], 1) * scale
        return np.hstack([axes, (middle - axes @ np.array([CANVAS / 2, CANVAS / 2]))[:, None]])
