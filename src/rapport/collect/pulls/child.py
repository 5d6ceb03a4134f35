"""The process that visits a source: what to do comes by standard input, what was done goes out.

It is a process of its own so that a library's memory, threads and crashes are not ours, and so
that a visit that hangs can be ended. Secrets come by the same pipe, never by arguments.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from rapport.collect.pulls.fetched import Failed, Fetched
from rapport.collect.pulls.files import fetch_files
from rapport.collect.pulls.imap import fetch_imap
from rapport.collect.pulls.plan import FilesPull, ImapPull, Pull, RestPull, SingerPull, SqlPull
from rapport.collect.pulls.singer import fetch_singer
from rapport.collect.pulls.through_dlt import fetch_rest, fetch_sql
from rapport.errors import RapportError, TransientError


class Visit(Struct, frozen=True, kw_only=True):
    """What the process is told: the pull with its secrets in it."""

    pull: Pull
    folder: str
    state: Any = None


class Answer(Struct, frozen=True, kw_only=True):
    """What the process says at its end: one of the two."""

    fetched: Fetched | None = None
    failed: Failed | None = None


def visit(told: Visit) -> Fetched:
    """Fetch what is new."""
    folder = Path(told.folder)
    match told.pull:
        case SqlPull():
            return fetch_sql(told.pull, folder)
        case FilesPull():
            return fetch_files(told.pull, folder, told.state)
        case RestPull():
            return fetch_rest(told.pull, folder)
        case SingerPull():
            return fetch_singer(told.pull, folder, told.state)
        case ImapPull():
            return fetch_imap(told.pull, folder, told.state)


def failure_of(problem: BaseException) -> Failed:
    """Why a visit failed, without a word of the library's messages: they may quote records.

    The cause that says most is looked for along the chain of exceptions.
    """
    chain: list[BaseException] = []
    at: BaseException | None = problem
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    for each in chain:
        if isinstance(each, RapportError):
            return Failed(
                code=each.code, message=each.message, again=isinstance(each, TransientError)
            )
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(status, int):
            return _answered(status)
    names = [type(each).__name__ for each in chain]
    if "JSONDecodeError" in names:  # requests' own is an OSError too, as if nobody had answered
        return Failed(code="not_json", message=_NO_JSON, again=False)
    for each, name in zip(chain, names, strict=True):
        if isinstance(each, ModuleNotFoundError):
            return Failed(
                code="missing_driver",
                message=f"Install the Python package that brings the module {each.name}",
                again=False,
            )
        if isinstance(each, FileNotFoundError | NotADirectoryError):
            return Failed(code="not_found", message="There is no such folder or file")
        if name in ("NoSuchTableError", "NoSuchModuleError", "IncrementalCursorPathMissing"):
            said = {
                "NoSuchTableError": "The database has no such table or view",
                "NoSuchModuleError": "SQLAlchemy knows no such dialect; install its package",
                "IncrementalCursorPathMissing": "The records have no such cursor column",
            }
            return Failed(code="not_found", message=said[name], again=False)
        if isinstance(each, PermissionError) or name == "error_perm":  # the latter is FTP's
            return Failed(code="not_allowed", message="Access was refused", again=False)
    if any(
        "Timeout" in name or isinstance(e, TimeoutError)
        for e, name in zip(chain, names, strict=True)
    ):
        return Failed(code="too_slow", message="The source did not answer in time")
    if any(isinstance(each, OSError) for each in chain) or "OperationalError" in names:
        return Failed(code="unreachable", message="The source cannot be reached, or refused us")
    return Failed(code="failed", message=f"The visit failed: {names[-1]}")


_NO_JSON = (
    "The service answered, but not with JSON: a page of HTML, such as to sign in, stands at that "
    "address, or what is asked for has another format; check the address"
)


def _answered(status: int) -> Failed:
    if status in (401, 403):
        return Failed(
            code="not_allowed",
            message=f"The service answered {status}: check the token and its rights",
            again=False,
        )
    if status == 404:
        return Failed(
            code="not_found", message="The service answered 404: check its address", again=False
        )
    if status == 429:
        return Failed(code="overloaded", message="The service answered 429: too many requests")
    return Failed(code="failed", message=f"The service answered {status}")


def main() -> None:
    """Read what to do, do it, say how it went."""
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Visit)
    # Libraries print; only the answer may reach the pipe.
    pipe = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        answer = Answer(fetched=visit(told))
    except Exception as problem:
        answer = Answer(failed=failure_of(problem))
    with pipe:
        pipe.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
