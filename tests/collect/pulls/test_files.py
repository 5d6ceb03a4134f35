"""Files of every storage are fetched once, and again when they change, whatever their names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from rapport.collect.catalogue import LIVE_STORAGES
from rapport.collect.pulls.child import Answer, Visit
from rapport.collect.pulls.fetched import Failed, Fetched
from rapport.collect.pulls.files import fetch_files
from rapport.collect.pulls.plan import FilesPull, plan_from
from rapport.errors import InvalidInput, InvalidMapping, NotAllowed
from tests.collect.pulls.servers import STORAGES, ftp, s3, storages, web, webdav
from tests.peak_memory import peak_mb, write_peak

STRANGE = "január/nyugták 1 & ő[2].csv"


class Storage(Struct, frozen=True, kw_only=True):
    """A storage that holds what is in `folder`, once `publish` has been called."""

    url: str
    folder: Path
    options: dict[str, Any] = {}
    publish: Callable[[], None] = lambda: None


def _local(folder: Path, _: ExitStack) -> Storage:
    return Storage(url=folder.as_uri(), folder=folder)


def _ftp(folder: Path, stack: ExitStack) -> Storage:
    port = stack.enter_context(ftp(folder, folder.parent / "log"))
    options = {"host": "127.0.0.1", "port": port, "username": "till", "password": "pass word"}
    return Storage(url="ftp://127.0.0.1/", folder=folder, options=options)


def _zip(folder: Path, _: ExitStack) -> Storage:
    archive = folder.parent / "exports.zip"

    def publish() -> None:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(folder))

    return Storage(url=f"zip://::{archive.as_uri()}", folder=folder, publish=publish)


def _tar(folder: Path, _: ExitStack) -> Storage:
    archive = folder.parent / "exports.tar"

    def publish() -> None:
        with tarfile.open(archive, "w") as packed:
            for path in sorted(folder.rglob("*")):
                packed.add(path, path.relative_to(folder), recursive=False)

    return Storage(url=f"tar://::{archive.as_uri()}", folder=folder, publish=publish)


def _webdav(folder: Path, stack: ExitStack) -> Storage:
    base = stack.enter_context(webdav(folder, folder.parent / "log"))
    options = {"base_url": base, "auth": ["till", "pass word"]}
    return Storage(url="webdav://", folder=folder, options=options)


def _http(folder: Path, stack: ExitStack) -> Storage:
    storages()
    base = stack.enter_context(web(folder, folder.parent / "log"))
    return Storage(url=f"{base}/", folder=folder)


def _s3(folder: Path, stack: ExitStack) -> Storage:
    base = stack.enter_context(s3(folder.parent / "log"))
    keys = {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": base}}
    asked = msgspec.json.encode(keys).decode()
    code = (
        "import sys, pathlib, s3fs, json\n"
        "fs = s3fs.S3FileSystem(**json.loads(sys.argv[1]))\n"
        "if not fs.exists('bucket'): fs.mkdir('bucket')\n"
        "root = pathlib.Path(sys.argv[2])\n"
        "for p in root.rglob('*'):\n"
        "    if p.is_file(): fs.put_file(str(p), f'bucket/exports/{p.relative_to(root)}')\n"
    )

    def publish() -> None:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, asked, folder],
            env={**os.environ, "PYTHONPATH": storages()}, check=True,
        )  # fmt: skip

    return Storage(url="s3://bucket/exports", folder=folder, options=keys, publish=publish)


MADE: dict[str, Callable[[Path, ExitStack], Storage]] = {
    "file": _local, "ftp": _ftp, "http": _http, "s3": _s3, "tar": _tar, "webdav": _webdav,
    "zip": _zip,
}  # fmt: skip


@pytest.fixture(params=sorted(MADE))
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    with ExitStack() as stack:
        folder = tmp_path / "exports"
        folder.mkdir()
        yield MADE[request.param](folder, stack)


def _visit(folder: Path, pull: FilesPull, state: Any = None) -> Fetched | Failed:
    """What a visit brings, in the child process that the product runs."""
    folder.mkdir(exist_ok=True)
    told = Visit(pull=pull, folder=str(folder), state=state)
    ran = subprocess.run(
        [sys.executable, "-m", "rapport.collect.pulls.child"],
        input=msgspec.json.encode(told), capture_output=True, check=True,
        env={**os.environ, "PYTHONPATH": str(STORAGES)},
    )  # fmt: skip
    answer = msgspec.json.decode(ran.stdout, type=Answer)
    said = answer.fetched or answer.failed
    assert said is not None
    return said


def _fetched(folder: Path, pull: FilesPull, state: Any = None) -> tuple[dict[str, str], Any]:
    """Name → content of the files that a visit brings, which are taken away, and its state."""
    got = _visit(folder, pull, state)
    assert isinstance(got, Fetched), got
    contents = {f"{n}:{Path(f).name}": Path(f).read_text() for n, f in enumerate(got.files)}
    shutil.rmtree(folder / "out")
    return {name.partition(":")[2] + f" {text}": text for name, text in contents.items()}, got.state


def test_the_live_tested_storages_are_those_of_these_tests() -> None:
    assert set(LIVE_STORAGES) == set(MADE)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_each_version_of_each_file_is_fetched_once(storage: Storage, tmp_path: Path) -> None:
    (storage.folder / "január").mkdir()
    (storage.folder / "február").mkdir()
    (storage.folder / STRANGE).write_text("egy")
    (storage.folder / "február" / Path(STRANGE).name).write_text("kettő")
    (storage.folder / "notes.md").write_text("not for us")
    storage.publish()
    pull = FilesPull(url=storage.url, pattern="**/*.csv", options=storage.options)
    first, state = _fetched(tmp_path / "visit", pull)
    assert sorted(first.values()) == ["egy", "kettő"], "equal names in two folders"
    again, state = _fetched(tmp_path / "visit", pull, state)
    assert again == {}

    late = storage.folder / "late.csv"
    late.write_text("három")
    os.utime(late, (1_600_000_000, 1_600_000_000))  # written long ago, put there now
    (storage.folder / STRANGE).write_text("egy, changed")
    storage.publish()
    second, state = _fetched(tmp_path / "visit", pull, state)
    assert sorted(second.values()) == ["egy, changed", "három"]
    only = FilesPull(url=storage.url, pattern="*.csv", options=storage.options)
    assert list(_fetched(tmp_path / "other", only)[0].values()) == ["három"]


@pytest.mark.slow
def test_a_wrong_password_is_said(tmp_path: Path) -> None:
    with ftp(tmp_path, tmp_path / "log") as port:
        options = {"host": "127.0.0.1", "port": port, "username": "till", "password": "wrong"}
        pull = FilesPull(url="ftp://127.0.0.1/", options=options)
        failed = _visit(tmp_path / "visit", pull)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.again) == ("not_allowed", False)


@pytest.mark.slow
def test_a_large_file_is_copied_in_bounded_memory(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    size = 700 * 1024 * 1024
    with (exports / "large.csv").open("wb") as file:
        file.truncate(size)
    code = f"from rapport.collect.pulls.child import main\nmain()\n{write_peak(tmp_path / 'peak')}"
    with ftp(exports, tmp_path / "log") as port:
        options = {"host": "127.0.0.1", "port": port, "username": "till", "password": "pass word"}
        pull = FilesPull(url="ftp://127.0.0.1/", options=options)
        told = msgspec.json.encode(Visit(pull=pull, folder=str(tmp_path / "visit")))
        (tmp_path / "visit").mkdir()
        ran = subprocess.run(
            [sys.executable, "-c", code], input=told, capture_output=True, check=True
        )
    answer = msgspec.json.decode(ran.stdout, type=Answer)
    assert answer.fetched is not None, answer.failed
    assert [Path(path).stat().st_size for path in answer.fetched.files] == [size]
    assert peak_mb(tmp_path / "peak") < 300


def test_a_file_that_grows_while_it_is_copied_waits_for_the_next_visit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415

    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "log.csv").write_text("a\n")
    copy = LocalFileSystem.get_file

    def growing(self: Any, path: str, target: str, **options: Any) -> None:
        copy(self, path, target, **options)
        with Path(path).open("a") as file:
            file.write("b\n")

    pull = FilesPull(url=exports.as_uri())
    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "get_file", growing)
        first = fetch_files(pull, tmp_path, None)
    assert (first.files, first.state) == ((), [])
    (fetched,) = fetch_files(pull, tmp_path, first.state).files
    assert Path(fetched).read_text() == "a\nb\n"


def test_a_missing_folder_and_an_unknown_storage_are_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch_files(FilesPull(url=(tmp_path / "absent").as_uri()), tmp_path, None)
    with pytest.raises(InvalidInput, match="knows no storage 'gopher'"):
        fetch_files(FilesPull(url="gopher://host/x"), tmp_path, None)


def test_a_link_out_of_the_folder_is_refused_and_one_within_is_a_file(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    secret = tmp_path / "secret.csv"
    secret.write_text("a secret of the server")
    (inbox / "one.csv").write_text("a\n1\n")
    (inbox / "same.csv").symlink_to(inbox / "one.csv")
    pull = FilesPull(url=inbox.as_uri(), pattern="**/*.csv")
    first = fetch_files(pull, tmp_path / "first", None)
    assert sorted(Path(path).name for path in first.files) == ["one.csv", "same.csv"]
    for link, leads_to in (("out.csv", secret), ("way.csv", Path("../secret.csv"))):
        (inbox / link).symlink_to(leads_to)
        with pytest.raises(NotAllowed, match="link to a file outside"):
            fetch_files(pull, tmp_path / "second", None)
        (inbox / link).unlink()
        assert not list((tmp_path / "second").rglob("*.csv"))


def test_a_file_that_has_become_a_link_out_of_its_folder_is_not_followed(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "secret.csv").write_text("a secret of the server")
    (inbox / "one.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(NotAllowed):
        fetch_files(FilesPull(url=(inbox / "one.csv").as_uri()), tmp_path / "visit", None)


def test_a_folder_whose_name_has_marks_of_patterns_is_read(tmp_path: Path) -> None:
    exports = tmp_path / "exports [old] *"
    exports.mkdir()
    (exports / "a.csv").write_text("a")
    (fetched,) = fetch_files(FilesPull(url=f"file://{exports}"), tmp_path, None).files
    assert Path(fetched).name == "a.csv"


@pytest.mark.parametrize(
    ("pull", "said"),
    [
        ({"url": "ftp://till:secret@host/"}, "holds a password"),
        ({"url": "zip://::ftp://till:secret@host/x.zip"}, "holds a password"),
        ({"url": "zip://::ftp://h/x.zip", "options": {"ftp": {"password": "secret"}}}, "a secret"),
        ({"url": "webdav://", "options": {"auth": ["till", "secret"]}}, "a secret"),
    ],
)
def test_a_password_is_only_given_by_reference(pull: dict[str, Any], said: str) -> None:
    plan = {"source": "till", "kind": "segment", "pull": {"from": "files", **pull}}
    with pytest.raises(InvalidMapping, match=said):
        plan_from(plan, "till.toml")
