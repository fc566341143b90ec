"""The released programs' functions, group by group, beside ours: how far each array is from the expected one.

What is compared is what the tests compare (``tests``, ``needs_goldens``); pictures of whole grey levels are compared as
the released programs round them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike

from talkingface.compose.blend import blend_pyramids
from talkingface.evaluation.metrics.syncnet_distance import shifted_distances, syncnet_figures
from talkingface.faces.neural import s3fd_boxes
from talkingface.media.decibel_mel import FILTERS, DecibelMel, released_window_starts
from talkingface.media.mel import mel_filters
from talkingface.media.mfcc import mfcc
from talkingface.models.syncnet.embedding import WindowEmbeddings
from talkingface.models.video_retalking.neural.face_square import face_square, fixed_crop
from talkingface.models.video_retalking.neural.pose_fit import cut_faces, fit_pose, five_points, upwards
from talkingface.models.video_retalking.neural.semantic_window import crop_ratio, semantic_window
from talkingface.models.video_retalking.neural.square_crop import cut_squares, paste_squares, picture_to_square
from talkingface.restore import retinaface_boxes
from talkingface.restore.alignment import GFPGAN_POINTS, GPEN_POINTS, inverse, similarity
from talkingface.restore.face_mask import softened


@dataclass(frozen=True)
class Compared:
    """One array: its largest error and what is allowed."""

    name: str
    error: float
    tolerance: float

    @property
    def share(self) -> float:
        """Of the tolerance; 0 for what has to be equal and is."""
        return self.error / self.tolerance if self.tolerance else float(self.error > 0)


class Goldens:
    """One group: its arrays by name, its tolerances, and how its inputs are made."""

    def __init__(self, folder: Path, group: str, make: Callable[[Mapping[str, Any]], Any]) -> None:
        with np.load(folder / "public" / "functions.npz", allow_pickle=False) as packed:
            self.about = json.loads(str(packed["meta"]))["groups"][group]
            self.arrays = {
                name.partition("/")[2]: packed[name] for name in packed.files if name.startswith(f"{group}/")
            }
        self.make = make

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def input(self, name: str) -> Any:
        return self.make(self.about["inputs"][name])

    def compare(
        self, name: str, found: ArrayLike, tolerance: float | str | None = None, expected: Any = None
    ) -> Compared:
        """With the array of this name, or another expectation; ``tolerance`` may be one of the group's by its name."""
        wanted = np.asarray(self.arrays[name] if expected is None else expected, np.float64)
        got = np.asarray(found, np.float64)
        if got.shape != wanted.shape:
            return Compared(f"{name}: shape {got.shape}, not {wanted.shape}", float("inf"), 0.0)
        if tolerance is None or isinstance(tolerance, str):
            tolerance = float(self.about["tolerance"] if tolerance is None else self.about["tolerance"][tolerance])
        return Compared(name, float(np.abs(got - wanted).max(initial=0.0)), tolerance)


def mel(g: Goldens) -> list[Compared]:
    sound, filters = g.input("wav"), mel_filters(FILTERS, 800)
    mirrored = DecibelMel(sound, mirrored=True).columns(0, 241)
    return [
        g.compare("constant", DecibelMel(sound).columns(0, 241)),
        g.compare("reflect_edges", np.hstack([mirrored[:, :4], mirrored[:, -4:]])),
        g.compare("short_constant", DecibelMel(g.input("wav_short")).columns(0, 19)),
        g.compare("silence", DecibelMel(np.zeros(16000)).columns(0, 3), 0.0),
        g.compare("basis", filters[::8], 1e-7),
    ]


def chunks(g: Goldens) -> list[Compared]:
    found = [released_window_starts(int(c), float(r)) for r, c in zip(g["fps"], g["mel_columns"], strict=True)]
    return [g.compare("count", [len(starts) for starts in found]), g.compare("starts", np.concatenate(found))]


