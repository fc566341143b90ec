"""How long the networks take for a frame, against their plain forwards; and frames per second of the whole chain.

    python benchmarks/neural_speed.py [--rounds 5] [--threads 1]
    python benchmarks/neural_speed.py --device cuda --dtype bf16 [--batch 8] [--compile]

On a CPU, every network takes turns with itself: one plain, eager forward of a single picture in float32 as the released
program computes it (``plain_networks``), and ours (folded, channels last, in the batches given); weights are random, of
full width. The median of the rounds counts; processor time of all threads and time on the clock. Then what ``balanced``
needs is compared with the released program's list for a frame of 720p. Ratios hold elsewhere, times do not.

On a GPU (or with ``--chain``), frames per second from decoded frames in memory to composed frames at 720p and 1080p
(``neural_chain``). Needs torch and numpy only.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from neural_chain import measure_chain
from plain_networks import computed_plainly
from preset_networks import (
    DEEP3D,
    DNET,
    GFPGAN_MOUTH,
    LIPS,
    PARSED,
    PRESETS,
    REFERENCE,
    WHOLE_PARSENET,
    Run,
    built,
    released,
)

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LARGE = 512  # pixels across from which a processor gains nothing by batches: a picture fills its caches
FRAME = (720, 1280)  # of the released program's list
LIPS_ONLY = Run("lips alone (L-Net)", "LNet", ((1, 80, 16), (6, 96, 96)))
UPPER_FACE = Run("upper face's emotion (GANimation)", "GANimation", ((3, 128, 128), (17,)))
WAV2LIP = Run("Wav2Lip", "Wav2Lip", ((1, 80, 16), (6, 96, 96)))


@dataclass(frozen=True)
class Seconds:
    """Median seconds a frame: of all threads' processor time, and on the clock."""

    processor: float
    clock: float


@dataclass(frozen=True)
class Timing:
    """One network: its plain forward, and ours by the size of the batch."""

    plain: Seconds
    ours: dict[int, Seconds]

    @property
    def best(self) -> tuple[int, Seconds]:
        """The quickest batch."""
        return min(self.ours.items(), key=lambda item: item[1].processor)


def once(work: Callable[[], object]) -> Seconds:
    processor, clock = time.process_time(), time.perf_counter()
    work()
    return Seconds(time.process_time() - processor, time.perf_counter() - clock)


def take_turns(run: Run, batches: Sequence[int], rounds: int, narrow: int) -> Timing:
    """Time a network against itself."""
    plain = built(run.network, narrow)
    ours = copy.deepcopy(plain)
    fold_for_inference(ours)
    lay_channels_last(ours)
    single = run.inputs(1)
    prepared = {batch: run.inputs(batch, layout=torch.channels_last) for batch in batches}

    def plainly() -> None:
        with computed_plainly():
            run.call(plain, *single)

    works: dict[int, Callable[[], object]] = {0: plainly}
    works |= {batch: lambda batch=batch: run.call(ours, *prepared[batch]) for batch in batches}
    found: dict[int, list[Seconds]] = {key: [] for key in works}
    with torch.inference_mode():
        for work in works.values():
            work()  # memory is allocated, kernels are chosen
        for _ in range(rounds):
            for key, work in works.items():
                found[key].append(once(work))
    medians = {
        key: Seconds(
            *(statistics.median(getattr(s, kind) for s in seconds) / max(key, 1) for kind in ("processor", "clock"))
        )
        for key, seconds in found.items()
    }
    return Timing(medians[0], {batch: medians[batch] for batch in batches})


