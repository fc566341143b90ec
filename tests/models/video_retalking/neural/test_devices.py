from __future__ import annotations

from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from talkingface.errors import OptionError  # noqa: E402
from talkingface.models.video_retalking.neural import devices  # noqa: E402
from talkingface.models.video_retalking.neural.devices import (  # noqa: E402
    Batches,
    chosen_device,
    chosen_dtype,
    fitting_batch,
)


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory: 9 GB")])
def test_memory_that_is_not_enough_halves_the_batch_and_loses_nothing(error: RuntimeError) -> None:
    tried: list[int] = []

    def work(batch: Sequence[int]) -> list[int]:
        tried.append(len(batch))
        if len(batch) > 3:
            raise error
        return [10 * item for item in batch]

    batches = Batches(8)
    assert batches.run(work, list(range(10))) == [10 * item for item in range(10)]
    assert tried == [8, 4, 2, 2, 2, 2, 2]
    assert batches.size == 2
    assert batches.run(work, [1, 2, 3]) == [10, 20, 30]


def test_other_errors_and_single_frames_are_raised() -> None:
    def fail(batch: Sequence[int]) -> list[int]:
        raise RuntimeError("wrong shape" if len(batch) > 1 else "out of memory")

    with pytest.raises(RuntimeError, match="wrong shape"):
        Batches(4).run(fail, [1, 2])
    with pytest.raises(RuntimeError, match="out of memory"):
        Batches(4).run(fail, [1])


def test_the_batch_follows_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for free, device, dtype, expected in (
        (64 << 30, cpu, torch.float32, devices.MOST_ON_CPU),
        (64 << 30, gpu, torch.float32, devices.MOST),
        (4 << 30, gpu, torch.float32, 4),
        (4 << 30, gpu, torch.bfloat16, 9),
        (1 << 20, gpu, torch.float32, 1),
    ):
        monkeypatch.setattr(devices, "free_bytes", lambda device, free=free: free)
        assert fitting_batch(0, device, dtype) == expected
        assert fitting_batch(5, device, dtype) == 5


def test_devices_and_precisions() -> None:
    cpu = chosen_device("cpu")
    assert chosen_device("auto").type in ("cpu", "cuda", "mps")
    assert chosen_dtype("bf16", cpu) == torch.bfloat16
    assert devices.free_bytes(cpu) > 1 << 20
    with pytest.raises(OptionError, match="fp16"):
        chosen_dtype("fp16", cpu)
