from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="export needs onnx")
pytest.importorskip("safetensors", reason="export needs safetensors")

from safetensors.torch import load_file  # noqa: E402

from talkingface.errors import OutputError  # noqa: E402
from talkingface.models.video_retalking.landmark import canonicalize  # noqa: E402
from talkingface.training import export  # noqa: E402
from talkingface.training.mouth_figures import GapStatistics  # noqa: E402
from talkingface.training.mouth_network import MouthMotion, SyncExpert  # noqa: E402
from talkingface.weights.embedded import onnx_runtime  # noqa: E402


def mouth(seed: int) -> MouthMotion:
    torch.manual_seed(seed)
    basis = torch.randn(16, 160) * 0.02
    return MouthMotion(
        basis,
        torch.randn(160) * 0.02,
        torch.full((80,), -6.0),
        torch.tensor(2.0),
        torch.zeros(288),
        torch.full((288,), 5.0),
        32,
    ).eval()


@pytest.mark.parametrize("half", [True, False])
def test_the_ensemble_says_the_same_in_onnx(tmp_path: Path, half: bool) -> None:
    path = tmp_path / "mouth.onnx"
    members = [mouth(0), mouth(1)]
    worst = export.export_mouth(members, path, half)
    assert worst < (1e-3 if half else 1e-5)
    session = onnx_runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    mel = (np.random.default_rng(0).normal(size=(1, 92, 80)) * 2 - 6).astype(np.float32)
    speech = np.random.default_rng(1).normal(size=(1, 23, 288)).astype(np.float32)
    made, closed = session.run(["displacement", "closed"], {"mel": mel, "speech": speech})
    with torch.inference_mode():
        both = [member(torch.from_numpy(mel), torch.from_numpy(speech)) for member in members]
    assert made.shape == (1, 23, 160) and closed.shape == (1, 23)
    assert np.abs(made - (both[0][0] + both[1][0]).numpy() / 2).max() < 1e-3
    assert np.abs(closed - (both[0][1] + both[1][1]).numpy() / 2).max() < 2e-3


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    export.export_mouth([mouth(0)], tmp_path / "full.onnx", half=False)
    export.export_mouth([mouth(0)], tmp_path / "half.onnx", half=True)
    full, half = (tmp_path / f"{name}.onnx" for name in ("full", "half"))
    assert half.stat().st_size < 0.65 * full.stat().st_size


def sync(seed: int, channels: int = 16) -> SyncExpert:
    torch.manual_seed(seed)
    return SyncExpert(torch.randn(16, 160) * 0.02, torch.full((80,), -6.0), torch.tensor(2.0), channels).eval()


@pytest.mark.parametrize("small", [True, False])
def test_the_expert_says_the_same_in_onnx(tmp_path: Path, small: bool) -> None:
    path = tmp_path / "sync.onnx"
    expert = sync(0)
    assert export.export_sync(expert, path, small) < (0.1 if small else 1e-4)
    session = onnx_runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [output.shape[2] for output in session.get_outputs()] == [96, 96]
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(1, 23, 160)) * 0.05).astype(np.float32)
    mel = (rng.normal(size=(1, 92, 80)) * 2 - 6).astype(np.float32)
    made = session.run(None, {"points": points, "mel": mel})
    with torch.inference_mode():
        wanted = expert(torch.from_numpy(points), torch.from_numpy(mel))
    for ours, theirs in zip(made, wanted, strict=True):
        assert np.linalg.norm(ours, axis=2) == pytest.approx(1, abs=1e-4)
        assert (ours * theirs.numpy()).sum(2).min() > 0.99


def test_eight_bits_make_the_file_small(tmp_path: Path) -> None:
    for name, small in (("full", False), ("small", True)):
        export.export_sync(sync(0, 64), tmp_path / f"{name}.onnx", small)
    assert (tmp_path / "small.onnx").stat().st_size < 0.4 * (tmp_path / "full.onnx").stat().st_size


def test_a_network_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(OutputError, match="differs"):
        export.export_mouth([mouth(0)], tmp_path / "mouth.onnx")


def test_weights_come_back(tmp_path: Path) -> None:
    network = mouth(0)
    export.save_weights(network, tmp_path / "mouth.safetensors")
    state = load_file(str(tmp_path / "mouth.safetensors"))
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


def test_the_shape_model_is_what_inference_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = np.linspace(0, 1, 15, dtype=np.float32)
    path = tmp_path / "mouth_shape.npz"
    export.save_shape_model(
        path, np.ones((478, 3), np.float32), np.ones((80, 2), np.float32), GapStatistics(levels, levels, levels)
    )
    monkeypatch.setattr(canonicalize, "asset_path", lambda name: path)
    model = canonicalize.MouthShapeModel.load()
    assert model.reference.shape == (478, 3) and model.closing_direction.shape == (80, 2)
    assert np.array_equal(model.predicted_gap, levels)
