from __future__ import annotations

import hashlib
import http.server
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from talkingface.errors import Cancelled, OutputError, WeightsMissingError, WeightsUnusableError
from talkingface.file_lock import FileLock
from talkingface.progress import Cancellation, SilentProgress
from talkingface.weights.catalog import CatalogEntry, catalog_entry
from talkingface.weights.download import pull

CONTENT = bytes(range(256)) * 20_000  # 5 MB


class Server:
    """A web server on this machine that can be told to misbehave."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.ranges = True  # whether it obeys them
        self.breaks_after: int | None = None  # bytes
        self.status = 200
        self.redirect: str | None = None
        self.says_length = True
        self.asked: list[str | None] = []  # the ranges of the requests
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *parts: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/weights.pth"

    def answer(self, request: Any) -> None:
        given = request.headers.get("Range")
        self.asked.append(given)
        if self.redirect or self.status != 200:
            request.send_response(302 if self.redirect else self.status)
            request.send_header("Location", self.redirect or "")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", given)[1]) if given and self.ranges else 0  # type: ignore[index]
        if start >= len(self.content) and start:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.says_length:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body if self.breaks_after is None else body[: self.breaks_after])
        request.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    yield made
    made.close()


@pytest.fixture
def entry(server: Server) -> CatalogEntry:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return replace(catalog_entry("GANimation"), urls=(server.url,), sha256=digest, size=len(CONTENT))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "30_net_gen.pth"


class Steps(SilentProgress):
    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0

    def stage(self, name: str, total: int | None) -> None:
        self.total, self.done = total, 0

    def advance(self, steps: int = 1) -> None:
        self.done += steps


def get(entry: CatalogEntry, target: Path, **more: Any) -> None:
    pull(entry, target, more.pop("progress", SilentProgress()), more.pop("cancel", Cancellation()), **more)


def files(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def test_a_file_arrives_whole(entry: CatalogEntry, target: Path) -> None:
    steps = Steps()
    get(entry, target, progress=steps)
    assert target.read_bytes() == CONTENT
    assert files(target) == {target.name}
    assert steps.total == 5 and steps.done >= 5


def test_an_interrupted_download_goes_on(entry: CatalogEntry, target: Path, server: Server) -> None:
    server.breaks_after = 2_000_000
    with pytest.raises(WeightsMissingError, match=r"broke off after 2\.0 of 5\.1 MB.*the next pull goes on"):
        get(entry, target)
    part = target.with_name("30_net_gen.pth.part")
    assert part.stat().st_size == 2_000_000 and files(target) == {part.name}
    server.breaks_after = None
    get(entry, target)
    assert server.asked == [None, "bytes=2000000-"]
    assert target.read_bytes() == CONTENT and files(target) == {target.name}


def test_a_download_that_had_all_is_not_made_again(entry: CatalogEntry, target: Path, server: Server) -> None:
    target.parent.mkdir()
    target.with_name("30_net_gen.pth.part").write_bytes(CONTENT)
    get(entry, target)
    assert target.read_bytes() == CONTENT and len(server.asked) == 1


def test_more_than_all_begins_anew(entry: CatalogEntry, target: Path, server: Server) -> None:
    target.parent.mkdir()
    target.with_name("30_net_gen.pth.part").write_bytes(CONTENT + b"more")
    get(entry, target)
    assert target.read_bytes() == CONTENT and server.asked[-1] is None


def test_a_server_without_ranges_begins_anew(entry: CatalogEntry, target: Path, server: Server) -> None:
    target.parent.mkdir()
    target.with_name("30_net_gen.pth.part").write_bytes(b"something else")
    server.ranges = False
    get(entry, target)
    assert target.read_bytes() == CONTENT


def test_another_file_is_deleted(entry: CatalogEntry, target: Path, server: Server) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(
        WeightsUnusableError, match=r"another file \(SHA-256 .* and was deleted; pull again, or by hand"
    ):
        get(entry, target)
    assert files(target) == set()


def test_a_part_of_another_file_is_deleted(entry: CatalogEntry, target: Path) -> None:
    part = target.with_name("30_net_gen.pth.part")
    part.parent.mkdir()
    part.write_bytes(b"!" * 1000)
    with pytest.raises(WeightsUnusableError, match="another file"):
        get(entry, target)
    assert files(target) == set()
    get(entry, target)
    assert target.read_bytes() == CONTENT


def test_a_beginning_of_a_hash_tells_too(entry: CatalogEntry, target: Path) -> None:
    assert entry.sha256 is not None
    get(replace(entry, sha256=entry.sha256[:10]), target)
    target.unlink()
    with pytest.raises(WeightsUnusableError, match="another file"):
        get(replace(entry, sha256="0123456789"), target)


def test_content_is_looked_at(entry: CatalogEntry, target: Path) -> None:
    def refuse(path: Path) -> None:
        assert path.read_bytes() == CONTENT
        raise WeightsUnusableError("no network")

    with pytest.raises(WeightsUnusableError, match="no network"):
        get(replace(entry, sha256=None), target, check=refuse)
    assert files(target) == set()


def test_a_file_too_large_is_not_fetched(entry: CatalogEntry, target: Path, server: Server) -> None:
    server.content = bytes(70 << 20)
    for server.says_length in (True, False):
        with pytest.raises(WeightsUnusableError, match="MB"):
            get(replace(entry, size=1000), target)
        assert not target.exists()


def test_a_refused_connection_says_what_to_put_where(entry: CatalogEntry, target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/30_net_gen.pth"
    with pytest.raises(WeightsMissingError) as caught:
        get(replace(entry, urls=(url,)), target)
    text = str(caught.value)
    assert "GANimation cannot be downloaded (127.0.0.1: " in text and "refused" in text
    assert f"by hand: download {url}, and put 30_net_gen.pth at {target}" in text
    assert caught.value.exit_code == 5 and files(target) == set()


def test_the_next_address_is_tried(entry: CatalogEntry, target: Path, server: Server) -> None:
    get(replace(entry, urls=("http://127.0.0.1:1/gone", server.url)), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 500])
def test_refusals_of_the_server_are_told(entry: CatalogEntry, target: Path, server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(WeightsMissingError, match=f"127.0.0.1: answered {status}"):
        get(entry, target)


def test_only_https_is_used(entry: CatalogEntry, target: Path, server: Server) -> None:
    with pytest.raises(WeightsMissingError, match="is not https"):
        get(replace(entry, urls=("http://example.org/30_net_gen.pth",)), target)
    for place in ("http://example.org/x", "file:///etc/passwd"):
        server.redirect = place
        with pytest.raises(WeightsMissingError, match=r"not https|not allowed"):
            get(entry, target)
    with pytest.raises(WeightsMissingError, match="is not https"):
        get(replace(entry, urls=("file:///etc/passwd",)), target)


def test_without_an_address_it_is_said(entry: CatalogEntry, target: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"no direct address is known; by hand: ask her, and put 30_net_gen"):
        get(replace(entry, urls=(), note="ask her"), target)
    assert not target.parent.exists()


def test_a_stopped_download_can_go_on(entry: CatalogEntry, target: Path, server: Server) -> None:
    cancel = Cancellation()

    class Stops(Steps):
        def advance(self, steps: int = 1) -> None:
            super().advance(steps)
            if self.done >= 2:
                cancel.cancel()

    with pytest.raises(Cancelled):
        get(entry, target, progress=Stops(), cancel=cancel)
    assert files(target) == {"30_net_gen.pth.part"}
    get(entry, target)
    assert target.read_bytes() == CONTENT and server.asked[1] is not None


def test_two_do_not_write_one_file(entry: CatalogEntry, target: Path) -> None:
    target.parent.mkdir()
    lock = FileLock(target.with_name(target.name + ".lock"))
    assert lock.acquire()
    with pytest.raises(OutputError, match="another process is downloading it"):
        get(entry, target)
    lock.release()
    get(entry, target)


def test_a_folder_that_cannot_be_made(entry: CatalogEntry, target: Path) -> None:
    target.parent.write_text("a file")
    with pytest.raises(OutputError, match="cannot be made"):
        get(entry, target)
