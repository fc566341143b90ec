from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(autouse=True)
def same_random_weights() -> None:
    """Every test draws the same weights, whatever ran before it."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.manual_seed(0)
