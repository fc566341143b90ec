"""All networks of a job: loaded, folded, laid out and put where they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last
from talkingface.models.video_retalking.neural.devices import chosen_device, chosen_dtype
from talkingface.models.video_retalking.neural.settings import EMOTION, PARSER, RESTORERS, NeuralSettings
from talkingface.weights import store

_WAYS = ("forward", "restore", "parse")  # in which networks are called
Loader = Callable[[str, Path], Any]


@dataclass(frozen=True)
class NetworkSet:
    """The networks of a job; those it does not need are None.

    Attributes:
        editor: D-Net.
        upsampler: E-Net, with L-Net in it.
        coefficients: Deep3D.
        restorer: GFPGAN or GPEN, for the result.
        reference_restorer: GPEN, for the canonical faces.
        parser: ParseNet.
        emotion: GANimation.
        device: Where they are.
        dtype: Of their weights.
        lip_noise: What E-Net adds, the same for all frames.
        restorer_noise: What GFPGAN adds, the same for all frames; None for GPEN.
    """

    editor: Any
    upsampler: Any
    coefficients: Any
    restorer: Any | None
    reference_restorer: Any | None
    parser: Any | None
    emotion: Any | None
    device: torch.device
    dtype: torch.dtype
    lip_noise: tuple[Tensor, ...]
    restorer_noise: list[Tensor] | None


def load_networks(settings: NeuralSettings, checkpoint_dir: Path, loader: Loader | None = None) -> NetworkSet:
    """Load what a job needs.

    Args:
        settings: Of the job.
        checkpoint_dir: Where a user's weights lie.
        loader: Gives a network by its name in the weights catalog; None for ``weights.store.load``.

    Raises:
        WeightsMissingError: a file is not there.
        WeightsUnusableError: a file is not what its name says.
        OptionError: the device or precision asked for cannot be had.
    """
    device = chosen_device(settings.device)
    dtype = chosen_dtype(settings.dtype, device)
    load = loader or store.load
    ready: dict[str, Any] = {}

    def network(name: str) -> Any:
        if name not in ready:
            ready[name] = _prepared(load(name, checkpoint_dir), device, dtype, settings.compiled)
        return ready[name]

    restorer = None if settings.enhancer == "none" else network(RESTORERS[settings.enhancer])
    upsampler = network("ENet")
    generator = torch.Generator().manual_seed(settings.seed)
    lip_noise = upsampler.draw_noise(generator)
    return NetworkSet(
        editor=network("DNet"),
        upsampler=upsampler,
        coefficients=network("Deep3DRecon"),
        restorer=restorer,
        reference_restorer=network(RESTORERS["gpen"]) if settings.reference_enhanced else None,
        parser=network(PARSER) if settings.parsed else None,
        emotion=network(EMOTION) if settings.emotional else None,
        device=device,
        dtype=dtype,
        lip_noise=lip_noise,
        restorer_noise=None if restorer is None or settings.enhancer != "gfpgan" else restorer.make_noise(generator),
    )


def _prepared(module: Any, device: torch.device, dtype: torch.dtype, compiled: bool) -> Any:
    """Fold in float32, then lay out, move and narrow."""
    fold_for_inference(module)
    lay_channels_last(module)
    module.to(device=device, dtype=dtype)
    if compiled:
        for way in _WAYS:
            if hasattr(module, way):
                setattr(module, way, torch.compile(getattr(module, way)))
    return module
