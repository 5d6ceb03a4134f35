"""Upload a silo's file in the pages: keep it aside, show how it was understood, import it."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping as AnyMapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.guess import Guess, guess_mapping
from rapport.collect.mapping import Mapping, mapping_from
from rapport.collect.records import file_chunks
from rapport.collect.sources import find_source
from rapport.collect.tables import open_file
from rapport.errors import Conflict, InvalidInput, InvalidMapping, NotFound, PayloadTooLarge
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company
from rapport.workflows.import_files import SUFFIXES, Imported, import_file
from rapport.workflows.sources import source_name

#: A file above this takes longer than anybody waits for a page.
LARGEST = 20_000_000
#: What nobody confirmed is deleted after so long: it holds personal data.
KEEP = timedelta(hours=24)
#: The kind of a file is found from its columns.
GUESS = "guess"
#: Files of one packed with gzip: how large they are is not known before they are unpacked.
_PACKED = ".gz"
#: Endings of the files that can be uploaded. Those of a Maildir's (":2,S") are for folders.
ENDINGS = tuple(sorted(each for each in SUFFIXES if each[0] == "." and each != _PACKED))
_EXAMPLES = 3
_LONGEST_EXAMPLE = 40
_META = "upload.json"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}")


class _Kept(Struct, frozen=True, kw_only=True):
    """What is remembered of an upload beside the file."""

    name: str
    kind: str
    at: datetime


class FileColumn(Struct, frozen=True, kw_only=True):
    """One column of the file: what it was taken for, and some of its cells."""

    name: str
    field: str | None
    examples: tuple[str, ...]


class UploadPreview(Struct, frozen=True, kw_only=True):
    """How a file was understood, for a person to confirm.

    Attributes
    ----------
    recognised : bool
        What the file holds was chosen, or its columns show it; else `kind` is empty, and it must be
        chosen first.
    confidence : float
        Share (0-1) of what is needed that names or values show plainly.
    fields : tuple of str
        Our fields that a column of this kind of file can be.
    missing : tuple of str
        Our fields that are needed and that no column was found for.
    questions : tuple of str
        What else is open.
    asks : tuple of str
        Constants that this kind of file leaves open.
    own_fields : bool
        The file's kind says what its fields mean, so there is nothing to choose.
    """

    token: str
    file: str
    kind: str
    source: str
    label: str
    confidence: float
    columns: tuple[FileColumn, ...]
    fields: tuple[str, ...]
    required: tuple[str, ...]
    constants: dict[str, str]
    decimal: str
    date_format: str
    time_zone: str
    questions: tuple[str, ...]
    missing: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    own_fields: bool = False
    recognised: bool = True


class Confirmed(Struct, frozen=True, kw_only=True):
    """What a person confirmed or corrected.

    Attributes
    ----------
    columns : mapping of str to str
        From the file's columns to our fields; others are kept as they are.
    """

    source: str
    label: str
    columns: AnyMapping[str, str]
    constants: AnyMapping[str, str] = {}
    decimal: str = "."
    date_format: str = ""
    time_zone: str = "UTC"


def keep_upload(company: Company, *, name: str, content: bytes, kind: str) -> str:
    """Keep a file until it is confirmed; returns the token of its page.

    Raises
    ------
    PayloadTooLarge
        If it is too large for a page; it says how to import it.
    InvalidInput
        If it is empty, of no known kind, or named like nothing that can be read.
    """
    if len(content) > LARGEST:
        raise PayloadTooLarge(
            f"A file up to {LARGEST // 1_000_000} MB can be uploaded here; this one has "
            f"{len(content) / 1e6:.0f}. Import it with `rapport import KIND FILE` on the server"
        )
    _require_known(kind)
    if not content.strip():
        raise InvalidInput("The file is empty; choose another")
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name.replace("\\", "/")).name).strip("._")[-80:]
    ending = Path(safe).suffix.lower()
    if ending == _PACKED:
        raise InvalidInput("The file is packed; unpack it and choose the file that was in it")
    if ending not in ENDINGS:
        raise InvalidInput(
            f"The file must end in one of {' '.join(ENDINGS)}; export it from its silo as CSV"
        )
    now = company.clock()
    _forget_old(company, now)
    token = secrets.token_urlsafe(24)
    folder = _uploads(company) / token
    folder.mkdir(parents=True, mode=0o700)
    (folder / safe).write_bytes(content)
    kept = _Kept(name=safe, kind=kind, at=now)
    (folder / _META).write_bytes(msgspec.json.encode(kept))
    return token


def upload_preview(company: Company, token: str) -> UploadPreview:
    """How the file was understood.

    Raises
    ------
    NotFound
        If there is no such upload any more.
    InvalidMapping
        If the file cannot be read at all.
    """
    path, kept = _find(company, token)
    guess = _guessed(company, path, kept)
    mapping = guess.mapping
    connector = connector_of(mapping.kind)
    means = {column: ours for ours, column in mapping.columns.items()}
    return UploadPreview(
        token=token,
        file=kept.name,
        kind=mapping.kind if guess.recognised else "",
        source=mapping.source,
        label=mapping.label,
        confidence=guess.confidence if guess.recognised else 0.0,
        columns=tuple(
            FileColumn(
                name=name, field=means.get(name) if guess.recognised else None, examples=examples
            )
            for name, examples in _examples(path, mapping).items()
        ),
        fields=(*connector.required, *connector.optional),
        required=connector.required,
        constants=dict(mapping.constants),
        decimal=mapping.file.decimal,
        date_format=mapping.file.date_format or "",
        time_zone=mapping.file.time_zone,
        questions=guess.questions[len(guess.missing) :],
        missing=guess.missing,
        asks=connector.asks,
        own_fields=connector.records is not None,
        recognised=guess.recognised,
    )


def confirm_upload(
    company: Company, token: str, confirmed: Confirmed, *, actor: str, dry_run: bool = False
) -> Imported:
    """Import the file as confirmed and delete it; with ``dry_run`` only read and check it.

    Raises
    ------
    InvalidMapping
        Naming what is missing or wrong; the file stays, so that it can be corrected.
    Conflict
        If the source exists and takes another kind of data.
    """
    path, kept = _find(company, token)
    guess = _guessed(company, path, kept)
    if not guess.recognised:
        raise InvalidInput(f"{kept.name} was not recognised; choose what it holds first")
    guessed = guess.mapping
    mapping = _confirmed_mapping(guessed, confirmed, kept.name)
    _require_kind(company, mapping)
    _require_currency(mapping, kept.name)
    done = import_file(company, path, mapping, dry_run=dry_run, at_once=False)
    if not dry_run:
        with company.ledger.write() as connection:
            connection.execute(
                audit.insert().values(
                    at=company.clock(),
                    actor=actor,
                    action="file.imported",
                    subject=mapping.source,
                    details={"rows": done.rows, "accepted": done.accepted, "refused": done.refused},
                )
            )
        shutil.rmtree(path.parent)
    return done


def read_upload_as(company: Company, token: str, kind: str) -> None:
    """Take the file for one of another kind than was chosen or found.

    Raises
    ------
    NotFound
        If there is no such upload any more.
    InvalidInput
        If the kind is not known, or the file cannot be read as one; it stays as it was.
    """
    _require_known(kind)
    path, kept = _find(company, token)
    changed = msgspec.structs.replace(kept, kind=kind)
    _guessed(company, path, changed)
    (path.parent / _META).write_bytes(msgspec.json.encode(changed))


def _require_known(kind: str) -> None:
    if kind not in (*KINDS, GUESS):
        raise InvalidInput(f"Kind {kind!r} is not known; known are {', '.join(KINDS)}")


def forget_upload(company: Company, token: str) -> None:
    """Delete an upload that nobody wants to import."""
    path, _ = _find(company, token)
    shutil.rmtree(path.parent)


def _guessed(company: Company, path: Path, kept: _Kept) -> Guess:
    """The mapping to confirm; clocks are read as the company's unless a mapping says otherwise."""
    guess = guess_mapping(path, kind=None if kept.kind == GUESS else kept.kind)
    local = msgspec.structs.replace(guess.mapping.file, time_zone=company.choice("time_zone"))
    return msgspec.structs.replace(
        guess, mapping=msgspec.structs.replace(guess.mapping, file=local)
    )


