"""Compare the converted face networks with the originals in their own runtimes.

Needs an environment of its own, as mediapipe pins old packages:

    pip install mediapipe==0.10.21 ai-edge-litert onnxruntime av opencv-python-headless pyyaml rich threadpoolctl
    pip install --no-deps -e .
    python tools/check_mediapipe_parity.py VIDEO short_range.tflite full_range.tflite

The detectors run on the same input in LiteRT and in ONNX Runtime: raw outputs are compared. The attention mesh has
operators that only MediaPipe's own runtime knows, so it is compared end to end: MediaPipe's FaceMesh solution on single
pictures (no smoothing) against our detector, region and mesh, in inter-ocular distances.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

FRAMES = 40


def frames_of(path: Path) -> list[np.ndarray]:
    """The first frames of a video, BGR."""
    capture = cv2.VideoCapture(str(path))
    pictures = []
    while len(pictures) < FRAMES:
        found, picture = capture.read()
        if not found:
            break
        pictures.append(picture)
    return pictures


def compare_detector(name: str, original: Path, asset: str, side: int, pictures: list[np.ndarray]) -> None:
    """Print the largest difference of raw outputs."""
    from ai_edge_litert.interpreter import Interpreter

    from talkingface.weights.embedded import create_session

    interpreter = Interpreter(str(original), num_threads=1)
    interpreter.allocate_tensors()
    session = create_session(asset)
    worst = 0.0
    for picture in pictures:
        image = cv2.resize(picture, (side, side))[None, :, :, ::-1].astype(np.float32) / 127.5 - 1
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        wanted = {d["name"].split(":")[0]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}
        by_size = {value.size: value.ravel() for value in wanted.values()}
        for value in session.run(None, {"image": image}):
            worst = max(worst, float(np.abs(value.ravel() - by_size[value.size]).max()))
    print(f"{name}: largest difference of raw outputs over {len(pictures)} pictures {worst:.2e}")


def compare_mesh(pictures: list[np.ndarray]) -> None:
    """Print landmark differences against MediaPipe's own solution."""
    import mediapipe

    from talkingface.faces import mesh_topology as mesh
    from talkingface.faces.detect import BlazeFace
    from talkingface.faces.landmarks import FaceMesh
    from talkingface.faces.sampling import BgrSampler

    solution = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1)
    detector = BlazeFace("face_detector_short.onnx", 128, ((16, 2), (8, 6)))
    network = FaceMesh()
    differences, gaps = [], []
    for picture in pictures:
        found = solution.process(np.ascontiguousarray(picture[:, :, ::-1])).multi_face_landmarks
        if not found:
            continue
        height, width = picture.shape[:2]
        wanted = np.array([(p.x * width, p.y * height) for p in found[0].landmark])
        region = detector.detect(picture, 0.5)[0].region()
        got = network.locate(BgrSampler(picture), region)[0][:, :2]
        unit = np.linalg.norm(wanted[[33, 133]].mean(0) - wanted[[362, 263]].mean(0))
        differences.append(np.linalg.norm(got - wanted, axis=1) / unit)
        gaps.append([np.linalg.norm(points[13] - points[14]) / unit for points in (got, wanted)])
    table = np.array(differences)
    parts = {
        "all": list(range(mesh.MESH_POINTS)),
        "lips": list(mesh.REFINED_LIPS),
        "eyes": list(mesh.REFINED_LEFT_EYE + mesh.REFINED_RIGHT_EYE),
        "irises": list(mesh.LEFT_IRIS + mesh.RIGHT_IRIS),
    }
    for part, points in parts.items():
        chosen = table[:, points]
        print(f"mesh, {part}: mean {chosen.mean():.4f}, 95 % {np.percentile(chosen, 95):.4f} inter-ocular distances")
    both = np.array(gaps)
    print(f"inner-lip gap: mean difference {np.abs(both[:, 0] - both[:, 1]).mean():.4f} over {len(both)} pictures")


def main() -> None:
    """Compare all three networks."""
    os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 - the name is case-sensitive
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("short_range", type=Path)
    parser.add_argument("full_range", type=Path)
    arguments = parser.parse_args()
    pictures = frames_of(arguments.video)
    compare_detector("short range", arguments.short_range, "face_detector_short.onnx", 128, pictures)
    compare_detector("full range", arguments.full_range, "face_detector_full.onnx", 192, pictures)
    compare_mesh(pictures)


if __name__ == "__main__":
    main()
