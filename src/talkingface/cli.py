"""The command line: finds the verb, runs it, and turns errors into one line and an exit status."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from talkingface.cli_verbs import VERBS, Session, Verb
from talkingface.errors import OptionError, TalkingFaceError, nearest_names

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "done"),
    (1, "unforeseen error, or several different ones"),
    (2, "bad option"),
    (3, "unreadable or unsuitable media"),
    (4, "no usable face"),
    (5, "needed weights missing"),
    (6, "output cannot be written"),
    (130, "interrupted"),
)
_INTERRUPTED = 130
_EXTRA_OF_MODULE = {"torch": "train", "safetensors": "train", "onnx": "train"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Tokens after the program's name; those of this process when not given.

    Returns:
        The exit status: see ``EXIT_CODES``.
    """
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(debug="--debug" in tokens)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may hold what the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        with _terminated_as_interrupted():
            return _dispatch(tokens, session)
    except TalkingFaceError as error:
        return _fail(str(error), error.exit_code, session)
    except KeyboardInterrupt:
        return _fail("interrupted", _INTERRUPTED, session)
    except BrokenPipeError:
        # Whoever read our output has gone. Python flushes once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF_MODULE.get(error.name or "")
        if extra is None:
            return _fail_unforeseen(error, session)
        return _fail(f"this needs {error.name}: pip install 'talkingface[{extra}]'", 1, session)
    except Exception as error:
        return _fail_unforeseen(error, session)


def help_text() -> str:
    """Return what ``talkingface --help`` prints."""
    width = max(len(verb.name) for verb in VERBS) + 2
    lines = [
        "usage: talkingface VERB ...",
        "",
        "Make a person in a video speak other words, and measure how well it did.",
        "",
        "verbs:",
        *(f"  {verb.name:<{width}}{verb.summary}" for verb in VERBS),
        "",
        "options:",
        "  -h, --help  Show this help; after a verb, the verb's",
        "  --version   Show the version",
        "",
        "exit status:",
        *(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES),
        "",
        "example:",
        f"  {VERBS[0].example}",
    ]
    return "\n".join(lines)


def _dispatch(tokens: list[str], session: Session) -> int:
    if not tokens:
        print(help_text(), file=sys.stderr)
        return OptionError.exit_code
    if tokens[0] in ("-h", "--help", "help"):
        print(help_text())
        return 0
    if tokens[0] == "--version":
        from importlib.metadata import version

        print(f"talkingface {version('talkingface')}")
        return 0
    verb, rest = _find_verb(tokens)
    module, _, function = verb.target.partition(":")
    run: Callable[[Sequence[str], Session], int] = getattr(importlib.import_module(module), function)
    try:
        return run(rest, session)
    except SystemExit as done:  # argparse has printed a verb's help
        return done.code if isinstance(done.code, int) else 0


def _find_verb(tokens: list[str]) -> tuple[Verb, list[str]]:
    for verb in VERBS:
        words = verb.name.split()
        if tokens[: len(words)] == words:
            return verb, tokens[len(words) :]
    second_words = {verb.name.split()[1]: verb for verb in VERBS if verb.name.split()[:-1] == tokens[:1]}
    if second_words:
        if len(tokens) > 1 and not tokens[1].startswith("-"):
            raise OptionError(f"there is no {' '.join(tokens[:2])!r}; {nearest_names(tokens[1], second_words)}")
        if tokens[1:] in (["-h"], ["--help"]):
            return next(iter(second_words.values())), tokens[1:]
        raise OptionError(f"{tokens[0]} what? {tokens[0]} {f' or {tokens[0]} '.join(second_words)}")
    names = {verb.name.split()[0] for verb in VERBS}
    raise OptionError(f"there is no verb {tokens[0]!r}; {nearest_names(tokens[0], names)}")


def _fail(message: str, code: int, session: Session) -> int:
    if session.debug:
        traceback.print_exc()
    print(f"talkingface: {_on_one_line(message)}", file=sys.stderr)
    return code


def _on_one_line(message: str) -> str:
    """File names may hold line breaks, and codes that move a terminal's cursor."""
    return "".join(letter if letter >= " " and letter != "\x7f" else repr(letter)[1:-1] for letter in message)


def _fail_unforeseen(error: Exception, session: Session) -> int:
    hint = "" if session.debug else " (--debug shows where)"
    return _fail(f"unforeseen {type(error).__name__}: {error}{hint}", 1, session)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end what is no job (and so cannot be cancelled) as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
