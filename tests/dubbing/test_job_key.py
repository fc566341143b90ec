"""Names by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.dubbing import job_key
from talkingface.dubbing.job_key import code_digest, file_digest, key_of
from talkingface.errors import Cancelled, MediaError
from talkingface.progress import Cancellation


def test_a_digest_is_of_the_content_and_not_of_the_name(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (file_digest(tmp_path / name, Cancellation()) for name in "abc")
    assert a == b != c
    assert a == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def test_files_that_cannot_be_read_are_media_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(MediaError):
            file_digest(path, Cancellation())


def test_hashing_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        file_digest(tmp_path / "a", cancel)


def test_keys_depend_on_every_part_and_not_on_the_order_of_names() -> None:
    assert key_of([{"a": 1, "b": None}]) == key_of([{"b": None, "a": 1}])
    keys = {key_of(parts) for parts in ([1, 2], [2, 1], [[1], 2], ["1", 2], [1, 2, None], ["\udcff"])}
    assert len(keys) == 6


def test_another_version_of_a_package_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = code_digest.__wrapped__()
    assert usual == code_digest.__wrapped__()
    monkeypatch.setattr(job_key, "package_versions", lambda: {"av": "0"})
    assert code_digest.__wrapped__() != usual
