"""Make the files in ``src/talkingface/assets/sample``, from which ``prepare`` builds the sample dataset.

Run once by a maintainer; the package never imports it. It needs ``pip install scikit-image``, whose picture
``astronaut`` is NASA's portrait of Eileen Collins, and the program ``flite`` with the voices ``slt`` and ``rms``:

    python tools/make_sample_assets.py src/talkingface/assets/sample
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from talkingface.media.audio import SPEECH_RATE, read_audio, to_mono_16k

PORTRAIT_LINES = 288  # 16:9 with the picture's width of 512: head and shoulders, flag and shuttle
SPEECH = {
    "hello": ("slt", "Hello, and welcome! Give me a video and a voice, and I will move the lips to match every word."),
    "world": ("rms", "With this toolkit, people can speak to anybody in the world, in any voice."),
}
PAUSE_BEFORE, PAUSE_AFTER = 0.25, 0.35  # seconds
LOUDNESS, PEAK = 0.11, 0.85  # root mean square of what is spoken, and the most a sample may reach


def speak(voice: str, text: str) -> NDArray[np.float32]:
    """A sentence at 16 kHz, -1..1, at an even level and with a short silence on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        samples = to_mono_16k(read_audio(path))
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    samples = samples[loud[0] : loud[-1] + 1]
    ramp = np.minimum(1, np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / (0.01 * SPEECH_RATE))
    samples = samples * ramp
    samples *= min(LOUDNESS / np.sqrt(np.mean(samples**2)), PEAK / np.abs(samples).max())
    silences = [np.zeros(round(seconds * SPEECH_RATE)) for seconds in (PAUSE_BEFORE, PAUSE_AFTER)]
    return np.concatenate([silences[0], samples, silences[1]]).astype(np.float32)


def write_flac(path: Path, samples: NDArray[np.float32]) -> None:
    """Mono 16-bit FLAC at 16 kHz."""
    with av.open(str(path), "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=SPEECH_RATE, options={"compression_level": "12"})
        stream.codec_context.layout = "mono"
        stream.codec_context.format = "s16"
        whole = np.round(samples * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SPEECH_RATE, 0, Fraction(1, SPEECH_RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Write the portrait and the recordings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    crop = data.astronaut()[:PORTRAIT_LINES, :, ::-1]
    cv2.imwrite(str(folder / "portrait.png"), crop, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    for name, (voice, text) in SPEECH.items():
        write_flac(folder / f"{name}.flac", speak(voice, text))


if __name__ == "__main__":
    main()
