import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="the weights lie in ONNX")

from talkingface.errors import Cancelled  # noqa: E402
from talkingface.progress import Cancellation, SilentProgress  # noqa: E402
from talkingface.training.examples import BatchShape, make_examples  # noqa: E402
from talkingface.training.mouth_data import closing_direction  # noqa: E402
from talkingface.training.mouth_rows import prepare_rows, speech_of_clip  # noqa: E402
from talkingface.training.speech_embedding import load_speech_embedding  # noqa: E402

SHAPE = BatchShape()


def test_rows_are_the_seeds_and_whole(talkers) -> None:
    examples = make_examples(talkers, closing_direction(talkers))
    embedding = load_speech_embedding()
    rows = prepare_rows(examples, {}, 30, SHAPE, embedding, 5, SilentProgress(), Cancellation())
    assert len(rows) == 48  # whole batches
    assert rows.speech.shape == (48, 64, 288) and rows.mel.shape == (48, 256, 80) and rows.target.shape == (48, 64, 160)
    again = prepare_rows(examples, {}, 24, SHAPE, embedding, 5, SilentProgress(), Cancellation())
    np.testing.assert_array_equal(again.speech, rows.speech[:24])
    other = prepare_rows(examples, {}, 24, SHAPE, embedding, 6, SilentProgress(), Cancellation())
    assert not np.array_equal(other.target, again.target)
    mean, deviation = rows.speech_statistics()
    np.testing.assert_allclose(mean, rows.speech.astype(np.float64).mean((0, 1)), atol=1e-3)
    assert deviation.min() > 0
    mel, speech, target, exists, joined = rows.draw(np.random.default_rng(0), 8)
    assert mel.dtype == speech.dtype == target.dtype == exists.dtype == joined.dtype == torch.float32
    assert len(mel) == len(joined) == 8


def test_a_clip_has_as_many_numbers_as_frames(talkers) -> None:
    embedding = load_speech_embedding()
    assert speech_of_clip(embedding, talkers[0]).shape == (len(talkers[0].shape), 288)


def test_it_stops_when_asked(talkers) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        prepare_rows(make_examples(talkers, closing_direction(talkers)), {}, 24, SHAPE, load_speech_embedding(), 0,
                     SilentProgress(), cancel)  # fmt: skip
