from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.progress import Cancellation, SilentProgress  # noqa: E402
from talkingface.training import mouth_fit  # noqa: E402
from talkingface.training.examples import BatchShape, direction_and_examples  # noqa: E402
from talkingface.training.loop import LoopOptions, RunFolder  # noqa: E402
from talkingface.training.mouth_figures import predict, validate  # noqa: E402
from talkingface.training.mouth_rows import MouthRows, prepare_rows, speech_of_clip  # noqa: E402
from talkingface.training.speech_embedding import load_speech_embedding  # noqa: E402


def test_it_learns_people_it_never_saw(talkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mouth_fit, "BATCH", BatchShape(rows=8, frames=32))
    _, train, held = direction_and_examples(talkers[8:], talkers[:8])
    options = LoopOptions(steps=80, learning_rate=4e-3, log_every=80)
    embedding = load_speech_embedding()
    rows = prepare_rows(train, {}, 64, mouth_fit.BATCH, embedding, 0, SilentProgress(), Cancellation())
    held = [replace(example, speech=speech_of_clip(embedding, example.clip)) for example in held]
    network = mouth_fit.train_member(train, rows, held, options, RunFolder(tmp_path, "mouth"), channels=24)
    figures = validate(partial(predict, network), held)
    assert figures["gap_correlation"] > 0.85
    assert figures["lip_error"] < 0.7 * figures["lip_error_mean_mouth"]


def test_the_seed_alone_decides_the_first_weights(talkers) -> None:
    _, train, _ = direction_and_examples(talkers, [])
    rows = MouthRows(*(np.zeros((2, 4, size), np.float16) for size in (80, 288, 160, 1, 1)))
    torch.manual_seed(3)
    first = mouth_fit.new_network(train, rows, 1, channels=8).encoder.out.weight
    torch.manual_seed(4)
    assert torch.equal(first, mouth_fit.new_network(train, rows, 1, channels=8).encoder.out.weight)
    assert not torch.equal(first, mouth_fit.new_network(train, rows, 2, channels=8).encoder.out.weight)