def ffhq(g: Goldens) -> list[Compared]:
    squares = [face_square(points) for points in g["landmarks"]]
    width, height = g.about["inputs"]["image_size"]
    crops = [fixed_crop(face_square(np.rint(points)), width, height) for points in g["landmarks"]]
    inner = g["inner"].copy()  # its last number was kept within the width, by mistake: here within the height
    inner[:, 3] = np.minimum(inner[:, 3], [crop.outer[3] - crop.outer[1] for crop in crops])
    return [
        g.compare("centre", [square.centre for square in squares]),
        g.compare("x", [square.across for square in squares]),
        g.compare("y", [square.down for square in squares]),
        g.compare("quad", [square.corners() for square in squares]),
        g.compare("crop", [crop.outer for crop in crops]),
        g.compare("inner", [crop.inner for crop in crops], expected=inner),
    ]


def oriented(g: Goldens) -> list[Compared]:
    corners = np.stack([face_square(points).corners() for points in g["landmarks"]])
    pictures = torch.from_numpy(g.input("image")).permute(2, 0, 1).float().expand(3, -1, -1, -1)
    crops = cut_squares(pictures, corners, 256).round()
    pasted = paste_squares(crops, corners, 255 - pictures).floor()  # the released program cuts fractions off here
    apart = np.abs(_sampled(pasted) - g["pasted"]).max(-1)
    affine = np.concatenate([picture_to_square(corners, 256).reshape(3, 6), np.zeros((3, 2))], 1)
    beyond = float((apart > g.about["tolerance"]["uint8"]).mean())
    return [
        g.compare("quad", corners, "quad"),
        g.compare("coefficients", affine, "coefficients"),
        g.compare("crop", _sampled(crops), "uint8"),
        Compared("share of pasted pixels more than a level off", beyond, 0.005),
    ]


def align(g: Goldens) -> list[Compared]:
    points = [upwards(landmarks.astype(np.float32), 256) for landmarks in g["landmarks"]]
    fits = [fit_pose(five_points(face), g["lm3d"], 256, 256) for face in points]
    pictures = torch.from_numpy(g.input("image")).permute(2, 0, 1).float().expand(3, -1, -1, -1)
    return [
        g.compare("transform", [fit.row() for fit in fits], "transform"),
        g.compare("landmarks_out", [fit.to_cut(face) for fit, face in zip(fits, points, strict=True)], "transform"),
        g.compare("image", _sampled(cut_faces(pictures, fits).clamp(0, 255).round()), "uint8"),
    ]


def semantics(g: Goldens) -> list[Compared]:
    clip, sources = g.input("rows"), g.input("source")
    pairs = list(zip(g["index"], g["ratio_used"], strict=True))
    return [
        g.compare("window", [semantic_window(clip, int(index), ratio) for index, ratio in pairs]),
        g.compare("short_window", semantic_window(clip[:4], 2, 1.01)),
        g.compare("ratio", [crop_ratio(clip[index], clip) for index in g["index"]]),
        g.compare("ratio_other_source", crop_ratio(1.07 * clip[0], clip), expected=g["ratio_other_source"][0]),
        g.compare("ratio_foreign", [crop_ratio(source, clip) for source in sources]),
    ]


def alignment(g: Goldens) -> list[Compared]:
    forward = similarity(g["points"], GPEN_POINTS)
    return [
        g.compare("reference_512", GPEN_POINTS, 1e-9),
        g.compare("template_ffhq", GFPGAN_POINTS, 1e-9),
        g.compare("forward", forward, "forward"),
        g.compare("inverse", inverse(forward), "inverse"),
    ]


def boxes(g: Goldens) -> list[Compared]:
    return [g.compare(f"{k}smooth", s3fd_boxes.released_smoothing(g[f"{k}raw"])) for k in ("", "short_")]


