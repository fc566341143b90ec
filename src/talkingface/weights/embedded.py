"""The weights that ship inside the package: some 17 MB of ONNX and NumPy files in ``assets/``."""

from __future__ import annotations

import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import Any

from talkingface.errors import WeightsMissingError

EMBEDDED_FILES = (
    "face_detector_short.onnx",
    "face_detector_full.onnx",
    "face_mesh_attention.onnx",
    "face_identity.onnx",
    "mouth_motion.onnx",
    "inner_mouth.onnx",
    "mouth_shape.npz",
    "speech_embedding.onnx",
    "sync_expert.onnx",
    "sync_judge.onnx",
)


def asset_path(name: str) -> Path:
    """The path of a file in ``assets/``.

    Raises:
        WeightsMissingError: when the installation lacks it.
    """
    path = Path(str(resources.files("talkingface"))) / "assets" / name
    if not path.is_file():
        raise WeightsMissingError(
            f"{path}: this file ships with talkingface and is missing; install the package again, or in a clone "
            "run: git checkout src/talkingface/assets"
        )
    return path


def asset_sha256(name: str) -> str:
    """SHA-256 of an asset as hexadecimal digits."""
    return hashlib.sha256(asset_path(name).read_bytes()).hexdigest()


def onnx_runtime() -> Any:
    """Return the module ``onnxruntime``, loaded without its telemetry.

    Its official builds report their use to Microsoft and leave a file ``.ses`` in the temporary folder, already when
    they are imported; only this variable, set beforehand, prevents that. A value somebody set is respected.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def create_session(name: str, threads: int = 1) -> Any:
    """Open an embedded ONNX network for the CPU.

    Args:
        name: File name in ``assets/``.
        threads: Threads inside one call. These networks are small: one thread each, and several calls side by side,
            is faster than several threads in one call, and gives the same numbers on every machine.

    Returns:
        An ``onnxruntime.InferenceSession``.
    """
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(asset_path(name)), options, providers=["CPUExecutionProvider"])
