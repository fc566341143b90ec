from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch.nn import functional  # noqa: E402

from talkingface.models.video_retalking.neural.reference_attention import ReferenceAttention  # noqa: E402


def test_one_layer_step_by_step() -> None:
    attention = ReferenceAttention(8, heads=2).eval()
    asking, answering = torch.randn(2, 8, 3, 5), torch.randn(2, 8, 3, 5)
    x, y = (value.flatten(2).transpose(1, 2) for value in (asking, answering))
    for first, second in attention.layers:
        normed, seen = first.normx(x), first.normy(y)
        heads = []
        for head in range(2):  # each has two of the four inner channels
            part = slice(2 * head, 2 * head + 2)
            q, k, v = first.fn.to_q(normed)[..., part], first.fn.to_k(normed)[..., part], first.fn.to_v(seen)[..., part]
            heads.append(torch.softmax(q @ k.transpose(1, 2) / 2**0.5, -1) @ v)
        x = x + first.fn.to_out[0](torch.cat(heads, -1))
        inner = functional.gelu(second.fn.net[0](second.norm(x)), approximate="tanh")
        x = x + second.fn.net[3](inner)
    found = attention(asking, answering)
    torch.testing.assert_close(found, x.transpose(1, 2).reshape(2, 8, 3, 5), atol=1e-5, rtol=1e-4)