def _confirmed_mapping(guessed: Mapping, confirmed: Confirmed, file: str) -> Mapping:
    columns: dict[str, str] = {}
    for column, ours in confirmed.columns.items():
        if not ours:
            continue
        if ours in columns:
            raise InvalidMapping(
                f"Two columns, `{columns[ours]}` and `{column}`, cannot both be {ours}; choose one"
            )
        columns[ours] = column
    constants = {
        name: value.strip()
        for name, value in confirmed.constants.items()
        if value.strip() and name not in columns
    }
    written: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(
            guessed,
            source=source_name(confirmed.source),
            label=" ".join(confirmed.label.replace("\0", "").split())[:200],
            columns=columns,
            constants=constants,
        )
    )
    written["file"] = {
        **written.get("file", {}),
        "decimal": confirmed.decimal,
        "date_format": confirmed.date_format.strip() or None,
        "time_zone": confirmed.time_zone.strip() or "UTC",
    }
    return mapping_from(written, file)


def _require_kind(company: Company, mapping: Mapping) -> None:
    try:
        source = find_source(company.ledger, mapping.source)
    except NotFound:
        return
    if source.kind != mapping.kind:
        raise Conflict(
            f"Source {mapping.source} takes {source.kind}; give this file another source name"
        )


def _require_currency(mapping: Mapping, file: str) -> None:
    """Amounts of orders without one would count for nothing, and nobody would notice."""
    if mapping.kind == "orders" and "currency" not in {*mapping.columns, *mapping.constants}:
        raise InvalidMapping(f"{file} names no currency; say it for all rows, such as EUR")


def _examples(path: Path, mapping: Mapping) -> dict[str, tuple[str, ...]]:
    """The file's columns with some of their cells."""
    try:
        with open_file(path) as file:
            chunk = next(iter(file_chunks(file, path.name, mapping, 50)), None)
    except InvalidMapping:
        if not connector_of(mapping.kind).mapping_mistakes(mapping):
            raise
        return {}  # it cannot be read before the questions about it are answered
    if chunk is None:
        return {}
    found = {}
    for name in chunk.columns:
        cells = [str(cell) for cell in chunk.columns[name] if cell not in (None, "")]
        different = list(dict.fromkeys(cells))[:_EXAMPLES]
        found[name] = tuple(
            cell if len(cell) <= _LONGEST_EXAMPLE else cell[:_LONGEST_EXAMPLE] + "…"
            for cell in different
        )
    return found


def _uploads(company: Company) -> Path:
    return company.settings.folder / "uploads"


def _find(company: Company, token: str) -> tuple[Path, _Kept]:
    folder = _uploads(company) / token
    if not _TOKEN.fullmatch(token) or not (folder / _META).is_file():
        raise NotFound("This upload is not here any more; upload the file again")
    kept = msgspec.json.decode((folder / _META).read_bytes(), type=_Kept)
    return folder / kept.name, kept


def _forget_old(company: Company, now: datetime) -> None:
    for meta in _uploads(company).glob(f"*/{_META}"):
        if now - msgspec.json.decode(meta.read_bytes(), type=_Kept).at > KEEP:
            shutil.rmtree(meta.parent)
