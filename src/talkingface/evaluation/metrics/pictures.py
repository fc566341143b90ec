"""The family of metrics that look at pictures: one pass over a clip's files serves all that are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from talkingface.evaluation.face_picture import upright_size
from talkingface.evaluation.family import FamilyScores, MetricFamily
from talkingface.evaluation.frame_pairs import FramePair, FramePairs, compared_size
from talkingface.evaluation.material import Material
from talkingface.evaluation.metrics import (
    background,
    blur,
    distribution,
    identity,
    no_reference,
    perceptual,
    reconstruction,
)
from talkingface.evaluation.observation import Library, Observation, same_file
from talkingface.evaluation.optional_networks import NotAvailable
from talkingface.evaluation.result import Score

NETWORKS = {"csim": identity.DLIB_NETWORK, "csim_arcface": identity.ARCFACE_NETWORK}
CSIM = frozenset(NETWORKS)


class Part(Protocol):
    """Some of the family's metrics: fed with a clip's frames, asked for its scores."""

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""

    def result(self) -> FamilyScores:
        """What came out."""


class PictureFamily(MetricFamily):
    """SSIM, PSNR, LPIPS, CPBD, NIQE, BRISQUE, MUSIQ, CSIM, the background, FID and FVD."""

    def __init__(self) -> None:
        self._opened: dict[str, object] = {}

    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Score one clip; see ``MetricFamily``."""
        missing = {name: _missing_video(name, material) or self._missing_network(name, library) for name in wanted}
        scores = {name: Score(None, reason) for name, reason in missing.items() if reason is not None}
        usable = wanted - scores.keys()
        if not usable:
            return FamilyScores(scores)
        truth = material.truth if _wants_truth(usable) else None
        pairs = FramePairs(material.generated, truth, material.source, _size(material), library)
        parts = self._parts(material, usable, pairs)
        pairs.feed(parts)
        results = [part.result() for part in parts]
        notes: list[str] = []
        left_out = 0 if truth is None else int((~pairs.has_truth).sum())
        if left_out:
            notes.append(
                f"{material.row.name}: the truth has no frame at the time of {left_out} of {len(pairs)} frames; they "
                "are not compared with it"
            )
        controls: dict[str, dict[str, Score]] = {}
        for result in results:
            scores |= {name: score for name, score in result.scores.items() if name in wanted}
            for control, row in result.controls.items():
                known = controls.setdefault(control, {})
                known |= {name: score for name, score in row.items() if name in wanted}
        details = {key: value for result in results for key, value in result.details.items()}
        return FamilyScores(scores, controls, details, tuple(notes))

    def over_all(self, wanted: frozenset[str]) -> Mapping[str, Score]:
        """FID and FVD of everything scored."""
        found: dict[str, Score] = {}
        for name in distribution.METRICS:
            if name in wanted:
                opened = self._opened.get(name)
                if opened is None:
                    found[name] = Score(None, "n/a: nothing was scored")
                elif isinstance(opened, NotAvailable):
                    found[name] = Score(None, str(opened))
                else:
                    found[name] = distribution.set_score(cast("distribution.SetDistance", opened))
        return found

    def over_all_notes(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """How few samples the values are of."""
        sets = {
            name: cast("distribution.SetDistance", self._opened[name])
            for name in distribution.METRICS
            if name in wanted and not isinstance(self._opened.get(name, NotAvailable()), NotAvailable)
        }
        notes = [distribution.few_samples_note(name, found) for name, found in sets.items()]
        return tuple(note for note in notes if note is not None)

    def _missing_network(self, name: str, library: Library) -> str | None:
        """Why a metric's network cannot be used; opens it when first asked."""
        key = "lpips" if name in perceptual.METRICS else name
        if key not in self._opened:
            try:
                self._opened[key] = _open(key, library)
            except NotAvailable as error:
                self._opened[key] = error
        opened = self._opened[key]
        return str(opened) if isinstance(opened, NotAvailable) else None

    def _parts(self, material: Material, usable: frozenset[str], pairs: FramePairs) -> list[Part]:
        original = material.source
        no_undubbed = _no_undubbed(material)
        parts: list[Part] = []
        regions = tuple(region for region in reconstruction.REGIONS if {f"{region}_ssim", f"{region}_psnr"} & usable)
        if regions:
            parts.append(reconstruction.Reconstruction(regions, no_undubbed))
        regions = tuple(region for region in reconstruction.REGIONS if f"{region}_lpips" in usable)
        if regions:
            chosen = pairs.spread(perceptual.MOST_FRAMES, pairs.has_truth)
            network = cast("perceptual.PerceptualDistance", self._opened["lpips"])
            parts.append(perceptual.PerceptualComparison(network, regions, chosen, no_undubbed))
        if "cpbd" in usable:
            parts.append(blur.Sharpness(pairs.spread(blur.MOST_FRAMES), original is not None))
        qualities = {name: self._opened[name] for name in no_reference.METRICS if name in usable}
        if qualities:
            networks = cast("dict[str, no_reference.PictureQuality]", qualities)
            parts.append(no_reference.Quality(networks, pairs.spread(no_reference.MOST_FRAMES), original is not None))
        for name in CSIM & usable:
            chosen = pairs.spread(identity.MOST_FRAMES, pairs.has_original)
            embedder = cast("identity.Embedder", self._opened[name])
            still = original is not None and original.still
            parts.append(identity.Likeness(name, NETWORKS[name], embedder, chosen, still))
        if "background_change" in usable:
            parts.append(background.Background())
        sets = {name: self._opened[name] for name in distribution.METRICS if name in usable}
        if sets:
            parts.append(distribution.FaceCrops(cast("dict[str, distribution.SetDistance]", sets)))
        return parts


def _open(key: str, library: Library) -> object:
    """A network by the name of its metric; None for metrics that need none.

    Raises:
        NotAvailable: it cannot be used, with the reason.
    """
    folder, device = library.settings.checkpoint_dir, library.settings.device
    if key == "lpips":
        return perceptual.Lpips(device)
    if key == "csim":
        return library.embedder
    if key == "csim_arcface":
        return identity.open_arcface(folder)
    if key == "fid":
        return distribution.FrechetInceptionDistance(folder, device)
    if key == "fvd":
        return distribution.FrechetVideoDistance(folder, device)
    if key in no_reference.METRICS:
        return no_reference.PyiqaQuality(key, device)
    return None


def _missing_video(name: str, material: Material) -> str | None:
    """Why a metric cannot be worked out for want of a video to compare with."""
    if name in reconstruction.METRICS or name in perceptual.METRICS:
        return None if material.truth is not None else "n/a: no truth"
    if name in CSIM or name == "background_change":
        if material.source is None:
            return material.no_source
        sizes = {upright_size(seen.width, seen.height, seen.rotation) for seen in (material.source, material.generated)}
        if name == "background_change" and sizes != {_size(material)}:
            return "n/a: the original has another size"
        return None
    if name in distribution.METRICS:
        return None if _real(material) is not None else "n/a: no real video to compare with"
    return None


def _real(material: Material) -> Observation | None:
    """The real video that belongs to a clip: the truth, else the original."""
    if material.truth is not None or material.source is None or material.source.still:
        return material.truth
    return material.source


def _size(material: Material) -> tuple[int, int]:
    return compared_size(material.generated, material.truth, material.source)


def _wants_truth(usable: frozenset[str]) -> bool:
    return any(name in usable for name in (*reconstruction.METRICS, *perceptual.METRICS, *distribution.METRICS))


def _no_undubbed(material: Material) -> str | None:
    """Why the original cannot be compared with the truth, as if it were the result; None when it can."""
    if material.source is None:
        return material.no_source
    if material.source.still:
        return "n/a: the original is a picture"
    if material.truth is not None and same_file(material.source.path, material.truth.path):
        return "n/a: the original is the truth"
    return None
