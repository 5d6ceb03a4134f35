"""Files of a folder, bucket or server, by fsspec: each version of each file is copied once.

What was copied is known by name and version, not by the newest moment seen: a file that is put
there late, with the date it was written, is not passed over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rapport.collect.pulls.fetched import Fetched
from rapport.collect.pulls.plan import FilesPull
from rapport.errors import InvalidInput, MissingExtra, NotAllowed

#: What storages call the mark of a file's content, or else its moment: the first one found counts,
#: and the size with it. Files that are put there again as they were keep the mark of their content.
_MARKS = (
    *("md5Hash", "content_md5", "md5", "checksum", "CRC", "ETag", "etag"),
    *("mtime", "LastModified", "last_modified", "Last-Modified", "modified", "modify"),
    *("updated", "timeModified", "date_time", "chksum"),
)


def fetch_files(pull: FilesPull, folder: Path, state: Any) -> Fetched:
    """Copies of the files that are new or changed since the last visit.

    A file that changes while it is copied is left for the next visit.

    Raises
    ------
    InvalidInput
        If fsspec knows no such storage.
    FileNotFoundError
        If there is no such folder.
    NotAllowed
        If a file of the folder is a link to what lies outside of it.
    MissingExtra
        If fsspec is not installed.
    """
    try:
        from fsspec import available_protocols, url_to_fs  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra("Fetching files", "connectors") from error
    for protocol in _protocols(pull.url):
        if protocol not in available_protocols():
            raise InvalidInput(f"fsspec knows no storage {protocol!r}")
    options = {n: tuple(v) if isinstance(v, list) else v for n, v in pull.options.items()}
    storage, root = url_to_fs(pull.url, **options)
    inbox = folder / "out" / "files"
    inbox.mkdir(parents=True, exist_ok=True)
    known = set(state or ())
    seen: list[str] = []
    listed = _listed(storage, root, pull)
    _refuse_ways_out(storage, root, listed)
    for path, name, info in listed:
        # Few storages say nothing of a file's state in a list; they are asked file by file.
        version = _version(info) or _version(_info(storage, path) or {})
        digest = hashlib.sha256(f"{name}\n{version}".encode()).hexdigest()[:16]
        if digest in known or _copied(storage, path, inbox / digest / Path(name).name):
            seen.append(digest)
    found = sorted(path for path in inbox.glob("*/*") if path.suffix != ".partial")
    return Fetched(files=tuple(map(str, found)), records=len(found), state=sorted(seen))


def _protocols(url: str) -> list[str]:
    """The storages that a URL names: ``zip://::ftp://host/x.zip`` names two."""
    return [part.partition("://")[0] for part in url.split("::") if "://" in part]


def _listed(storage: Any, root: str, pull: FilesPull) -> list[tuple[str, str, dict[str, Any]]]:
    """Paths of the files that match, each with its name below the folder and what is said of it."""
    from fsspec import AbstractFileSystem  # noqa: PLC0415
    from fsspec.utils import glob_translate  # noqa: PLC0415

    by_web = _protocols(pull.url)[:1] in (["http"], ["https"])
    if not root.endswith("/") and (by_web or (root and storage.isfile(root))):
        return [(root, root.rpartition("/")[2], {})]
    depth = None if "**" in pull.pattern else pull.pattern.count("/") + 1
    storage.invalidate_cache()
    # What cannot be listed must be said; those that list by themselves say it anyway.
    said = {"on_error": "raise"} if type(storage).find is AbstractFileSystem.find else {}
    found = storage.find(root, maxdepth=depth, detail=True, **said)
    matches = re.compile(glob_translate(pull.pattern)).fullmatch
    base = root.rstrip("/")
    listed = []
    for path, info in found.items():
        name = path.removeprefix(base).lstrip("/")
        if info["type"] != "directory" and matches(name):
            listed.append((path, name, info))
    return sorted(listed, key=lambda each: each[1])


def _refuse_ways_out(
    storage: Any, root: str, listed: Sequence[tuple[str, str, dict[str, Any]]]
) -> None:
    """Refuse a folder with a link out of it: whoever may write there could have any file read.

    Of this machine's files only; other storages follow their links with the rights of whoever signs
    in there. It is refused, not passed over: a file that is meant and never comes is missed by
    nobody.
    """
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415

    if not isinstance(storage, LocalFileSystem):
        return
    named = [path for path, _, _ in listed]
    folder = Path(root).parent if named == [root] else Path(root)
    # A folder on the way may be a link as well, so more than the links among the files is asked.
    if not all(Path(path).resolve().is_relative_to(folder.resolve()) for path in named):
        raise NotAllowed(
            "A file in the folder is a link to a file outside of it, which is not followed; copy "
            "the file into the folder, or take the link away"
        )


def _info(storage: Any, path: str) -> dict[str, Any] | None:
    """What the storage says of a file now; None where there is none any more."""
    storage.invalidate_cache()
    try:
        said: dict[str, Any] = storage.info(path)
    except FileNotFoundError:
        return None
    return said


def _version(info: dict[str, Any]) -> str:
    """What changes when the file changes; empty where nothing is said of it."""
    for name in _MARKS:
        if info.get(name) is not None:
            return f"{name}={info[name]} size={info.get('size')}"
    return ""


def _copied(storage: Any, path: str, target: Path) -> bool:
    """Whether a whole copy lies at ``target``; not so where the file changed meanwhile."""
    if target.exists():  # of a visit that was stopped
        return True
    target.parent.mkdir(exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    before = _info(storage, path)
    try:
        storage.get_file(path, str(partial))
    except FileNotFoundError:
        partial.unlink(missing_ok=True)
        return False
    after = _info(storage, path)
    if before is None or after is None or _state(before) != _state(after):
        partial.unlink()
        return False
    partial.rename(target)
    return True


def _state(info: dict[str, Any]) -> tuple[str, Any]:
    return _version(info), info.get("size")
