"""Wav2Lip as a model of the toolkit (Prajwal et al., ACM Multimedia 2020): each pair is one dub."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from talkingface.errors import OptionError, WeightsMissingError
from talkingface.models.base import Generated
from talkingface.models.wav2lip.pads import parse_pads
from talkingface.option_fields import option
from talkingface.options import ToolkitOptions
from talkingface.progress import Cancellation, Progress

if TYPE_CHECKING:
    from talkingface.models.wav2lip.method import Wav2LipMethod

CHECKPOINTS = {"wav2lip": "Wav2Lip", "wav2lip_gan": "Wav2LipGAN"}  # to the catalog's names of weights
DTYPES = ("fp32", "bf16", "fp16")
REGIONS = ("lower", "whole")


@dataclass(frozen=True)
class Wav2LipOptions(ToolkitOptions):
    """Options of a toolkit run with the model ``wav2lip``.

    Raises:
        OptionError: on construction, for a value that is not valid, or one that asks for what Wav2Lip cannot do.
    """

    checkpoint: str = option(
        "wav2lip",
        "Which released weights: wav2lip (most accurate lips) or wav2lip_gan (better looking)",
        group="Method",
        choices=tuple(CHECKPOINTS),
    )
    pads: str = option(
        "0 10 0 0",
        "Pixels added to the face's box: top bottom left right",
        group="Method",
        metavar="PIXELS",
        normalise=lambda text: str(parse_pads(text)),
    )
    smooth: bool = option(
        True, "Steady the face's box in time", group="Method", off_help="Take the face's box of each frame as it is"
    )
    region: str = option(
        "lower",
        "What is put back into the frame: lower, the half of the face that is made anew, or whole, as the released "
        "program does",
        group="Method",
        choices=REGIONS,
    )
    dtype: str = option("fp32", "What the network computes in", group="Machine", choices=DTYPES)
    batch_size: int = option(16, "Frames the network sees at a time", group="Machine", minimum=1, maximum=1024)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend != "auto":
            raise OptionError(f"--backend {self.backend}: chooses networks of video_retalking; wav2lip has its own")
        if self.expression != "keep" or self.emotion != "none":
            raise OptionError("--expression, --emotion: wav2lip speaks lips and changes nothing else; leave them out")


class Wav2LipDubber:
    """Speaks the lips of real videos with Wav2Lip's generator."""

    options_class: ClassVar[type[ToolkitOptions]] = Wav2LipOptions

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._ready: tuple[Wav2LipOptions, Wav2LipMethod] | None = None

    def prepare(self, options: ToolkitOptions, progress: Progress, cancel: Cancellation) -> None:
        """Load the network.

        Raises:
            WeightsMissingError: torch or the checkpoint is missing, or the file is not Wav2Lip's generator.
            OptionError: there is no such device.
        """
        self._method(options)

    def generate(
        self,
        face: Path,
        audio: Path,
        output: Path,
        options: ToolkitOptions,
        progress: Progress,
        cancel: Cancellation,
    ) -> Generated:
        """Dub ``face`` with ``audio``; see ``talkingface.dub`` for the errors raised."""
        from talkingface.dubbing.dub import dub  # numpy, PyAV and onnxruntime, which listing models must not load

        method = self._method(options)
        return dub(face, audio, output, options.dub_options(), progress=progress, cancel=cancel, method=method)

    def _method(self, options: ToolkitOptions) -> Wav2LipMethod:
        assert isinstance(options, Wav2LipOptions)
        if self._ready is None or self._ready[0] != options:
            self._ready = (options, open_method(options))
        return self._ready[1]


def open_method(options: Wav2LipOptions) -> Wav2LipMethod:
    """Load the network as the options say.

    Raises:
        WeightsMissingError: torch or the checkpoint is missing, or the file is not Wav2Lip's generator.
        OptionError: there is no such device.
    """
    from talkingface.weights import store

    name = CHECKPOINTS[options.checkpoint]
    lacking = store.missing([name], options.checkpoint_dir)
    if importlib.util.find_spec("torch") is None:
        lacking.insert(0, "PyTorch is missing: pip install 'talkingface[neural]'")
    path = store.find(name, options.checkpoint_dir)
    if lacking or path is None:
        raise WeightsMissingError(f"--model wav2lip cannot run: {'; '.join(lacking)}")
    from talkingface.models.syncnet.embedding import choose_device
    from talkingface.models.wav2lip.lip_runner import LipRunner
    from talkingface.models.wav2lip.method import Wav2LipMethod, digest_of

    device = choose_device(options.device)
    runner = LipRunner(store.load(name, options.checkpoint_dir), device, options.dtype, options.batch_size)
    return Wav2LipMethod(
        runner,
        path,
        digest_of(path),
        options.dtype,
        device,
        parse_pads(options.pads),
        options.smooth,
        options.region,
    )
