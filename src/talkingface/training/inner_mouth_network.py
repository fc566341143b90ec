"""The inner-mouth painter in torch: a field that says what colour a place between the lips has.

The person and the moment are codes learnt with the field (Bojanowski et al. 2018, generative latent optimisation): what
geometry cannot know (whose teeth these are, where the tongue just is) need not be averaged away.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PLACES, OPENING, COLOURS = 6, 5, 3
PERSON_CODE, MOMENT_CODE = 12, 4
PERSON_PACE, MOMENT_PACE = 3.0, 8.0  # codes are seen seldom: each sight moves them further than a weight
# waves per inter-ocular distance: a front tooth is 0.13 wide, a lower one 0.08
ACROSS_WAVES = (1.0, 2.0, 3.5, 5.5, 8.0, 11.0)
DOWN_WAVES = (1.5, 3.0, 6.0, 10.0)
PLACE_SCALE = (3.0, 8.0, 8.0, 10.0, 10.0, 3.0)
OPENING_MEAN, OPENING_DEVIATION = (0.10, 0.65, 0.06, 0.0, 0.10), (0.07, 0.08, 0.05, 0.03, 0.06)
LIPS_MEAN, LIPS_DEVIATION = (0.55, 0.50, 0.62), 0.2
FEATURES = 2 * PLACES + 2 * (len(ACROSS_WAVES) + 2 * len(DOWN_WAVES)) + OPENING


class MouthField(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Places between the lips to colours as shares of the white of teeth; codes and lips steer every layer."""

    def __init__(self, width: int = 96, layers: int = 4) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        for name, values in (
            ("across_waves", [2 * math.pi * wave for wave in ACROSS_WAVES]),
            ("down_waves", [2 * math.pi * wave for wave in DOWN_WAVES]),
            ("place_scale", PLACE_SCALE),
            ("opening_mean", OPENING_MEAN),
            ("opening_deviation", OPENING_DEVIATION),
            ("lips_mean", LIPS_MEAN),
        ):
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.first = nn.Linear(FEATURES, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(layers - 1))
        self.out = nn.Linear(width, COLOURS)
        self.steer = nn.Linear(PERSON_CODE + MOMENT_CODE + OPENING + COLOURS, layers * 2 * width)
        nn.init.normal_(self.steer.weight, std=0.05)
        nn.init.zeros_(self.steer.bias)

    def features(self, places: Tensor, opening: Tensor) -> Tensor:
        """(N, 6) places and (N, 5) normalised openings -> (N, FEATURES)."""
        across, skull, jaw, below, above, along = places.unbind(-1)
        near = [
            torch.exp(-below / 0.015), torch.exp(-below / 0.05), torch.exp(-above / 0.015), torch.exp(-above / 0.05),
            (2 * along) ** 2, (2 * along) ** 8,
        ]  # fmt: skip
        waves = torch.cat(
            [
                across[..., None] * self.across_waves,
                skull[..., None] * self.down_waves,
                jaw[..., None] * self.down_waves,
            ],
            -1,
        )
        return torch.cat([places * self.place_scale, torch.stack(near, -1), waves.sin(), waves.cos(), opening], -1)

    def forward(self, places: Tensor, opening: Tensor, lips: Tensor, person: Tensor, moment: Tensor) -> Tensor:
        """Colours of places.

        Args:
            places: (N, 6) the first six fields of ``MouthSpace``.
            opening: (N or 1, 5) ``MouthSpace.opening``.
            lips: (N or 1, 3) the lips' colour as shares of the white of teeth, B, G, R.
            person: (N or 1, 12) code.
            moment: (N or 1, 4) code.

        Returns:
            (N, 3) B, G, R as shares of the white of teeth.
        """
        opening = (opening - self.opening_mean) / self.opening_deviation
        lips = (lips - self.lips_mean) / LIPS_DEVIATION
        steering = self.steer(torch.cat([person, moment, opening, lips], -1))
        steering = steering.view(-1, self.layers, 2, self.width)
        hidden = self.first(self.features(places, opening.expand_as(places[:, :OPENING])))
        hidden = functional.silu(hidden * (1 + steering[:, 0, 0]) + steering[:, 0, 1])
        for number, layer in enumerate(self.hidden, 1):
            change = layer(hidden) * (1 + steering[:, number, 0]) + steering[:, number, 1]
            hidden = hidden + functional.silu(change)
        return self.out(hidden)


class FieldWithCodes(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """A field, and a code for every clip and every frame it learns from."""

    def __init__(self, clips: int, views: int, width: int = 96, layers: int = 4) -> None:
        super().__init__()
        self.field = MouthField(width, layers)
        self.people = nn.Parameter(torch.randn(clips, PERSON_CODE) * (0.3 / PERSON_PACE))
        self.moments = nn.Parameter(torch.zeros(views, MOMENT_CODE))

    def person(self, clips: Tensor) -> Tensor:
        """(N, 12) codes of clips (N,)."""
        return self.people[clips] * PERSON_PACE

    def moment(self, views: Tensor) -> Tensor:
        """(N, 4) codes of frames (N,)."""
        return self.moments[views] * MOMENT_PACE


class ShippedField(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """A field with one code for good: what inference runs."""

    def __init__(self, field: MouthField, person: Tensor) -> None:
        super().__init__()
        self.field = field
        self.register_buffer("person", person.detach().clone().view(1, PERSON_CODE))
        self.register_buffer("moment", torch.zeros(1, MOMENT_CODE))

    def forward(self, places: Tensor, opening: Tensor, lips: Tensor) -> Tensor:
        """(N, 6) places, (1, 5) opening, (1, 3) lips -> (N, 3) colours."""
        return self.field(places, opening, lips, self.person, self.moment)
