"""L-Net's attention: the masked face asks where to look, the reference face answers with what is there."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

LAYERS = 2


class ReferenceAttention(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Two layers of attention and feed-forward over the pixels of a small picture."""

    def __init__(self, channels: int, heads: int) -> None:
        """Build it with random weights.

        Args:
            channels: Of both pictures; each head sees ``channels / 2 / heads`` of them.
            heads: How many weightings of the reference there are.
        """
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([_NormedAttention(channels, heads), _NormedFeedForward(channels)]) for _ in range(LAYERS)
        )

    def forward(self, masked: Tensor, reference: Tensor) -> Tensor:
        """(N, C, H, W) twice -> (N, C, H, W): the masked face with what it found. The reference does not change."""
        n, channels, height, width = masked.shape
        tokens = masked.flatten(2).transpose(1, 2)
        answers = reference.flatten(2).transpose(1, 2)
        for attention, feed_forward in self.layers:
            tokens = tokens + attention(tokens, answers)
            tokens = tokens + feed_forward(tokens)
        found: Tensor = tokens.transpose(1, 2).reshape(n, channels, height, width)
        return found


class _Attention(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        inner = channels // 2
        self.to_q = nn.Linear(channels, inner, bias=False)
        self.to_k = nn.Linear(channels, inner, bias=False)
        self.to_v = nn.Linear(channels, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, channels), nn.Dropout(0.0))

    def forward(self, asking: Tensor, answering: Tensor) -> Tensor:
        queries, keys, values = (
            layer(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, tokens in ((self.to_q, asking), (self.to_k, asking), (self.to_v, answering))
        )
        found = functional.scaled_dot_product_attention(queries, keys, values)  # scaled by the root of a head's width
        out: Tensor = self.to_out(found.transpose(1, 2).flatten(2))
        return out


class _NormedAttention(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.normx = nn.LayerNorm(channels)
        self.normy = nn.LayerNorm(channels)
        self.fn = _Attention(channels, heads)

    def forward(self, asking: Tensor, answering: Tensor) -> Tensor:
        out: Tensor = self.fn(self.normx(asking), self.normy(answering))
        return out


class _FeedForward(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.net = nn.Sequential(
            nn.Linear(channels, inner), nn.GELU("tanh"), nn.Dropout(0.0), nn.Linear(inner, channels), nn.Dropout(0.0)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.net(tokens)
        return out


class _NormedFeedForward(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fn = _FeedForward(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.fn(self.norm(tokens))
        return out
