"""The contract of a talking-face model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol

from talkingface.options import ToolkitOptions
from talkingface.progress import Cancellation, Progress


class Generated(Protocol):
    """What a model tells about one video it made; ``talkingface.dub``'s ``DubResult`` is one.

    Attributes:
        output: The file, which must be the one that was asked for.
        duration: How long it plays, in seconds.
        seconds: How long making it took.
        report: What was done, JSON-ready.
    """

    @property
    def output(self) -> Path: ...  # noqa: D102 - described above

    @property
    def duration(self) -> float: ...  # noqa: D102

    @property
    def seconds(self) -> float: ...  # noqa: D102

    @property
    def report(self) -> dict[str, Any]: ...  # noqa: D102


class TalkingFaceModel(Protocol):
    """Makes a person in a video speak another sound.

    A package brings its own by an entry point of the group ``talkingface.models`` whose name is the model's and whose
    value is such a class. The class is built without arguments, and importing its module should load nothing heavy.

    Attributes:
        options_class: ``ToolkitOptions``, or a frozen dataclass made from it with the model's own options added; they
            then are command-line options and YAML keys as well.
    """

    options_class: ClassVar[type[ToolkitOptions]]

    def prepare(self, options: ToolkitOptions, progress: Progress, cancel: Cancellation) -> None:
        """Get ready for a run, once, before the first video.

        Raises:
            WeightsMissingError: when weights the options ask for are not there.
        """

    def generate(
        self,
        face: Path,
        audio: Path,
        output: Path,
        options: ToolkitOptions,
        progress: Progress,
        cancel: Cancellation,
    ) -> Generated:
        """Write one video.

        Args:
            face: The video or picture of the person.
            audio: The sound to speak; a video's sound track is taken.
            output: A file that does not exist yet; it appears only when whole.
            options: The run's options.
            progress: Told about stages and steps.
            cancel: Checked at least once a frame.

        Raises:
            TalkingFaceError: of the kind that says what is wrong.
        """
