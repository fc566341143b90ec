"""Several sounds become one, in blocks from disk to disk.

What is summed stays as it is unless the sum would be clipped: then a limiter that looks ahead turns it down for those
moments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from talkingface.media.audio import resampled_blocks
from talkingface.media.row_file import RowFile
from talkingface.media.sound import SoundRecorder, StoredSound

CROSSFADE_SECONDS = 0.05  # where a background begins anew
CEILING = 0.99  # of full scale, in a sum that would be clipped
SHORTEST_REST_SECONDS = 0.25  # a background that ends so shortly before the result does not begin anew
LIMITER_STEP_SECONDS = 0.005
LIMITER_REACH = 12  # steps to either side in which the limiter comes and goes: 60 ms
_BLOCK_VALUES = 1 << 19


@dataclass(frozen=True)
class Mix:
    """A sum of sounds.

    Attributes:
        sound: It.
        notes: What a user should know of how it was made.
    """

    sound: StoredSound
    notes: tuple[str, ...]


_Read = Callable[[int, int], NDArray[np.float32]]


@dataclass(frozen=True)
class _Voice:
    """One of the sounds of a sum: ``read(low, high)`` gives (high - low, channels), zeros where it has ended."""

    read: _Read
    gain: float = 1.0


def mixed_sound(main: StoredSound, background: StoredSound, gain: float, seconds: float, file: Path) -> Mix:
    """Put a video's own sound under a new one.

    Both begin at second 0. The background takes the main sound's rate; when it has more than one channel and the main
    sound has one, the result is stereo. It begins anew, with a short crossfade, when it is shorter than the result.

    Args:
        main: The new sound; unchanged in the result, but where a sum beyond full scale must be turned down.
        background: The video's own.
        gain: How loud the background is: 1 is as it is.
        seconds: Length of the result.
        file: Where the result's samples go; names beside it are used on the way.

    Returns:
        The sum, and what was done to it.

    Raises:
        OutputError: the samples cannot be written.
    """
    layout = "stereo" if main.channels == 1 and background.channels > 1 else main.layout
    notes = []
    if not background.finite:
        notes.append(f"{background.path.name}: values of its sound that are no numbers were made silent")
    length = max(1, round(seconds * main.sample_rate))
    made: list[RowFile | None] = []
    try:
        under, rows = _fitted(background, main.sample_rate, layout, file.with_name(f"{file.name}.background"))
        made.append(rows)
        own, rows = _fitted(main, main.sample_rate, layout, file.with_name(f"{file.name}.main"))
        made.append(rows)
        result, limited = _summed([_Voice(_once(own)), _Voice(_looped(under, length), gain)], own, length, file)
    finally:
        for rows in made:
            _drop(rows)
    if limited:
        notes.append(f"the sum of both sounds was turned down {limited:.2f} s long, as it would have been clipped")
    return Mix(replace(result, path=main.path, loss=main.loss), tuple(notes))


def sum_sounds(sounds: Sequence[StoredSound], file: Path) -> Mix:
    """Put sounds on top of each other that all begin at second 0, such as those of several speakers.

    Args:
        sounds: At least one. Rates, channels and lengths may differ; the highest rate, the most channels and the
            longest sound decide.
        file: Where the result's samples go; names beside it are used on the way.

    Returns:
        The sum, and what was done to it.

    Raises:
        OutputError: the samples cannot be written.
        ValueError: there is no sound.
    """
    if not sounds:
        raise ValueError("no sounds to sum")
    rate = max(sound.sample_rate for sound in sounds)
    layout = max(sounds, key=lambda sound: sound.channels).layout
    length = max(1, *(round(sound.length * rate / sound.sample_rate) for sound in sounds))
    fitted: list[StoredSound] = []
    made: list[RowFile | None] = []
    try:
        for number, sound in enumerate(sounds):
            one, rows = _fitted(sound, rate, layout, file.with_name(f"{file.name}.{number}"))
            fitted.append(one)
            made.append(rows)
        result, limited = _summed([_Voice(_once(one)) for one in fitted], fitted[0], length, file)
    finally:
        for rows in made:
            _drop(rows)
    notes = []
    if limited:
        notes.append(f"the sum of the sounds was turned down {limited:.2f} s long, as it would have been clipped")
    loss = ", ".join(f"{sound.path.name}: {sound.loss}" for sound in sounds if sound.loss) or None
    return Mix(replace(result, path=sounds[0].path, loss=loss), tuple(notes))


def _fitted(sound: StoredSound, rate: int, layout: str, file: Path) -> tuple[StoredSound, RowFile | None]:
    """A sound at another rate and layout, and the file made for it, None when it could stay as it is."""
    count = av.AudioLayout(layout).nb_channels
    # One channel into two is a plain copy: FFmpeg's would be 3 dB quieter.
    spread = sound.channels == 1 and count == 2
    if sound.sample_rate == rate and sound.channels == count and sound.finite:
        return sound, None
    # A NaN would stay in the resampler's filter for good.
    blocks: Iterator[NDArray[np.float32]]
    blocks = (np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0) for block in sound.blocks())
    if sound.sample_rate != rate or (sound.channels != count and not spread):
        frames = resampled_blocks(blocks, sound, "flt", sound.layout if spread else layout, rate)
        blocks = (
            frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, frame.layout.nb_channels) for frame in frames
        )
    recorder = SoundRecorder(file, count)
    try:
        _record(recorder, blocks, round(sound.length * rate / sound.sample_rate), spread)
    except BaseException:
        _drop(recorder.rows)
        raise
    return recorder.finish(rate, layout, sound.path), recorder.rows


def _record(recorder: SoundRecorder, blocks: Iterable[NDArray[np.float32]], length: int, spread: bool) -> None:
    """Write exactly ``length`` samples; the resampler gives a few more or less."""
    for block in blocks:
        part = block[:length]
        length -= len(part)
        recorder.extend(np.repeat(part, 2, axis=1) if spread else part)
    recorder.extend(np.zeros((length, recorder.rows.shape[0]), np.float32))


def _drop(rows: RowFile | None) -> None:
    if rows is not None:
        rows.close()
        rows.path.unlink(missing_ok=True)


def _once(sound: StoredSound) -> _Read:
    def read(low: int, high: int) -> NDArray[np.float32]:
        samples = np.zeros((high - low, sound.channels), np.float32)
        found = sound.rows[min(low, sound.length) : min(high, sound.length)]
        samples[: len(found)] = found
        return samples

    return read


def _looped(sound: StoredSound, length: int) -> _Read:
    """A sound that begins anew until there are ``length`` samples; a tiny one, or a tiny rest, does not."""
    once = _once(sound)
    fade = round(CROSSFADE_SECONDS * sound.sample_rate)
    if sound.length < 4 * fade or length - sound.length <= SHORTEST_REST_SECONDS * sound.sample_rate:
        return once
    period = sound.length - fade
    angle = (np.arange(fade) + 0.5) / fade * np.pi / 2
    rising, falling = np.sin(angle)[:, None].astype(np.float32), np.cos(angle)[:, None].astype(np.float32)

    def read(low: int, high: int) -> NDArray[np.float32]:
        parts = []
        while low < high:
            turn, place = divmod(low, period)
            stop = min(high - low + place, period)
            part = once(place, stop)
            if turn and place < fade:
                faded = slice(place, min(stop, fade))
                count = faded.stop - place
                ended = once(period + place, period + place + count)
                part[:count] = part[:count] * rising[faded] + ended * falling[faded]
            parts.append(part)
            low += stop - place
        return np.concatenate(parts)

    return read


def _summed(voices: Sequence[_Voice], like: StoredSound, length: int, file: Path) -> tuple[StoredSound, float]:
    """The sum of voices in rate and layout of one of them, and how many seconds of it had to be turned down."""
    step = max(1, round(LIMITER_STEP_SECONDS * like.sample_rate))
    block = max(1, _BLOCK_VALUES // (step * like.channels)) * step
    peaks = np.zeros(-(-length // step))
    for low in range(0, length, block):
        size = np.abs(_sum(voices, low, min(length, low + block))).max(1)
        size = np.pad(size, (0, -len(size) % step)).reshape(-1, step)
        peaks[low // step : low // step + len(size)] = size.max(1)
    gains = _limiter_gains(peaks)
    recorder = SoundRecorder(file, like.channels)
    for low in range(0, length, block):
        samples = _sum(voices, low, min(length, low + block))
        if gains is not None:
            place = (np.arange(low, low + len(samples)) + 0.5) / step - 0.5
            samples = samples * np.interp(place, np.arange(len(gains)), gains)[:, None].astype(np.float32)
        recorder.extend(samples)
    limited = 0.0 if gains is None else float((gains < 1).sum()) * step / like.sample_rate
    return recorder.finish(like.sample_rate, like.layout, like.path), limited


def _sum(voices: Sequence[_Voice], low: int, high: int) -> NDArray[np.float32]:
    total = voices[0].read(low, high) * np.float32(voices[0].gain)
    for voice in voices[1:]:
        total += voice.read(low, high) * np.float32(voice.gain)
    return total


def _limiter_gains(peaks: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A gain for each step that lets no peak through and changes slowly; None when there is nothing to limit."""
    if peaks.max(initial=0.0) <= 1:
        return None
    needed = np.where(peaks > 1, CEILING / np.maximum(peaks, 1), 1.0)
    lowest = needed.copy()
    for shift in range(1, LIMITER_REACH + 1):
        lowest[:-shift] = np.minimum(lowest[:-shift], needed[shift:])
        lowest[shift:] = np.minimum(lowest[shift:], needed[:-shift])
    # The smoothing reaches one step less far than the minimum, so that gains between two steps are low enough too.
    kernel = np.hanning(2 * LIMITER_REACH + 1)[1:-1]
    padded = np.pad(lowest, LIMITER_REACH - 1, mode="edge")
    return np.asarray(np.minimum(np.convolve(padded, kernel / kernel.sum(), mode="valid"), 1.0))
