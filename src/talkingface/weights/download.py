"""Downloading weights that somebody asked for: over https, going on where an earlier try ended, checked, then in place.

Nothing else in this package goes to the network.
"""

from __future__ import annotations

import http
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from talkingface.errors import OutputError, WeightsMissingError, WeightsUnusableError
from talkingface.file_lock import FileLock
from talkingface.progress import Cancellation, Progress
from talkingface.weights.catalog import CatalogEntry
from talkingface.weights.checkpoint import LARGEST_FILE
from talkingface.weights.hashing import file_sha256

PART = ".part"  # ends the name of a file that is not whole yet
_PIECE = 1 << 20  # bytes
_TIMEOUT = 30.0  # seconds without a byte
_HERE = ("127.0.0.1", "localhost", "::1")
_AGENT = "talkingface"


def pull(
    entry: CatalogEntry, target: Path, progress: Progress, cancel: Cancellation,
    check: Callable[[Path], None] | None = None,
) -> None:  # fmt: skip
    """Download a set of weights.

    Args:
        entry: What to download; its addresses are tried in order.
        target: Where it goes. Until it is whole and checked it lies beside it, its name ending in ``.part``.
        progress: Told about every MB.
        cancel: Stops it; the next pull goes on from there.
        check: Looks at the whole file before it is put in place; raises ``WeightsUnusableError``.

    Raises:
        WeightsMissingError: it cannot be had; the message says which file to put where.
        WeightsUnusableError: what came is another file.
        OutputError: it cannot be written.
        Cancelled: as asked.
    """
    if not entry.urls:
        raise WeightsMissingError(f"{entry.name}: no direct address is known; {by_hand(entry, target)}")
    part = target.with_name(target.name + PART)
    lock = FileLock(target.with_name(target.name + ".lock"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot be made ({error.strerror or error})") from error
    if not lock.acquire():
        raise OutputError(f"{target}: another process is downloading it")
    try:
        _fetch_any(entry, target, part, progress, cancel)
        _check(entry, part, target, check)
        try:
            part.replace(target)
        except OSError as error:
            raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        lock.path.unlink(missing_ok=True)
        lock.release()


def by_hand(entry: CatalogEntry, target: Path) -> str:
    """How to get a file without this program."""
    sources = f"download {' or '.join(entry.urls)}" if entry.urls else entry.note or "find it"
    return f"by hand: {sources}, and put {entry.files[0]} at {target}"


def _fetch_any(entry: CatalogEntry, target: Path, part: Path, progress: Progress, cancel: Cancellation) -> None:
    """Try the addresses in order."""
    failures = []
    for url in entry.urls:
        try:
            _fetch(entry, url, part, progress, cancel)
            return
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            failures.append(f"{urllib.parse.urlsplit(url).hostname}: {_why(error)}")
    left = f"; {part.name} is kept, and the next pull goes on from there" if part.exists() else ""
    raise WeightsMissingError(
        f"{entry.name} cannot be downloaded ({'; '.join(failures)}); {by_hand(entry, target)}{left}"
    )


def _fetch(entry: CatalogEntry, url: str, part: Path, progress: Progress, cancel: Cancellation) -> None:
    """Download into ``part``, from where it ends."""
    _check_address(url)
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    opener = urllib.request.build_opener(_SafeRedirects())
    try:
        answer = opener.open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not done:
            raise
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return  # all of it had come
        part.unlink()  # it has more than the file
        _fetch(entry, url, part, progress, cancel)
        return
    with answer:
        going_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _begins_at(answer, done)
        if not going_on:
            done = 0
        whole = _whole_size(answer, done)
        if whole > (entry.largest or LARGEST_FILE):
            raise WeightsUnusableError(f"{url}: {whole / 1e6:.0f} MB are more than {entry.files[0]} has")
        progress.stage(f"download {entry.files[0]}", max(1, round(whole / _PIECE)))
        progress.advance(done // _PIECE)
        try:
            with part.open("ab" if going_on else "wb") as file:
                done += _copy(answer, file, (entry.largest or LARGEST_FILE) - done, progress, cancel)
        except (ConnectionError, TimeoutError):
            raise
        except OSError as error:
            raise OutputError(f"{part}: cannot be written ({error.strerror or error})") from error
    if whole and done < whole:
        raise ConnectionError(f"it broke off after {done / 1e6:.1f} of {whole / 1e6:.1f} MB")


def _copy(answer: Any, file: IO[bytes], limit: int, progress: Progress, cancel: Cancellation) -> int:
    """Write what comes; the number of bytes."""
    count = 0
    while True:
        cancel.check()
        try:
            piece = answer.read(_PIECE)
        except http.client.IncompleteRead as error:
            piece = error.partial
        if not piece:
            return count
        file.write(piece)
        count += len(piece)
        if count > limit:
            raise WeightsUnusableError(f"more than {limit / 1e6:.0f} MB came, which cannot be right")
        progress.advance()


def _check(entry: CatalogEntry, part: Path, target: Path, check: Callable[[Path], None] | None) -> None:
    """Refuse and delete another file."""
    try:
        digest = file_sha256(part)
        if entry.matches(digest) is False:
            raise WeightsUnusableError(
                f"{entry.name}: what was downloaded is another file (SHA-256 {digest} instead of {entry.sha256}) "
                f"and was deleted; pull again, or {by_hand(entry, target)}"
            )
        if check is not None:
            check(part)
    except WeightsUnusableError:
        part.unlink(missing_ok=True)
        raise


def _check_address(url: str) -> None:
    address = urllib.parse.urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _HERE):
        raise urllib.error.URLError(f"{url} is not https")


def _begins_at(answer: Any, done: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {done}-")


def _whole_size(answer: Any, done: int) -> int:
    """Bytes of the whole file; 0 when the server does not say."""
    length = answer.headers.get("Content-Length", "")
    return done + int(length) if str(length).isdigit() else 0


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(cause) or type(error).__name__


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows only to where a download may come from."""

    def redirect_request(self, *parts: Any, **more: Any) -> urllib.request.Request | None:
        """As the base class, after a look at the address."""
        request = super().redirect_request(*parts, **more)
        if request is not None:
            _check_address(request.full_url)
        return request
