"""What is heard, and who says it: one sound for the chosen face, or a map of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.listen import Speech, listen
from talkingface.dubbing.plan_faces import Voice
from talkingface.dubbing.voice_fit import voice_fit
from talkingface.dubbing.work_folder import WorkFolder
from talkingface.errors import OptionError
from talkingface.faces.select import select_people
from talkingface.media.audio import StoredSound
from talkingface.media.mixing import sum_sounds
from talkingface.options import DubOptions, FaceChoice
from talkingface.progress import Cancellation


@dataclass(frozen=True)
class Heard:
    """All sounds of a job.

    Attributes:
        sound: What the result carries.
        spoken: Each sound that is spoken, with the face that speaks it.
        notes: What a user should know of them.
    """

    sound: StoredSound
    spoken: tuple[tuple[FaceChoice, Speech], ...]
    notes: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Seconds the result's sound lasts."""
        return self.sound.duration


def hear_all(audio: Path | None, settings: DubOptions, folder: WorkFolder, cancel: Cancellation) -> Heard:
    """Read every sound of a job.

    Args:
        audio: What the result carries; None for the mix of the speaker map's sounds.
        settings: ``speaker_map``, ``audio_stream``, ``preview`` and ``allow_damaged`` are read.
        folder: For the samples.
        cancel: Checked while they are decoded.

    Raises:
        MediaError: a sound cannot be used.
        OptionError: there is neither a sound nor a map, or a stream is chosen of no sound.
        OutputError: the samples cannot be written.
        Cancelled: when asked to stop.
    """
    notes: list[str] = []
    if audio is None and settings.audio_stream is not None:
        raise OptionError(f"--audio-stream {settings.audio_stream} chooses a stream of AUDIO, which is not given")

    def read(path: Path, name: str, stream: int | None) -> Speech:
        speech = listen(
            path,
            folder.sub(name),
            stream=stream,
            seconds=settings.preview,
            allow_damaged=settings.allow_damaged,
            cancel=cancel,
        )
        notes.extend(speech.notes)
        return speech

    spoken = tuple(
        (entry.face, read(entry.audio, f"speaker-{index}", None)) for index, entry in enumerate(settings.speakers)
    )
    if audio is not None:
        main = read(audio, "sound", settings.audio_stream)
        return Heard(main.sound, spoken or ((settings.face_choice, main),), tuple(notes))
    if not spoken:
        raise OptionError("which sound? give AUDIO, or --speaker-map with a sound for each face")
    mix = sum_sounds([speech.sound for _, speech in spoken], folder.sub("sound") / "mix.rows")
    return Heard(mix.sound, spoken, (*notes, *mix.notes))


def cast_voices(
    heard: Heard, analysis: Analysis, source: Path, folder: WorkFolder, say: Callable[[str], None],
    cancel: Cancellation,
) -> list[Voice]:  # fmt: skip
    """Decide who says what.

    Args:
        heard: The sounds.
        analysis: The people.
        source: The video, whose own sound tells who speaks in it.
        folder: For its samples.
        say: Told what was chosen.
        cancel: Checked while the video's own sound is listened to.

    Raises:
        NoFaceError: a face that was asked for is not there.
        OptionError: two entries of a speaker map mean the same person.
        Cancelled: when asked to stop.
    """
    voices: list[Voice] = []
    taken: dict[int, str] = {}
    for choice, speech in heard.spoken:
        selection = select_people(
            analysis.clip, choice, lambda: voice_fit(analysis.clip, source, folder.sub("own-sound"), cancel)
        )
        for person in selection.people:
            if person.number in taken:
                raise OptionError(
                    f"--speaker-map: {choice} and {taken[person.number]} are the same person (face "
                    f"index:{person.number}); a face speaks one sound only"
                )
            taken[person.number] = str(choice)
        voices.append(Voice(selection.people, speech, selection.reason))
        if len(analysis.clip.people) > 1:
            who = ", ".join(f"index:{person.number}" for person in selection.people)
            say(f"{speech.sound.path.name} is spoken by face {who} ({selection.reason})")
    return voices
