"""From trained networks to the files the product reads: ONNX, the shape model, safetensors, and the card."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from talkingface.errors import OutputError
from talkingface.media.mel import PHONETIC_BANDS
from talkingface.training.inner_mouth_network import COLOURS, OPENING, PLACES, ShippedField
from talkingface.training.mouth_data import MOUTH_VALUES
from talkingface.training.mouth_figures import GapStatistics
from talkingface.training.mouth_network import BANDS, Ensemble, MouthMotion, SyncExpert
from talkingface.training.speech_embedding import SPEECH_VALUES, WINDOW_COLUMNS, SpeechEmbedding
from talkingface.weights.embedded import onnx_runtime

OPSET = 17
PARITY = 1e-3  # inter-ocular distances; a hundredth of this is visible in no picture
LOG_ODDS_PARITY = 0.1  # changes no decision but the most doubtful
SYNC_PARITY = 0.1  # of a number of a unit vector; 8-bit weights are unsure of noise, and 0.003 off on speech
PARITY_FRAMES = (12, 31, 200)


def export_mouth(members: Sequence[MouthMotion], path: Path, half: bool = True) -> float:
    """Write an ensemble as one ONNX file: inputs ``mel`` (1, 4 T, 80) and ``speech`` (1, T, 288), outputs
    ``displacement`` (1, T, 160) and ``closed`` (1, T), log odds.

    Args:
        members: Trained networks.
        path: The file.
        half: Store weights as 16-bit numbers, which a Cast brings back: half the size, the same sums.

    Returns:
        The largest difference between torch and ONNX Runtime.

    Raises:
        OutputError: when they differ by more than ``PARITY``.
    """
    network = Ensemble(list(members)).eval()
    example = (torch.zeros(1, 100, BANDS), torch.zeros(1, 25, SPEECH_VALUES))
    lengths = {"mel": "columns", "speech": "frames"}
    _export(network, example, path, ["mel", "speech"], {"displacement": "frames", "closed": "frames"}, lengths)
    if half:
        store_in_half_precision(path)

    def inputs(frames: int) -> dict[str, NDArray[np.float32]]:
        speech = np.random.default_rng(frames).normal(size=(1, frames, SPEECH_VALUES)) * 5
        return {"mel": _random_mel(frames), "speech": speech.astype(np.float32)}

    return _check(network, path, inputs, (PARITY, LOG_ODDS_PARITY))


def export_sync(network: SyncExpert, path: Path, small: bool = True) -> float:
    """Write ONNX: inputs ``points`` (1, T, 160) and ``mel`` (1, 4 T, 80), outputs ``mouth`` and ``sound`` (1, T, 96).

    Args:
        network: A trained expert.
        path: The file.
        small: Store weights as 8-bit numbers; see ``store_in_eight_bits``.

    Returns:
        The largest difference between torch and ONNX Runtime.

    Raises:
        OutputError: when they differ by more than ``SYNC_PARITY``.
    """
    network = network.eval()
    _export(
        network,
        (torch.zeros(1, 50, MOUTH_VALUES), torch.zeros(1, 200, BANDS)),
        path,
        ["points", "mel"],
        {"mouth": "frames", "sound": "sound_frames"},
        {"points": "frames", "mel": "columns"},
    )
    if small:
        store_in_eight_bits(path)

    def inputs(frames: int) -> dict[str, NDArray[np.float32]]:
        rng = np.random.default_rng(frames)
        points = rng.normal(size=(1, frames, MOUTH_VALUES)) * 0.05
        return {"points": points.astype(np.float32), "mel": _random_mel(frames)}

    return _check(network, path, inputs, (SYNC_PARITY, SYNC_PARITY))


def export_speech_embedding(network: SpeechEmbedding, path: Path) -> None:
    """Write ONNX: input ``mel`` (1, M, 32), output ``embedding`` (1, (M - 76) // 4 + 1, 288); weights in 16 bits."""
    example = (torch.zeros(1, WINDOW_COLUMNS + 40, PHONETIC_BANDS),)
    _export(network.eval(), example, path, ["mel"], {"embedding": "frames"}, {"mel": "columns"})
    store_in_half_precision(path)


def export_inner_mouth(network: ShippedField, path: Path) -> float:
    """Write ONNX: ``places`` (N, 6), ``opening`` (1, 5) and ``lips`` (1, 3) to ``colours`` (N, 3).

    Returns:
        The largest difference between torch and ONNX Runtime.

    Raises:
        OutputError: when they differ by more than ``PARITY``.
    """
    network = network.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    example = (torch.zeros(8, PLACES), torch.zeros(1, OPENING), torch.zeros(1, COLOURS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in _export
        torch.onnx.export(
            network, example, str(path), input_names=["places", "opening", "lips"], output_names=["colours"],
            dynamic_axes={"places": {0: "places"}, "colours": {0: "places"}}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip

    def inputs(count: int) -> dict[str, NDArray[np.float32]]:
        rng = np.random.default_rng(count)
        places = rng.normal(size=(count, PLACES)) * 0.1
        return {
            "places": np.abs(places).astype(np.float32),
            "opening": np.full((1, OPENING), 0.1, np.float32),
            "lips": np.full((1, COLOURS), 0.5, np.float32),
        }

    return _check(network, path, inputs, (PARITY,))


def save_shape_model(
    path: Path, reference: NDArray[np.float32], direction: NDArray[np.float32], openings: GapStatistics
) -> None:
    """Write ``mouth_shape.npz``: what inference must know of mouths in general.

    Args:
        path: The file.
        reference: (478, 3) the generic face that defines canonical coordinates.
        direction: (80, 2) the closing direction.
        openings: How far people open their mouths, and how far the network says they do.
    """
    np.savez(
        path,
        reference=reference.astype(np.float32),
        closing_direction=direction.astype(np.float32),
        gap_levels=openings.levels,
        true_gap=openings.true,
        predicted_gap=openings.predicted,
    )


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's state as safetensors."""
    from safetensors.torch import save_file

    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, str(path))


def store_in_eight_bits(path: Path, smallest: int = 512) -> None:
    """Rewrite an ONNX file: convolutions of at least ``smallest`` weights lie in 8 bits, one scale a channel.

    A Cast and a Mul of constants bring them back when the session is made; the sums are carried out in 32 bits.
    """
    from onnx import TensorProto, helper, numpy_helper

    def store(name: str, values: NDArray[np.float32]) -> tuple[list[Any], list[Any]] | None:
        if values.ndim < 3:
            return None
        scale = np.maximum(np.abs(values).max(tuple(range(1, values.ndim)), keepdims=True), 1e-12) / np.float32(127)
        whole = np.round(values / scale).astype(np.int8)
        constants = [
            numpy_helper.from_array(whole, f"{name}.whole"),
            numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"),
        ]
        nodes = [
            helper.make_node("Cast", [f"{name}.whole"], [f"{name}.cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name]),
        ]
        return constants, nodes

    _store(path, smallest, store)


def store_in_half_precision(path: Path, smallest: int = 512) -> None:
    """Rewrite an ONNX file: weights of at least ``smallest`` numbers lie in 16 bits, and a Cast brings them back."""
    from onnx import TensorProto, helper, numpy_helper

    def store(name: str, values: NDArray[np.float32]) -> tuple[list[Any], list[Any]]:
        half = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        return [half], [helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)]

    _store(path, smallest, store)


def _store(
    path: Path, smallest: int, store: Callable[[str, NDArray[np.float32]], tuple[list[Any], list[Any]] | None]
) -> None:
    """Replace large float weights of an ONNX file by constants and nodes that make them, where ``store`` gives such."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    kept, made = [], []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        large = values.dtype == np.float32 and values.size >= smallest
        stored = store(weight.name, values) if large else None
        if stored is None:
            kept.append(weight)
            continue
        kept += stored[0]
        made += stored[1]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = made + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _export(
    network: nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: dict[str, str],
    lengths: dict[str, str],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: {1: axis} for name, axis in (lengths | outputs).items()}
    with warnings.catch_warnings():
        # torch deprecates this exporter; its successor needs onnxscript and gives the same graph
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, example, str(path),
            input_names=inputs, output_names=list(outputs), dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip


def _random_mel(frames: int) -> NDArray[np.float32]:
    return (np.random.default_rng(frames).normal(size=(1, 4 * frames, BANDS)) * 2 - 6).astype(np.float32)


def _check(
    network: nn.Module,
    path: Path,
    inputs: Callable[[int], dict[str, NDArray[np.float32]]],
    tolerances: Sequence[float],
) -> float:
    """Largest difference between torch and ONNX Runtime, each output weighed by its tolerance."""
    session = onnx_runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for frames in PARITY_FRAMES:
        feed = inputs(frames)
        with torch.inference_mode():
            expected = network(*(torch.from_numpy(value) for value in feed.values()))
        expected = expected if isinstance(expected, tuple) else (expected,)
        for ours, theirs, tolerance in zip(session.run(None, feed), expected, tolerances, strict=True):
            worst = max(worst, float(np.abs(ours - theirs.numpy()).max()) * tolerances[0] / tolerance)
    if worst > tolerances[0]:
        raise OutputError(f"{path}: the exported network differs from the trained one by {worst:.2g}")
    return worst
