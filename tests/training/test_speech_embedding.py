import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="the weights lie in ONNX")

from talkingface.media.mel import PHONETIC_MEL, log_mel  # noqa: E402
from talkingface.training.speech_embedding import (  # noqa: E402
    SPEECH_VALUES,
    WINDOW_COLUMNS,
    load_speech_embedding,
    padded_with_silence,
)
from talkingface.weights.embedded import create_session  # noqa: E402


def voice(columns: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=columns * 160) * 0.1 * np.abs(np.sin(np.arange(columns * 160) / 1500))
    return log_mel(sound.astype(np.float32), columns, PHONETIC_MEL)[None]


def test_torch_says_what_the_shipped_file_says() -> None:
    mel = voice(WINDOW_COLUMNS + 60)
    (shipped,) = create_session("speech_embedding.onnx").run(None, {"mel": mel})
    with torch.inference_mode():
        ours = load_speech_embedding()(torch.from_numpy(mel)).numpy()
    assert ours.shape == shipped.shape == (1, 16, SPEECH_VALUES)
    np.testing.assert_allclose(ours, shipped, atol=2e-3)


def test_a_long_pass_gives_what_each_window_gives_alone() -> None:
    network = load_speech_embedding()
    mel = torch.from_numpy(voice(WINDOW_COLUMNS + 40, 1))
    with torch.inference_mode():
        whole = network(mel)
        for number in (0, 3, 10):
            alone = network(mel[:, 4 * number : 4 * number + WINDOW_COLUMNS])
            torch.testing.assert_close(whole[:, number : number + 1], alone, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("frames", [1, 7, 64])
def test_as_many_embeddings_as_frames(frames: int) -> None:
    mel = torch.from_numpy(voice(4 * frames))
    with torch.inference_mode():
        assert load_speech_embedding()(padded_with_silence(mel)).shape == (1, frames, SPEECH_VALUES)


def test_the_network_is_frozen() -> None:
    assert not any(weight.requires_grad for weight in load_speech_embedding().parameters())


def test_a_file_without_all_weights_is_refused(tmp_path) -> None:
    import onnx

    from talkingface.errors import WeightsMissingError
    from talkingface.weights.embedded import asset_path

    model = onnx.load(str(asset_path("speech_embedding.onnx")))
    kept = [weight for weight in model.graph.initializer if not weight.name.startswith("last.")]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, str(tmp_path / "torn.onnx"))
    with pytest.raises(WeightsMissingError, match=r"torn\.onnx: has no last\.weight"):
        load_speech_embedding(tmp_path / "torn.onnx")