def s3fd(g: Goldens) -> list[Compared]:
    found = s3fd_boxes.faces_of([torch.from_numpy(g[f"head{place:02d}"]) for place in range(12)])
    compared = []
    for place, faces in enumerate(found):
        compared.append(g.compare(f"boxes{place}", np.c_[faces.boxes, faces.scores]))
        compared.append(g.compare(f"first{place}", s3fd_boxes.whole_pixels(faces.boxes[0]), 0.0))
    return compared


def retina(g: Goldens) -> list[Compared]:
    height, width = (int(side) for side in g["image_size"])
    loc, conf, landms = (torch.from_numpy(g[name]) for name in ("loc", "conf", "landms"))
    at, pixels = retinaface_boxes.anchors(height, width), np.array([width, height])
    points = retinaface_boxes.decoded_points(landms, at)[::7].numpy() * pixels
    (faces,) = retinaface_boxes.faces_of(loc[None], conf[None], landms[None], (height, width))
    if faces.points is None:
        return [Compared("points: none", float("inf"), 0.0)]
    return [
        g.compare("priors", at[::7].numpy(), 0.0),
        g.compare("decoded", retinaface_boxes.decoded(loc, at)[::7].numpy() * np.tile(pixels, 2)),
        g.compare("decoded_points", points.reshape(-1, 10)),
        g.compare("boxes", np.c_[faces.boxes, faces.scores]),
        g.compare("points", faces.points.transpose(0, 2, 1).reshape(-1, 10)),
    ]


def syncnet(g: Goldens) -> list[Compared]:
    samples = g.input("wav")
    compared = [g.compare("mfcc", mfcc(samples), "mfcc")]
    samples[8000:16000] = 0
    compared.append(g.compare("mfcc_with_silence", mfcc(samples)[45:105], "mfcc"))
    lips, sound = g["video"], g["audio"]
    ticks, length = np.arange(len(lips)), len(lips) + 5
    for shift in (10, 15):
        found = shifted_distances(lips, sound, ticks, np.arange(-shift, shift + 1))
        figures = syncnet_figures(WindowEmbeddings(lips, ticks, length), WindowEmbeddings(sound, ticks, length), shift)
        compared += [
            g.compare(f"dists_{shift}", found, "dists"),
            g.compare(f"mean_{shift}", figures.curve, "dists"),
            g.compare(f"summary_{shift}", (figures.offset, figures.distance, figures.confidence), "dists"),
            g.compare(f"framewise_{shift}", figures.window_confidence, "dists"),
        ]
    return compared


def laplacian(g: Goldens) -> list[Compared]:
    mask = g["mask"].astype(np.float32)
    y, x = np.mgrid[:512, :512]
    box = ((np.abs(x - 250) < 90) & (np.abs(y - 300) < 40)).astype(np.float32)
    small = g.input("A"), g.input("B")
    soft = cv2.GaussianBlur(mask, (0, 0), 2)
    return [
        g.compare("blend6", blend_pyramids(*small, mask, 6)),
        g.compare("blend3_soft", blend_pyramids(*small, soft, 3)[1::2, 1::2]),
        g.compare("blend10_512", blend_pyramids(g.input("A512"), g.input("B512"), box, 10)[4::8, 4::8]),
    ]


def mask(g: Goldens) -> list[Compared]:
    made = torch.zeros(512, 512)
    made[60:460, 90:400] = 1
    return [g.compare("postprocess", softened(made)[4::8, 4::8].numpy())]


def _sampled(pictures: torch.Tensor) -> Any:
    """(N, C, H, W) -> (N, h, w, C), every fourth pixel, as the expected values are stored."""
    return pictures.permute(0, 2, 3, 1).numpy()[:, 2::4, 2::4]


GROUPS: Mapping[str, Callable[[Goldens], list[Compared]]] = {
    "mel": mel,
    "chunks": chunks,
    "ffhq": ffhq,
    "oriented": oriented,
    "align": align,
    "semantics": semantics,
    "similarity": alignment,
    "boxes": boxes,
    "s3fd": s3fd,
    "retina": retina,
    "syncnet": syncnet,
    "laplacian": laplacian,
    "mask": mask,
}
