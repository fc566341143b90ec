"""Small stand-ins for torch and the libraries of networks, so that the code that calls them always runs."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


class Tensor:
    """As much of a tensor as the metrics use."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values)

    def to(self, device: Any) -> Tensor:
        assert str(device) == "cpu"
        return self

    def reshape(self, *shape: int) -> Tensor:
        return Tensor(self.values.reshape(*shape))

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self.values

    def item(self) -> float:
        return float(self.values)


class Network:
    """A network that can be moved and put to evaluation."""

    def to(self, device: str) -> Any:
        assert device == "cpu"
        return self

    def eval(self) -> Any:
        return self


def load(path: str, map_location: str, weights_only: bool) -> None:
    """As much of ``torch.load`` as is used: refuses what is no weights."""
    assert weights_only and map_location == "cpu"
    if not Path(path).read_bytes().startswith(b"weights"):
        raise RuntimeError("Weights only load failed")


def torch_module(folder: Path) -> Any:
    """Stands for torch; its cache of weights is ``folder``."""
    return SimpleNamespace(
        hub=SimpleNamespace(get_dir=lambda: str(folder)),
        cuda=SimpleNamespace(is_available=lambda: False),
        no_grad=contextlib.nullcontext,
        from_numpy=Tensor,
        device=str,
        load=load,
    )


class Lpips(Network):
    """Mean absolute difference, of pictures (N, 3, side, side) of -1..1."""

    def __init__(self, net: str, verbose: bool) -> None:
        assert net == "alex" and not verbose
        print("Setting up")

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        assert a.values.shape == b.values.shape and a.values.shape[1] == 3 and a.values.dtype == np.float32
        assert a.values.min() >= -1 and a.values.max() <= 1
        return Tensor(np.abs(a.values - b.values).mean((1, 2, 3)).reshape(-1, 1, 1, 1))


class PyiqaMetric:
    """Brightness 0..1 of a picture (1, 3, side, side) of 0..1."""

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        print(f"Loading {name}")

    def __call__(self, picture: Tensor) -> Tensor:
        assert picture.values.shape[:2] == (1, 3)
        assert picture.values.min() >= 0 and picture.values.max() <= 1
        return Tensor(np.array(picture.values.mean()))


class Fid(Network):
    """Difference of the mean brightness of real and generated pictures."""

    def __init__(self, feature: int, feature_extractor_weights_path: str) -> None:
        assert feature == 2048 and Path(feature_extractor_weights_path).is_file()
        self.sums: dict[bool, list[float]] = {True: [], False: []}

    def update(self, pictures: Tensor, real: bool) -> None:
        assert pictures.values.dtype == np.uint8 and pictures.values.shape[1] == 3
        self.sums[real] += list(pictures.values.mean((1, 2, 3)))

    def compute(self) -> float:
        return float(abs(np.mean(self.sums[True]) - np.mean(self.sums[False])))


class Fvd:
    """Difference of the mean brightness of real and generated stretches."""

    def __init__(self, model: str, n_real: str, n_fake: str, ckpt_path: str, device: str) -> None:
        assert (model, n_real, n_fake, device) == ("i3d", "full", "full", "cpu") and Path(ckpt_path).is_file()
        if Path(ckpt_path).read_bytes() != b"weights":
            raise RuntimeError("unexpected key")
        self.real: list[np.ndarray] = []
        self.fake: list[np.ndarray] = []
        print("Loading i3d model ...")

    def add_real_stats(self, videos: np.ndarray) -> None:
        assert videos.ndim == 5 and videos.dtype == np.uint8
        self.real += list(videos)

    def add_fake_stats(self, videos: np.ndarray) -> None:
        assert videos.ndim == 5 and videos.dtype == np.uint8
        self.fake += list(videos)

    def compute_fvd_from_stats(self) -> float:
        return float(abs(np.mean([v.mean() for v in self.real]) - np.mean([v.mean() for v in self.fake])))


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Put the stand-ins in the place of all libraries; gives the folder of torch's weights."""
    hub = folder / "hub"
    modules = {
        "torch": torch_module(hub),
        "torchvision": SimpleNamespace(),
        "lpips": SimpleNamespace(LPIPS=Lpips),
        "pyiqa": SimpleNamespace(create_metric=PyiqaMetric),
        "torch_fidelity": SimpleNamespace(),
        "torchmetrics.image.fid": SimpleNamespace(FrechetInceptionDistance=Fid),
        "cdfvd.fvd": SimpleNamespace(cdfvd=Fvd),
    }
    parents = {"torchmetrics", "torchmetrics.image", "cdfvd"}
    import sys

    for name, module in {**dict.fromkeys(parents, SimpleNamespace(__path__=[])), **modules}.items():
        monkeypatch.setitem(sys.modules, name, module)  # type: ignore[arg-type]
    return hub


def put_weights(path: Path, monkeypatch: pytest.MonkeyPatch, module: Any = None, constant: str = "") -> Path:
    """Write weights; the hash that ``module`` expects of them is theirs, if it names one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    if module is not None:
        monkeypatch.setattr(module, constant, hashlib.sha256(b"weights").hexdigest())
    return path
