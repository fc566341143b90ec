"""What the neural backend was asked for, with presets filled in, and which weights that takes. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from talkingface.errors import OptionError
from talkingface.options import Pads, SynthesisOptions, parse_pads

# names of the weights catalog
ALWAYS = ("DNet", "LNet", "ENet", "Deep3DRecon")
RESTORERS = {"gfpgan": "GFPGANv1Clean512", "gpen": "GPEN512"}
PARSER, EMOTION = "ParseNet512", "GANimation"
STANDARD_POINTS, TEMPLATES = "StandardLandmarks", "ExpressionTemplates"  # better with them than without
NAMED_EXPRESSIONS = ("keep", "neutral", "happy")


class Preset(NamedTuple):
    """What a quality stands for.

    Attributes:
        enhancer: That ``--enhancer auto`` takes.
        reference_enhanced: Whether GPEN restores the canonical faces before the lips are made of them.
        parsed_at: Pixels across of the picture that is parsed; a multiple of 16.
    """

    enhancer: str
    reference_enhanced: bool
    parsed_at: int


PRESETS = {
    "fast": Preset("none", False, 256),
    "balanced": Preset("gfpgan", False, 256),
    "best": Preset("gfpgan", True, 512),
}


@dataclass(frozen=True)
class NeuralSettings:
    """What decides the neural backend's pictures.

    Attributes:
        enhancer: ``none``, ``gfpgan`` or ``gpen``.
        enhance: ``mouth`` or ``face``: what the restorer's picture is taken for.
        reference_enhanced: See ``Preset``.
        parsed_at: See ``Preset``.
        expression: ``neutral``, ``happy`` or the path of a picture.
        emotion: ``none``, ``happy``, ``sad``, ``angry`` or ``surprise``.
        strength: 0..1, of the emotion.
        keep_upper_face: Whether the upper half of the face stays the frame's.
        one_shot: Whether one frame serves as the reference for all.
        pads: What the box of the lips' network is widened by, pixels of the frame.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        batch_size: Frames at a time, 0 for as many as fit.
        compiled: Whether networks are compiled.
        seed: Of the noise that the networks add, the same for all frames.
    """

    enhancer: str
    enhance: str
    reference_enhanced: bool
    parsed_at: int
    expression: str
    emotion: str
    strength: float
    keep_upper_face: bool
    one_shot: bool
    pads: Pads
    dtype: str
    device: str
    batch_size: int
    compiled: bool
    seed: int

    @property
    def expression_picture(self) -> Path | None:
        """The file whose expression is taken; None for one with a name."""
        return None if self.expression in NAMED_EXPRESSIONS else Path(self.expression)

    @property
    def emotional(self) -> bool:
        """Whether GANimation has something to do."""
        return self.emotion != "none" and self.strength > 0

    @property
    def parsed(self) -> bool:
        """Whether faces are parsed."""
        return self.enhancer != "none" or self.reference_enhanced

    @property
    def weights(self) -> tuple[str, ...]:
        """Names, in the weights catalog, of all that must be there."""
        names = list(ALWAYS)
        if self.enhancer != "none":
            names.append(RESTORERS[self.enhancer])
        if self.reference_enhanced:
            names.append(RESTORERS["gpen"])
        if self.parsed:
            names.append(PARSER)
        if self.emotional:
            names.append(EMOTION)
        if self.expression == "happy":
            names.append(TEMPLATES)
        return tuple(dict.fromkeys(names))


def settings_of(options: SynthesisOptions) -> NeuralSettings:
    """Read the options.

    Raises:
        OptionError: an expression that the networks have no template of.
    """
    preset = PRESETS[options.quality]
    expression = "neutral" if options.expression == "keep" else options.expression
    if expression == "sad":
        raise OptionError(
            "--expression sad: VideoReTalking has templates for neutral and happy alone; give a picture of the "
            "expression, add --emotion sad, or use --backend landmark"
        )
    return NeuralSettings(
        enhancer=preset.enhancer if options.enhancer == "auto" else options.enhancer,
        enhance=options.enhance,
        reference_enhanced=preset.reference_enhanced,
        parsed_at=preset.parsed_at,
        expression=expression,
        emotion=options.emotion,
        strength=options.strength,
        keep_upper_face=options.keep_upper_face,
        one_shot=options.one_shot,
        pads=parse_pads(options.pads),
        dtype=options.dtype,
        device=options.device,
        batch_size=options.batch_size,
        compiled=options.compile,
        seed=options.seed,
    )
