"""Computing once what is the same at every call: after loading, a network is made cheaper without changing its result.

Spectral norms and batch norms go into the weights of their convolutions; doublings of pixels go into the convolution
behind them. Networks that know more of themselves have a method ``fold``. The state dict is no longer the released one
afterwards, so load first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from talkingface.models.nearest_upsampling import fold_nearest_upsampling
from talkingface.models.spectral_norm import fold_spectral_norm, in_float64

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Folded:
    """How many of each were folded, besides what a network's own ``fold`` did.

    Attributes:
        spectral_norms: Into weights.
        batch_norms: Into weights.
        upsamplings: Into convolutions.
    """

    spectral_norms: int
    batch_norms: int
    upsamplings: int


def fold_for_inference(module: nn.Module) -> Folded:
    """Fold everything that can be, in place; the network is in ``eval`` mode then, and cannot be trained any more.

    Args:
        module: A network with its weights loaded, in float32 or float64: what is folded is then exact to rounding.
    """
    module.eval().requires_grad_(False)
    own = getattr(module, "fold", None)
    if callable(own):
        own()
    return Folded(fold_spectral_norm(module), fold_batch_norms(module), fold_nearest_upsampling(module))


def lay_channels_last(module: nn.Module, but: Sequence[str] = ()) -> None:
    """Put the channels of every four-dimensional weight last in memory, in place; the result stays the same.

    ``module.to(memory_format=torch.channels_last)`` refuses networks whose weights have five axes, such as modulated
    convolutions; this leaves those as they are. Pictures given to the network should be laid out alike.

    Args:
        module: A network.
        but: Names of modules in it whose weights stay as they are.
    """
    left = {id(parameter) for name in but for parameter in module.get_submodule(name).parameters()}
    for parameter in module.parameters():
        if parameter.dim() == 4 and id(parameter) not in left:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def fold_batch_norms(module: nn.Module) -> int:
    """Put batch norms into the weights of the convolutions or linear layers right before them, in place.

    A pair is folded where a ``Sequential`` says that one follows the other, or where a module says so by an attribute
    ``normed_convolutions`` with pairs of names: the order of a module's layers alone does not tell what runs between.

    Args:
        module: A network with its weights loaded.

    Returns:
        How many were folded; each leaves an ``nn.Identity``.
    """
    folded = 0
    for parent in module.modules():
        for before, after in _pairs(parent):
            layer, norm = parent.get_submodule(before), parent.get_submodule(after)
            if isinstance(layer, CONVOLUTIONS) and isinstance(norm, NORMS) and norm.running_var is not None:
                _fold(layer, norm)
                setattr(parent, after, nn.Identity())
                folded += 1
    return folded


def _pairs(parent: nn.Module) -> Iterator[tuple[str, str]]:
    if isinstance(parent, nn.Sequential):
        yield from pairwise(name for name, _ in parent.named_children())
    yield from getattr(parent, "normed_convolutions", ())


@torch.no_grad()  # type: ignore[untyped-decorator]
def _fold(layer: nn.Module, norm: nn.Module) -> None:
    weight = layer.weight
    exact = in_float64(weight)
    gain = (norm.running_var.to(exact) + norm.eps).rsqrt()
    shift = -norm.running_mean.to(exact) * gain
    if norm.affine:
        gain, shift = gain * norm.weight.to(exact), shift * norm.weight.to(exact) + norm.bias.to(exact)
    if layer.bias is not None:
        shift = shift + layer.bias.to(exact) * gain
    outputs_axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    shape = [1] * weight.dim()
    shape[outputs_axis] = -1
    layer.weight = nn.Parameter((exact * gain.reshape(shape)).to(weight), requires_grad=False)
    layer.bias = nn.Parameter(shift.to(weight), requires_grad=False)
