"""The neural backend of one job: networks loaded once, a pipeline for every person who speaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from talkingface.models.video_retalking.neural.devices import fitting_batch
from talkingface.models.video_retalking.neural.expression_template import expression_of_file, released_template
from talkingface.models.video_retalking.neural.network_set import Loader, load_networks
from talkingface.models.video_retalking.neural.neural_pipeline import NeuralPipeline, SourceClip
from talkingface.models.video_retalking.neural.settings import STANDARD_POINTS, TEMPLATES, NeuralSettings
from talkingface.models.video_retalking.neural.standard_points import standard_five
from talkingface.progress import Cancellation
from talkingface.weights import store


class NeuralBackend:
    """Makes planned pipelines; holds what all persons of a job share."""

    def __init__(
        self, settings: NeuralSettings, checkpoint_dir: Path, cancel: Cancellation, loader: Loader | None = None
    ) -> None:
        """Load everything, so that what is wrong with it is said before the long work.

        Args:
            settings: Of the job.
            checkpoint_dir: Where a user's weights lie.
            cancel: Checked while a reference's expression is measured.
            loader: See ``load_networks``.

        Raises:
            WeightsMissingError: a file is missing.
            WeightsUnusableError: a file is not what its name says.
            OptionError: the device or precision asked for cannot be had.
            MediaError: the picture of the expression cannot be read.
            NoFaceError: it shows no face.
        """
        self.settings, self.cancel = settings, cancel
        self.notes: list[str] = []
        points, templates = (store.find(name, checkpoint_dir) for name in (STANDARD_POINTS, TEMPLATES))
        self.space = standard_five(points)
        if points is None:
            self.notes.append("similarity_Lm3D_all.mat is missing: its five points that count are taken from a table")
        self.networks = load_networks(settings, checkpoint_dir, loader)
        self.template = None
        if settings.expression_picture is not None:
            self.template = expression_of_file(settings.expression_picture, self.networks, self.space, cancel.check)
        elif templates is not None:
            self.template = released_template(templates, settings.expression)
        else:
            self.notes.append("expression.mat is missing: the neutral expression is the clip's own with closed lips")
        device, dtype = self.networks.device, self.networks.dtype
        self.batch = fitting_batch(settings.batch_size, device, dtype)
        self.notes.append(f"networks run on {device.type} in {settings.dtype}, {self.batch} frames at a time")

    def pipeline(self, source: SourceClip, folder: Path, cancel: Cancellation) -> NeuralPipeline:
        """A pipeline for one person, not planned yet.

        Args:
            source: The clip.
            folder: Of the job, for coefficients.
            cancel: Checked while it is planned.
        """
        return NeuralPipeline(
            self.networks, self.settings, source, self.space, self.template, folder, self.batch, cancel
        )  # fmt: skip

    def described(self) -> dict[str, Any]:
        """What a report says of the expression."""
        settings = self.settings
        how = "the clip's own with closed lips" if self.template is None else settings.expression
        return {"template": how, "emotion": {settings.emotion: settings.strength} if settings.emotional else {}}


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many processor threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
