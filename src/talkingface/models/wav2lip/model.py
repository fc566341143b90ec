"""Wav2Lip as a model of the toolkit (Prajwal et al., ACM Multimedia 2020): each pair is one dub."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from talkingface.errors import OptionError, WeightsMissingError
from talkingface.models.base import Generated
from talkingface.option_fields import option, option_fields
from talkingface.options import ToolkitOptions, parse_pads
from talkingface.progress import Cancellation, Progress

if TYPE_CHECKING:
    from talkingface.models.wav2lip.method import Wav2LipMethod

CHECKPOINTS = {"wav2lip": "Wav2Lip", "wav2lip_gan": "Wav2LipGAN"}  # to the catalog's names of weights
# what only VideoReTalking's networks know
_UNKNOWN = ("backend", "expression", "emotion", "quality", "enhancer", "enhance", "one_shot", "compile")


@dataclass(frozen=True)
class Wav2LipOptions(ToolkitOptions):
    """Options of a toolkit run with the model ``wav2lip``.

    Raises:
        OptionError: on construction, for a value that is not valid, or one that asks for what Wav2Lip cannot do.
    """

    checkpoint: str = option(
        "wav2lip",
        "Which released weights: wav2lip (most accurate lips) or wav2lip_gan (better looking)",
        group="Networks",
        choices=tuple(CHECKPOINTS),
    )
    pads: str = option(
        "0,10,0,0",
        "Widen the face's box by so many pixels: top, bottom, left, right",
        group="Networks",
        metavar="PIXELS",
        normalise=lambda text: str(parse_pads(text)),
    )
    smooth: bool = option(
        True, "Steady the face's box in time", group="Networks", off_help="Take the face's box of each frame as it is"
    )
    keep_upper_face: bool = option(
        True,
        "Put only the lower half of the face's box back, which the network made anew",
        group="Networks",
        off_help="Put the whole box back, as the released program does",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        fields = option_fields(ToolkitOptions)
        for name in _UNKNOWN:
            if getattr(self, name) != fields[name].default:
                raise OptionError(f"{fields[name].flag}: wav2lip knows no such thing; leave it out")


class Wav2LipDubber:
    """Speaks the lips of real videos with Wav2Lip's generator."""

    options_class: ClassVar[type[ToolkitOptions]] = Wav2LipOptions

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._ready: tuple[Wav2LipOptions, Wav2LipMethod] | None = None

    def prepare(self, options: ToolkitOptions, progress: Progress, cancel: Cancellation) -> None:
        """Load the network.

        Raises:
            WeightsMissingError: torch or the checkpoint is missing or may not be used, or the file is another one's.
            OptionError: there is no such device, or it does not compute so.
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
        method = self._method(options)
        from talkingface.dubbing.dub import dub  # numpy, PyAV and onnxruntime, which listing models must not load
        from talkingface.models.video_retalking.neural.backend import torch_threads

        with torch_threads(options.thread_count):
            return dub(face, audio, output, options.dub_options(), progress=progress, cancel=cancel, method=method)

    def _method(self, options: ToolkitOptions) -> Wav2LipMethod:
        assert isinstance(options, Wav2LipOptions)
        if self._ready is None or self._ready[0] != options:
            self._ready = (options, open_method(options))
        return self._ready[1]


def open_method(options: Wav2LipOptions) -> Wav2LipMethod:
    """Load the network as the options say.

    Raises:
        WeightsMissingError: torch or the checkpoint is missing or may not be used, or the file is another one's.
        OptionError: there is no such device, or it does not compute so.
    """
    from talkingface.weights import store

    name = CHECKPOINTS[options.checkpoint]
    if options.commercial_only:
        store.refuse_non_commercial([name])
    lacking = store.missing([name], options.checkpoint_dir)
    if importlib.util.find_spec("torch") is None:
        lacking.insert(0, "PyTorch is missing: pip install 'talkingface[neural]'")
    path = store.find(name, options.checkpoint_dir)
    if lacking or path is None:
        raise WeightsMissingError(f"--model wav2lip cannot run: {'; '.join(lacking)}")
    from talkingface.models.video_retalking.neural.devices import chosen_device, chosen_dtype
    from talkingface.models.wav2lip.face_crops import LOWER, WHOLE
    from talkingface.models.wav2lip.lip_runner import LipRunner
    from talkingface.models.wav2lip.method import Wav2LipMethod

    device = chosen_device(options.device)
    dtype = chosen_dtype(options.dtype, device)
    runner = LipRunner(store.load(name, options.checkpoint_dir), device, dtype, options.batch_size)
    region = LOWER if options.keep_upper_face else WHOLE
    where = f"{options.dtype} on {device}"
    return Wav2LipMethod(runner, path, where, parse_pads(options.pads), options.smooth, region)
