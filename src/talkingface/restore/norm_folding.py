"""Batch norms that are computed once: into the weights of the convolution in front of them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution, with bias, that does what both do in ``eval()``."""
    with torch.no_grad():
        return fuse_conv_bn_eval(convolution.eval(), norm.eval())


def fold_norm(owner: nn.Module, convolution: str, norm: str) -> None:
    """Replace the convolution and the batch norm of these names by one convolution; an identity keeps the norm's place.

    The owner's state dict has other keys afterwards, so load weights first. What is folded already stays as it is.
    """
    last = getattr(owner, norm)
    if isinstance(last, nn.BatchNorm2d):
        setattr(owner, convolution, folded(getattr(owner, convolution), last))
        setattr(owner, norm, nn.Identity())
