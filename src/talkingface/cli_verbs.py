"""The table of command-line verbs: what each is for, what it takes, and where its code is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from talkingface import options as schemas
from talkingface.option_arguments import OptionParser, add_options, given_options


@dataclass(frozen=True)
class Argument:
    """An argument of a verb that is no option of its schema.

    Attributes:
        name: Its name in code; none of the schema's.
        metavar: How the help calls it.
        help: One sentence.
        flags: Such as ``("-o", "--output")`` for a required named argument; empty for a positional one.
        optional: A positional argument that may be left out.
        several: A positional argument that is given once or more (with ``optional``: any number of times); its value is
            a list.
    """

    name: str
    metavar: str
    help: str
    flags: tuple[str, ...] = ()
    optional: bool = False
    several: bool = False


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        name: As typed; may be two words.
        summary: One sentence.
        target: The function that does it, ``module:function``. It takes the tokens and a ``Session``.
        schema: Its options.
        arguments: What it takes besides options.
        example: A command line.
    """

    name: str
    summary: str
    target: str
    schema: type
    arguments: tuple[Argument, ...] = ()
    example: str = ""


@dataclass
class Session:
    """What the outermost layer needs to know while a verb runs.

    Attributes:
        debug: True shows a traceback when something fails. Set early from the command line, then from the options.
    """

    debug: bool = False


VERBS: tuple[Verb, ...] = (
    Verb(
        "dub",
        "Make the person in a video or picture speak another sound",
        "talkingface.cli_dub:dub",
        schemas.DubOptions,
        (
            Argument("face_file", "FACE", "Video or picture of the person"),
            Argument(
                "audio_file",
                "AUDIO",
                "Sound to speak: any audio file, or a video whose sound is taken; may be left out with --speaker-map",
                optional=True,
            ),
            Argument("output_file", "OUT", "The video to write (.mp4, .mov or .mkv)", ("-o", "--output")),
        ),
        "talkingface dub interview.mp4 spanish.wav -o interview-es.mp4",
    ),
    Verb(
        "run",
        "Run a model on a dataset and score what it makes",
        "talkingface.cli_run:run",
        schemas.ToolkitOptions,
        example="talkingface run --model=video_retalking --dataset=video-retalking",
    ),
    Verb(
        "probe",
        "Show a file's streams, the faces in it and the frames without one",
        "talkingface.cli_inspect:probe",
        schemas.ProbeOptions,
        (Argument("file", "FILE", "Video, picture or sound"),),
        "talkingface probe interview.mp4",
    ),
    Verb(
        "evaluate",
        "Score generated videos, made by this program or another",
        "talkingface.cli_evaluate:evaluate",
        schemas.EvaluateOptions,
        (Argument("files", "GENERATED", "The videos to score; left out with --manifest", optional=True, several=True),),
        "talkingface evaluate dubbed.mp4 --face original.mp4 --audio spanish.wav --json",
    ),
    Verb(
        "compare",
        "Put the scores of several methods side by side, with intervals and significance",
        "talkingface.cli_compare:compare",
        schemas.CompareOptions,
        (Argument("reports", "REPORT", "A report of evaluate, or a folder with a report.json", several=True),),
        "talkingface compare results/ours results/theirs --markdown table.md --latex table.tex",
    ),
    Verb(
        "pairs",
        "Write a protocol: which face speaks which sound, as a CSV file for any program to generate from",
        "talkingface.cli_pairs:pairs",
        schemas.PairsOptions,
        (Argument("output_file", "OUT", "The CSV file to write", ("-o", "--output")),),
        "talkingface pairs --dataset=lrs2 --split=test --pairing=cross --seed=1 -o pairs.csv",
    ),
    Verb(
        "train mouth",
        "Train the landmark backend's network from sound to mouth shape (needs the extra [train])",
        "talkingface.cli_dub:train_mouth",
        schemas.TrainMouthOptions,
        example="talkingface train mouth --data clips/manifest.csv --output saved/mouth",
    ),
    Verb(
        "train inner-mouth",
        "Train the landmark backend's painter of mouths that a picture does not show (needs the extra [train])",
        "talkingface.cli_dub:train_inner_mouth",
        schemas.TrainInnerMouthOptions,
        example="talkingface train inner-mouth --data clips/manifest.csv --output saved/inner-mouth",
    ),
    Verb(
        "prepare",
        "Make sure that a dataset is there; build the sample if its folder is empty",
        "talkingface.cli_run:prepare",
        schemas.PrepareOptions,
        example="talkingface prepare --dataset=video-retalking",
    ),
    Verb(
        "cache info",
        "Show what the cache holds: videos looked through before, unfinished jobs",
        "talkingface.cli_cache:info",
        schemas.CacheOptions,
    ),
    Verb(
        "cache clear",
        "Delete everything in the cache but running jobs",
        "talkingface.cli_cache:clear",
        schemas.CacheOptions,
    ),
    Verb(
        "weights list",
        "List all weights: which are there, their size and licence, what needs them",
        "talkingface.cli_weights:list_weights",
        schemas.WeightsListOptions,
    ),
    Verb(
        "weights where",
        "Show the folders in which weights are looked for, in order",
        "talkingface.cli_weights:where",
        schemas.WeightsTableOptions,
    ),
    Verb(
        "weights pull",
        "Download weights, going on where an earlier download ended, and check them",
        "talkingface.cli_weights:pull",
        schemas.WeightsPullOptions,
        (Argument("names", "NAME", "Names of weights list, or of their files", several=True),),
        "talkingface weights pull DNet LNet ENet",
    ),
    Verb(
        "weights import",
        "Recognise files of weights by their content, check them and copy them to their places",
        "talkingface.cli_weights:import_files",
        schemas.WeightsImportOptions,
        (Argument("files", "FILE", "Files of weights, whatever their names", several=True),),
        "talkingface weights import ~/Downloads/*.pth",
    ),
    Verb(
        "weights verify",
        "Check every file of weights that is there: hash where known, all names, shapes and numbers",
        "talkingface.cli_weights:verify",
        schemas.WeightsTableOptions,
        (Argument("names", "NAME", "Only these; all that are there when left out", optional=True, several=True),),
    ),
    Verb(
        "weights convert",
        "Rewrite weights as safetensors without what is not used: half the size, a quarter in 16 bits",
        "talkingface.cli_weights:convert",
        schemas.WeightsConvertOptions,
        (Argument("names", "NAME", "Only these; all that are there when left out", optional=True, several=True),),
        "talkingface weights convert --precision fp16",
    ),
    Verb("models", "List the models", "talkingface.cli_inspect:models", schemas.ListingOptions),
    Verb(
        "doctor",
        "Check this installation: Python, packages, weights, write access, a tiny encode",
        "talkingface.cli_inspect:doctor",
        schemas.ListingOptions,
    ),
)


