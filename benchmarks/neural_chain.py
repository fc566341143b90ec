"""Frames per second from decoded frames in memory to composed frames, stage by stage; torch and numpy only.

What a preset does with a frame, on random weights and a made-up face that moves: cut out, coefficients, D-Net, L-Net
and E-Net, restoring, parsing, and the blend in the face's own region at the frame's own size. Everything outside it is
copied. Finding faces, decoding and encoding are not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from operation_counter import count
from preset_networks import REFERENCE_PARSED, Run, built
from torch import Tensor
from torch.nn import functional

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last
from talkingface.models.video_retalking.neural.square_crop import cut_squares, paste_squares
from talkingface.restore.face_mask import MOUTH, region, softened

FACE = 0.45  # of the frame's height
MOVEMENT = 0.1  # of the face's width
MATRIX = {"cpu": 1024, "cuda": 8192}
COPIED = {"cpu": 2**26, "cuda": 2**30}  # bytes


@dataclass
class Stopwatch:
    """Seconds by stage; waits for the device at every stage, or never."""

    device: torch.device
    waits: bool
    seconds: dict[str, float] = field(default_factory=dict)

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if not self.waits:
            yield
            return
        self.wait()
        begun = time.perf_counter()
        yield
        self.wait()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


@dataclass(frozen=True)
class Chain:
    """The networks of a preset on a device."""

    networks: dict[str, Any]
    runs: Sequence[Run]
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def of(cls, preset: Sequence[Run], narrow: int, device: torch.device, dtype: torch.dtype, compiled: bool) -> Chain:
        networks = {}
        for name in dict.fromkeys(run.network for run in preset):
            network = built(name, narrow)
            fold_for_inference(network)
            network = network.to(device, dtype)
            lay_channels_last(network)
            if compiled:
                network.compile()
            networks[name] = network
        return cls(networks, preset, device, dtype)

    def compose(self, frames: Tensor, boxes: np.ndarray, mel: Tensor, window: Tensor, watch: Stopwatch) -> Tensor:
        """One batch.

        Args:
            frames: (N, H, W, 3) uint8 RGB, in the computer's memory.
            boxes: (N, 3) left, top and side of each face, pixels.
            mel: (N, 1, 80, 16).
            window: (N, 73, 26).
            watch: Takes the time.

        Returns:
            (N, H, W, 3) uint8, in the computer's memory.
        """
        with watch.stage("upload"):
            here = frames.to(self.device, non_blocking=True, copy=True)
        with watch.stage("cut out"):
            side = int(boxes[0, 2])
            places = [(slice(int(y), int(y) + side), slice(int(x), int(x) + side)) for x, y, _ in boxes]
            regions = torch.stack([frame[place] for frame, place in zip(here, places, strict=True)])
            faces = regions.permute(0, 3, 1, 2).to(self.dtype) / 255
            values = {"faces": faces, "small": _resized(faces, 256), "mel": mel, "window": window}
            values["mask"] = torch.ones_like(faces[:, :1])  # where nothing is parsed, the whole face
        for run in self.runs:
            with watch.stage(run.stage):
                self._run(run, values)
        with watch.stage("blend"):
            blended = torch.lerp(faces, values["faces"], values["mask"])
            pixels = (blended.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
            for frame, place, face in zip(here, places, pixels, strict=True):
                frame[place] = face
        with watch.stage("download"):
            return here.cpu()

    def _run(self, run: Run, values: dict[str, Tensor]) -> None:
        """One network, with what belongs to it; ``values`` are read and replaced."""
        network = self.networks[run.network]
        faces, small = values["faces"], values["small"]
        if run.network == "Deep3DRecon":
            run.call(network, _last(_resized(small, 224)))  # the windows are made beforehand: its result is not read
        elif run.network == "DNet":
            values["small"] = (run.call(network, _last(small * 2 - 1), values["window"]).fake_image + 1) / 2
        elif run.network == "GPEN512":
            values["enhanced"] = (run.call(network, _last(_aligned(small, 512) * 2 - 1)) + 1) / 2
        elif run == REFERENCE_PARSED:
            logits = run.call(network, _last(values["enhanced"] * 2 - 1))
            mask = _put_back(softened(region(logits)), torch.zeros_like(small[:, :1]))
            values["small"] = torch.lerp(small, _put_back(values["enhanced"], small), mask)
        elif run.network == "ENet":
            reference, masked = _resized(small, 384).flip(1), _resized(faces, 384).flip(1)
            masked[:, :, 192:] = 0
            spoken = run.call(network, values["mel"], _last(torch.cat([masked, reference], 1)), _last(reference))
            values["faces"] = _resized(spoken.image.flip(1), faces.shape[-1])
        elif run.network == "GFPGANv1Clean512":
            restored = (run.call(network, _last(_aligned(faces, 512) * 2 - 1)) + 1) / 2
            values["faces"] = _put_back(restored, faces)
        else:
            logits = run.call(network, _last(_aligned(faces, run.shapes[0][-1]) * 2 - 1))
            values["mask"] = _put_back(softened(region(logits, MOUTH)), torch.zeros_like(faces[:, :1]))


def _corners(faces: Tensor) -> np.ndarray:
    """(N, 4, 2) of a turned square in each face, as an alignment gives it."""
    square = np.array([[0.02, 0.0], [0.0, 0.98], [0.98, 1.0], [1.0, 0.02]]) * faces.shape[-1] - 0.5
    return np.broadcast_to(square, (len(faces), 4, 2))


def _aligned(faces: Tensor, size: int) -> Tensor:
    return cut_squares(faces, _corners(faces), size)


def _put_back(crops: Tensor, faces: Tensor) -> Tensor:
    return paste_squares(crops, _corners(faces), faces)


def _resized(pictures: Tensor, size: int) -> Tensor:
    return functional.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)


def _last(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)


def ceilings(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """What the device does at best: multiply-accumulates a second in a matrix product, bytes a second in a copy."""
    side = MATRIX.get(device.type, 2048)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    source = torch.empty(COPIED.get(device.type, 2**26), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    products = side**3 / _quickest(lambda: a @ b, device)
    return products, 2 * source.numel() / _quickest(lambda: target.copy_(source), device)


def _quickest(work: Callable[[], object], device: torch.device) -> float:
    watch = Stopwatch(device, waits=True)
    found = []
    for _ in range(10):
        watch.seconds.clear()
        with watch.stage("work"):
            work()
        found.append(watch.seconds["work"])
    return min(found[2:])


@torch.inference_mode()  # type: ignore[untyped-decorator]
def measure_chain(
    height: int,
    width: int,
    frames: int,
    batch: int,
    *,
    preset: Sequence[Run],
    narrow: int,
    compiled: bool,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Print frames per second, and the stages with their shares of what the device can do."""
    chain = Chain.of(preset, narrow, device, dtype, compiled)
    clip = torch.randint(0, 256, (batch, height, width, 3), dtype=torch.uint8)
    clip = clip.pin_memory() if device.type == "cuda" else clip
    side = round(FACE * height)
    steps = np.sin(np.linspace(0, 2 * np.pi, batch)) * MOVEMENT * side
    boxes = np.stack([(width - side) / 2 + steps, (height - side) / 2 + steps / 2, np.full(batch, side)], 1).astype(int)
    mel = torch.rand(batch, 1, 80, 16, device=device, dtype=dtype) * 8 - 4
    window = torch.rand(batch, 73, 26, device=device, dtype=dtype)

    def run(waits: bool) -> tuple[float, Stopwatch]:
        watch = Stopwatch(device, waits)
        watch.wait()
        begun = time.perf_counter()
        for _ in range(frames // batch):
            chain.compose(clip, boxes, mel, window, watch)
        watch.wait()
        return (time.perf_counter() - begun) / (frames // batch * batch), watch

    chain.compose(clip, boxes, mel, window, Stopwatch(device, False))  # kernels are chosen and compiled
    seconds, _ = run(waits=False)
    _, watch = run(waits=True)
    products, bandwidth = ceilings(device, dtype)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    print(f"\n{width}x{height} on {name}, {dtype}, batch {batch}: {1 / seconds:.2f} frames a second")
    print(f"ceilings: {products / 1e12:.3f} TMAC/s in a matrix product, {bandwidth / 1e9:.1f} GB/s in a copy\n")
    print("| stage | ms a frame | share | of the product's ceiling | of the copy's ceiling |\n" + "| --- " * 5 + "|")
    works = {run.stage: count(run, narrow, plainly=False) * 1e9 for run in preset}
    face = 3 * side * side
    number = torch.empty(0, dtype=dtype).element_size()
    # bytes that must be read and written at least; the way to the device and back has other limits
    moved = {"cut out": (2 + number) * face, "blend": (2 * number + number / 3 + 1) * face}
    whole = sum(watch.seconds.values())
    for stage, spent in watch.seconds.items():
        each = spent / (frames // batch * batch)
        product = f"{works[stage] / each / products:.2f}" if stage in works else "-"
        copied = f"{moved[stage] / each / bandwidth:.2f}" if stage in moved else "-"
        print(f"| {stage} | {1000 * each:.2f} | {spent / whole:.0%} | {product} | {copied} |")
