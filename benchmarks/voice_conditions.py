"""How the mouth network copes with quiet, loud, noisy, coded, echoing, slow and fast speech: prints a Markdown table.

    python benchmarks/voice_conditions.py --manifest clips/manifest.csv --pack saved/mouth/clips.npz --only people.txt

Lips are those of the packed data set that training made; the sound of every clip is read again, changed, and heard by
the shipped networks. Nothing moves in time but where speech is made faster or slower, and there the lips go with it
(the pitch too). Music is made here: chords of decaying saw tones; a room is decaying noise of 0.5 s.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from talkingface.faces.geometry import gap_of, width_of
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel
from talkingface.models.video_retalking.landmark.hearing import FRAME_SAMPLES, MouthMotionNetwork
from talkingface.training.examples import Example, make_examples
from talkingface.training.extract import file_digest, read_pack
from talkingface.training.mouth_data import SAMPLE_RATE
from talkingface.training.mouth_figures import CLOSED_GAP, area_under_curve, correlation

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))) + 1e-9)


def mixed(other: Callable[[int, np.random.Generator], np.ndarray], decibels: float) -> Change:
    """Something else ``decibels`` quieter than the voice."""

    def change(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sound = other(len(voice), rng)
        return voice + sound * level(voice) / level(sound) * 10 ** (-decibels / 20)

    return change


def white(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=count)


def music(count: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(count) / SAMPLE_RATE
    sound = np.zeros(count)
    for start in np.arange(0, time[-1] + 0.5, 0.5):
        since = time - start
        root = 110 * 2 ** (rng.integers(0, 12) / 12)
        for ratio in (1, 1.25, 1.5, 2):
            wave = ((since * root * ratio) % 1 - 0.5) * np.exp(-3 * np.maximum(since, 0))
            sound += np.where(since >= 0, wave, 0)
    return sound


def telephone(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(voice)
    hertz = np.fft.rfftfreq(len(voice), 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(voice))


def room(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    echo = rng.normal(size=len(time)) * np.exp(-13.8 * time) * 0.05
    echo[0] = 1
    size = len(voice) + len(echo)
    return np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(echo, size), size)[: len(voice)]


def coded(codec: str, container: str, bits: int) -> Change:
    """Through a lossy codec and back; what the encoder puts before the sound is cut off again."""

    def change(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            rate = 48_000 if codec == "libopus" else SAMPLE_RATE
            stream = output.add_stream(codec, rate=rate)
            stream.bit_rate = bits
            stream.layout = "mono"
            whole = np.clip(voice, -1, 1)
            frame = av.AudioFrame.from_ndarray(whole[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                output.mux(packet)
        file.seek(0)
        with av.open(file) as source:
            resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
            parts = [r.to_ndarray()[0] for f in source.decode(audio=0) for r in resampler.resample(f)]
        back = np.concatenate(parts)
        correlated = np.fft.irfft(np.conj(np.fft.rfft(voice, 1 << 18)) * np.fft.rfft(back, 1 << 18))
        return np.pad(back[int(correlated[:4000].argmax()) :], (0, len(voice)))[: len(voice)]

    return change


CONDITIONS: dict[str, Change] = {
    "as recorded": lambda voice, rng: voice,
    "30 dB quieter": lambda voice, rng: voice * 10**-1.5,
    "12 dB too loud, clipped": lambda voice, rng: np.clip(voice / np.abs(voice).max() * 4, -1, 1),
    "white noise, 20 dB below": mixed(white, 20),
    "white noise, 10 dB below": mixed(white, 10),
    "white noise, 0 dB below": mixed(white, 0),
    "music, 10 dB below": mixed(music, 10),
    "music, 0 dB below": mixed(music, 0),
    "telephone band": telephone,
    "room": room,
    "MP3, 24 kbit/s": coded("libmp3lame", "mp3", 24_000),
    "Opus, 12 kbit/s": coded("libopus", "ogg", 12_000),
}
PACES = (0.8, 1.25, 1.5)


def at_pace(rows: np.ndarray, pace: float) -> np.ndarray:
    place = np.clip(np.arange(int(len(rows) / pace)) * pace, 0, len(rows) - 1)
    base = np.minimum(place.astype(int), len(rows) - 2)
    share = (place - base).reshape(-1, *[1] * (rows.ndim - 1))
    return rows[base] * (1 - share) + rows[base + 1] * share


def line(name: str, network: MouthMotionNetwork, pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """One row of the table."""
    gaps, widths, odds, closed = [], [], [], []
    for truth, sound in pairs:
        motion, log_odds = network(sound.astype(np.float32))
        count = min(len(truth), len(motion))
        gaps.append(correlation(gap_of(motion[:count]), gap_of(truth[:count])))
        widths.append(correlation(width_of(motion[:count]), width_of(truth[:count])))
        odds.append(log_odds[:count])
        closed.append(gap_of(truth[:count]) < CLOSED_GAP)
    area = area_under_curve(np.concatenate(odds), np.concatenate(closed))
    return f"| {name} | {np.mean(gaps):.2f} | {np.mean(widths):.2f} | {area:.2f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--only", type=Path, required=True, help="file with the stems of the clips to take")
    chosen = parser.parse_args()
    wanted = set(chosen.only.read_text().split())
    with chosen.manifest.open(newline="", encoding="utf-8-sig") as file:
        files = [chosen.manifest.parent / row["file"] for row in csv.DictReader(file)]
    by_digest = {file_digest(path): path for path in files if path.stem in wanted}
    clips = [clip for clip in read_pack(chosen.pack).clips if clip.digest in by_digest]
    examples: list[Example] = make_examples(clips, MouthShapeModel.load().closing_direction)
    network = MouthMotionNetwork()
    voices = []
    for example in examples:
        truth = example.displacement.reshape(-1, 80, 2)
        sound = to_mono_16k(read_audio(by_digest[example.clip.digest]))[: len(truth) * FRAME_SAMPLES]
        voices.append((truth, np.asarray(sound, np.float64)))
    out = sys.stdout.write
    out(f"{len(voices)} clips\n\n| sound | gap r | width r | closure AUC |\n| --- | --- | --- | --- |\n")
    for name, change in CONDITIONS.items():
        rng = np.random.default_rng(0)
        out(line(name, network, [(truth, change(voice, rng)) for truth, voice in voices]) + "\n")
    rng = np.random.default_rng(0)
    others = [voices[(number + 7) % len(voices)][1] for number in range(len(voices))]
    talk = [
        (truth, voice + np.resize(other, len(voice)) * level(voice) / level(other) * 10**-0.5)
        for (truth, voice), other in zip(voices, others, strict=True)
    ]
    out(line("another voice, 10 dB below", network, talk) + "\n")
    for pace in PACES:
        moved = [(at_pace(truth, pace), at_pace(voice, pace)) for truth, voice in voices]
        out(line(f"{pace:g} times as fast, pitch with it", network, moved) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