def measure_networks(rounds: int, narrow: int, batches: Sequence[int]) -> None:
    frame = released(*FRAME)
    in_balanced = PRESETS["balanced"]
    wanted = [DEEP3D, DNET, LIPS, GFPGAN_MOUTH, PARSED, REFERENCE, WHOLE_PARSENET, LIPS_ONLY, UPPER_FACE, WAV2LIP]
    wanted += [run for run in dict.fromkeys(frame) if run.network in ("S3FD", "FAN4", "RetinaFaceR50")]
    unique = {(run.network, run.shapes): run for run in wanted}
    times: dict[tuple[str, object], Timing] = {}
    print(f"{torch.get_num_threads()} thread(s), float32, median of {rounds} rounds; processor seconds a frame\n")
    print("| network | inputs | plain | " + " | ".join(f"ours, batch {batch}" for batch in batches), end="")
    print(" | best / plain | the same by the clock |\n" + "| --- " * (5 + len(batches)) + "|")
    for key, run in unique.items():
        large = run.shapes[0][-1] >= LARGE
        timing = times[key] = take_turns(run, [1] if large else batches, rounds, narrow)
        (_, best), size = timing.best, " ".join("x".join(map(str, shape)) for shape in run.shapes)
        cells = " | ".join(f"{timing.ours[batch].processor:.3f}" if batch in timing.ours else "-" for batch in batches)
        ratio, by_clock = best.processor / timing.plain.processor, best.clock / timing.plain.clock
        print(
            f"| {run.network} | {size} | {timing.plain.processor:.3f} | {cells} | {ratio:.2f} | {by_clock:.2f} |",
            flush=True,
        )
    total = sum(timing.best[1].processor for timing in times.values())
    plain = sum(timing.plain.processor for timing in times.values())
    print(
        f"| **all of them** | | {plain:.2f} | " + "| " * (len(batches) - 1) + f"{total:.2f} | {total / plain:.2f} | |"
    )

    mine = {run: times[run.network, run.shapes].best[1] for run in in_balanced}
    theirs = [times[run.network, run.shapes].plain for run in frame]
    whole = sum(seconds.processor for seconds in mine.values())
    print("\n| balanced | processor seconds a frame | share |\n| --- | --- | --- |")
    for run, seconds in mine.items():
        print(f"| {run.stage} | {seconds.processor:.3f} | {seconds.processor / whole:.0%} |")
    print(f"| **sum** | {whole:.2f} | |")
    height, width = FRAME
    sums = [sum(getattr(s, kind) for s in theirs) for kind in ("processor", "clock")]
    clock = sum(seconds.clock for seconds in mine.values())
    print(f"\nreleased program's list at {width}x{height}, plain: {sums[0]:.2f} s")
    print(f"balanced / released: {whole / sums[0]:.3f} by processor time, {clock / sums[1]:.3f} by the clock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32", choices=DTYPES, help="of the chain")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batches", default="1,4", help="of the networks on a CPU, separated by commas")
    parser.add_argument("--batch", type=int, default=8, help="frames that go through the chain together")
    parser.add_argument("--frames", type=int, default=0, help="of the chain; 4 batches if 0")
    parser.add_argument("--sizes", default="720x1280,1080x1920", help="of the chain's frames")
    parser.add_argument("--preset", default="balanced", choices=PRESETS, help="of the chain")
    parser.add_argument("--compile", action="store_true", help="torch.compile the chain's networks")
    parser.add_argument("--chain", action="store_true", help="the whole chain on a CPU")
    parser.add_argument("--narrow", type=int, default=1, help="networks so many times narrower: to try the script out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    if args.device == "cpu" and not args.chain:
        measure_networks(args.rounds, args.narrow, [int(batch) for batch in args.batches.split(",")])
        return
    if args.device == "cpu":
        print("not run on a GPU: these numbers are a processor's")
    for size in args.sizes.split(","):
        height, width = (int(part) for part in size.split("x"))
        frames = args.frames or 4 * args.batch
        network = {"preset": PRESETS[args.preset], "narrow": args.narrow, "compiled": args.compile}
        where = {"device": torch.device(args.device), "dtype": DTYPES[args.dtype]}
        measure_chain(height, width, frames, args.batch, **network, **where)


if __name__ == "__main__":
    main()