def find_verb(name: str) -> Verb:
    """Return the verb of the table called exactly ``name``."""
    return next(verb for verb in VERBS if verb.name == name)


def verb_parser(verb: Verb) -> OptionParser:
    """Return a verb's parser, made from its arguments and schema."""
    program = f"talkingface {verb.name}"
    if issubclass(verb.schema, schemas.ToolkitOptions):
        from talkingface.configuration import run_parser

        return run_parser(program, verb.schema, verb.summary)
    parser = OptionParser(program, verb.summary, f"example:\n  {verb.example}" if verb.example else "")
    for argument in verb.arguments:
        if argument.flags:
            parser.add_argument(
                *argument.flags, dest=argument.name, metavar=argument.metavar, required=True, help=argument.help
            )
        else:
            once, often = ("?", "*") if argument.optional else (None, "+")
            number = often if argument.several else once
            parser.add_argument(argument.name, metavar=argument.metavar, help=argument.help, nargs=number)
    add_options(parser, verb.schema)
    return parser


def parse_verb(name: str, tokens: Sequence[str], session: Session) -> tuple[argparse.Namespace, Any]:
    """Parse the tokens after a verb.

    Returns:
        The namespace, for the verb's arguments, and an object of the verb's schema.

    Raises:
        OptionError: for anything that is not valid.
    """
    verb = find_verb(name)
    namespace = verb_parser(verb).parse(tokens)
    options = verb.schema(**given_options(namespace, verb.schema))
    session.debug = options.debug
    return namespace, options
