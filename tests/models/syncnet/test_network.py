from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="SyncNet needs torch")

from talkingface.models.syncnet.network import SyncNet, SyncNetWidths, small_syncnet  # noqa: E402

LAYERS = (0, 4, 8, 11, 14, 18)


def test_it_has_the_released_keys_and_sizes() -> None:
    state = SyncNet().state_dict()
    owners = {key.rpartition(".")[0] for key in state}
    towers = {f"netcnn{side}.{layer + norm}" for side in ("aud", "lip") for layer in LAYERS for norm in (0, 1)}
    assert owners == towers | {f"netfc{side}.{layer}" for side in ("aud", "lip") for layer in (0, 1, 3)}
    assert (len(state), sum(tensor.numel() for tensor in state.values())) == (102, 13_640_270)
    assert state["netcnnlip.0.weight"].shape == (96, 3, 5, 7, 7)
    assert state["netcnnaud.18.weight"].shape == (512, 256, 5, 4)


def test_narrow_networks_have_the_same_layers() -> None:
    widths = SyncNetWidths().narrowed(32)
    narrow, wide = SyncNet(widths).state_dict(), SyncNet().state_dict()
    assert narrow.keys() == wide.keys()
    assert widths.embedding == 32 and narrow["netfclip.3.weight"].shape == (32, 16)


def test_embeddings_have_their_shapes_and_depend_on_what_is_seen() -> None:
    network = small_syncnet(32)
    generator = torch.Generator().manual_seed(1)
    lips = torch.rand((2, 3, 5, 224, 224), generator=generator) * 255
    sound = torch.randn((3, 1, 13, 20), generator=generator) * 10
    with torch.inference_mode():
        seen, heard = network.forward_lip(lips), network.forward_aud(sound)
    assert (seen.shape, heard.shape) == ((2, 32), (3, 32))
    assert (seen[0] - seen[1]).abs().max() > 1e-4 and (heard[0] - heard[1]).abs().max() > 1e-4


def test_frames_in_a_row_are_their_windows() -> None:
    network = small_syncnet(32)
    frames = torch.rand((3, 9, 224, 224), generator=torch.Generator().manual_seed(2)) * 255
    with torch.inference_mode():
        one_by_one = network.forward_lip(torch.stack([frames[:, k : k + 5] for k in range(5)]))
        together = network.forward_frames(frames)
    torch.testing.assert_close(together, one_by_one, atol=1e-5, rtol=1e-4)


def test_weights_follow_from_the_seed_and_leave_other_numbers_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second, other = (small_syncnet(64, seed).state_dict()["netfclip.3.weight"] for seed in (0, 0, 1))
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())
