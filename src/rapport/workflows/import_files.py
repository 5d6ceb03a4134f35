"""Bring a silo's files into the journal: each record once, what cannot be read kept aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec
from msgspec import Struct

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.guess import guess_mapping, source_name_of
from rapport.collect.known_surveys import known_surveys
from rapport.collect.mapped_files import keep_batch, read_rates, read_touchpoints
from rapport.collect.mapping import (
    FileFormat,
    Mapping,
    find_mapping,
    mapping_path,
    read_mapping,
    with_columns,
    write_mapping,
)
from rapport.collect.refused import keep_refused
from rapport.collect.sources import ensure_source, find_source
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import REFUSAL_REASONS, RefusedRecord
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.money import keep_rates
from rapport.workflows.survey_definitions import defines_survey, keep_definition

_TABLES = (".csv", ".txt", ".tsv", ".json", ".jsonl", ".parquet", ".gz")
#: Endings of file names that can be imported.
SUFFIXES = (
    *_TABLES,
    *sorted({suffix for kind in KINDS for suffix in connector_of(kind).suffixes} - set(_TABLES)),
)


class MappedColumn(Struct, frozen=True, kw_only=True):
    """One of our fields and where a file has it."""

    field: str
    column: str


class PreparedMapping(Struct, frozen=True, kw_only=True):
    """A mapping, and what a person should look at before it is used."""

    mapping: Mapping
    certain: bool  # written or confirmed by a person, not guessed
    confidence: float = 1.0
    lines: tuple[MappedColumn, ...] = ()
    questions: tuple[str, ...] = ()


class ReasonCount(Struct, frozen=True, kw_only=True):
    """How many records of a file were refused for one reason."""

    reason: str
    meaning: str
    count: int
    example: str


class Imported(Struct, frozen=True, kw_only=True):
    """What became of a file."""

    file: str
    source: str
    kind: str
    rows: int
    accepted: int
    duplicates: int
    refused: int
    corrected: int = 0  # were here already, and now say something else
    rates: int = 0
    survey: str | None = None  # what the file defines, or whose answers it holds, where known
    questions: int = 0  # of the survey that the file defines
    left: int = 0  # questionnaires that came before it and do not fit its scales
    waiting: bool = False  # the worker reads them, so what came of it is not known yet
    reasons: tuple[ReasonCount, ...] = ()


def prepare_mapping(
    path: Path,
    *,
    kind: str | None,
    columns: Sequence[str] = (),
    written: Sequence[str] = (),
    mapping_file: Path | None = None,
    source: str | None = None,
) -> PreparedMapping:
    """The mapping to read ``path`` with: given, saved beside it, or guessed.

    Parameters
    ----------
    kind : str, optional
        None: found out from the file.
    columns : sequence of str
        ``ours=theirs`` for a column, ``ours=:value`` for one value of all rows.
    written : sequence of str
        ``name=value`` of how the file is written, such as ``time_zone=Europe/Brussels``.
    mapping_file : Path, optional
        A mapping that a person wrote.

    Raises
    ------
    InvalidMapping
        If the file does not suit the kind; it names what is missing and what there is.
    """
    pairs = dict(_pair(text, _MAP) for text in columns)
    theirs = {ours: value for ours, value in pairs.items() if not value.startswith(":")}
    constants = {ours: value[1:] for ours, value in pairs.items() if value.startswith(":")}
    facts = dict(_pair(text, "--file NAME=VALUE") for text in written)
    saved = read_mapping(mapping_file) if mapping_file else find_mapping(path)
    if saved is not None and kind is not None and saved.kind != kind:
        raise InvalidMapping(f"The mapping says {saved.kind}, the command says {kind}")
    if saved is not None:
        mapping = _settled(saved, theirs, constants, facts, source)
        return PreparedMapping(mapping=mapping, certain=True)
    guess = guess_mapping(path, kind=kind)
    if not guess.recognised:
        raise InvalidMapping(
            f"{path.name} was not recognised; say what it holds in place of guess: "
            f"{', '.join(KINDS)}"
        )
    try:
        mapping = _settled(guess.mapping, theirs, constants, facts, source)
    except InvalidMapping as mistake:
        asked = [name for name in connector_of(guess.mapping.kind).asks if name not in constants]
        if not asked:
            raise
        raise InvalidMapping(
            f"{path.name}: {mistake.message}. Say it with --map {asked[0]}=:VALUE"
        ) from mistake
    kind = mapping.kind
    if connector_of(kind).records is not None:
        return PreparedMapping(
            mapping=mapping,
            certain=True,  # its connector knows the fields: nothing of it is a guess
        )
    stated = {*mapping.columns, *mapping.constants}
    if kind == "orders" and "currency" not in stated:
        raise InvalidMapping(
            f"No column of {path.name} names a currency, and amounts without one are worth "
            "nothing: state it, such as --map currency=:EUR"
        )
    return PreparedMapping(
        mapping=mapping,
        certain=False,
        confidence=guess.confidence,
        lines=tuple(
            MappedColumn(field=ours, column=column) for ours, column in mapping.columns.items()
        ),
        questions=tuple(
            question
            for question in guess.questions
            if not any(f"`{name}`" in question for name in (*constants, *theirs))
        ),
    )


_MAP = "--map OURS=THEIRS, or OURS=:value for all rows"


def _pair(text: str, form: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not (ours and separator and theirs):
        raise InvalidMapping(f"{text!r} must read as {form}")
    return ours.strip(), theirs.strip()


def _settled(
    mapping: Mapping,
    theirs: dict[str, str],
    constants: dict[str, str],
    facts: dict[str, str],
    source: str | None,
) -> Mapping:
    if facts:
        said = {**msgspec.to_builtins(mapping.file), **facts}
        try:
            file = msgspec.convert(said, FileFormat, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidMapping(f"--file: {error}") from error
        mapping = msgspec.structs.replace(mapping, file=file)
    if constants:
        mapping = msgspec.structs.replace(mapping, constants={**mapping.constants, **constants})
    mapping = with_columns(mapping, theirs)
    return msgspec.structs.replace(mapping, source=source) if source else mapping


def named_files(
    paths: Sequence[Path], kind: str | None, source: str | None
) -> list[tuple[Path, str | None]]:
    """Files, and those of folders, each with its source's name where it is not the file's own.

    Parameters
    ----------
    kind : str, optional
        Of a folder, only files that end as those of the kind do are meant.

    Raises
    ------
    InvalidMapping
        If a folder holds none.
    """
    named: list[tuple[Path, str | None]] = []
    for path in paths:
        if not path.is_dir():
            named.append((path, source))
            continue
        endings = (connector_of(kind).suffixes if kind else ()) or SUFFIXES
        found = [
            (each, source or source_name_of(path))
            for each in sorted(path.iterdir())
            if each.is_file() and each.name.lower().removesuffix(".gz").endswith(endings)
        ]
        if not found:
            raise InvalidMapping(f"{path.name} holds no file that ends in {', '.join(endings)}")
        named += found
    return named


def import_file(
    company: Company,
    path: Path,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    keep_mapping: bool = True,
    at_once: bool = True,
    progress: Progress = silent,
    step: str = "import",
) -> Imported:
    """Read a file into the journal, with its mapping saved beside it.

    A record that is there already stays as it is, so importing twice changes nothing. With
    ``dry_run`` all is read and checked and nothing kept. Without ``keep_mapping`` the source must
    exist, and neither its mapping nor the file's folder is touched.

    The definition of a survey is no source: it is kept, and explains answers of any source. Unless
    ``at_once``, many answers that came before it are left to the worker.
    """
    if defines_survey(path, mapping):
        return _import_definition(company, path, mapping, dry_run=dry_run, at_once=at_once)
    now = company.clock()
    source_id = 0
    if not dry_run and not keep_mapping:
        source_id = find_source(company.ledger, mapping.source).source_id
    elif not dry_run:
        source_id = ensure_source(
            company.ledger,
            now,
            name=mapping.source,
            label=mapping.label or mapping.source,
            kind=mapping.kind,
            mapping=msgspec.to_builtins(mapping),
            expected_every_hours=mapping.expected_every_hours,
        ).source_id
        own = connector_of(mapping.kind).records is not None
        if find_mapping(path) != mapping and not (own and _says_nothing(mapping)):
            write_mapping(mapping, mapping_path(path))
    if mapping.kind == "rates":
        return _import_rates(company, path, mapping, source_id, dry_run=dry_run)
    rows = accepted = duplicates = corrected = 0
    refused: Counter[str] = Counter()
    examples: dict[str, str] = {}
    survey: str | None = None
    surveys = known_surveys(company.ledger)
    for batch in read_touchpoints(path, mapping, now, surveys):
        rows += batch.rows
        if mapping.kind == "qualtrics" and batch.touchpoints:
            survey = batch.touchpoints[0].properties.get("survey")
        _count(batch.refused, refused, examples)
        if dry_run:
            accepted += len(batch.touchpoints)
        else:
            kept = keep_batch(company.ledger, source_id, batch)
            accepted += kept.accepted
            duplicates += kept.duplicates
            corrected += kept.corrected
        progress(step, rows, None)
    progress(step, rows, rows)
    return Imported(
        file=path.name, source=mapping.source, kind=mapping.kind, rows=rows, accepted=accepted,
        duplicates=duplicates, corrected=corrected, refused=refused.total(), survey=survey,
        reasons=_reasons(refused, examples),
    )  # fmt: skip


def _says_nothing(mapping: Mapping) -> bool:
    """Nothing but its kind: a folder of e-mails needs no mapping beside each of them."""
    return mapping == Mapping(source=mapping.source, kind=mapping.kind, label=mapping.label)


def _import_definition(
    company: Company, path: Path, mapping: Mapping, *, dry_run: bool, at_once: bool
) -> Imported:
    done = keep_definition(company, path, dry_run=dry_run, at_once=at_once)
    return Imported(
        file=path.name, source=mapping.source, kind=mapping.kind, rows=done.questions,
        accepted=done.accepted, duplicates=0, refused=0, corrected=done.corrected,
        survey=done.survey, questions=done.questions, left=done.left, waiting=done.waiting,
    )  # fmt: skip


def _import_rates(
    company: Company, path: Path, mapping: Mapping, source_id: int, *, dry_run: bool
) -> Imported:
    rates, bad = read_rates(path, mapping, company.clock())
    if not dry_run:
        with company.ledger.write() as connection:
            keep_rates(company.ledger, connection, rates)
            keep_refused(company.ledger, connection, {mapping.source: source_id}, bad)
    refused: Counter[str] = Counter()
    examples: dict[str, str] = {}
    _count(bad, refused, examples)
    return Imported(
        file=path.name, source=mapping.source, kind=mapping.kind, rows=len(rates) + len(bad),
        accepted=0, duplicates=0, refused=len(bad), rates=len(rates),
        reasons=_reasons(refused, examples),
    )  # fmt: skip


def _count(
    records: Sequence[RefusedRecord], refused: Counter[str], examples: dict[str, str]
) -> None:
    for record in records:
        refused[record.reason] += 1
        examples.setdefault(record.reason, record.locator or record.detail)


def _reasons(refused: Counter[str], examples: dict[str, str]) -> tuple[ReasonCount, ...]:
    return tuple(
        ReasonCount(
            reason=reason,
            meaning=REFUSAL_REASONS.get(reason, reason),
            count=count,
            example=examples[reason],
        )
        for reason, count in refused.most_common()
    )


def import_folder(
    company: Company, folder: Path, *, leave_out: str = "truth/*", progress: Progress = silent
) -> list[Imported]:
    """Import every file below ``folder`` that has a mapping; exchange rates first.

    Raises
    ------
    InvalidMapping
        If no file has a mapping.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or fnmatch(str(path.relative_to(folder)), leave_out):
            continue
        mapping = find_mapping(path)
        if mapping is not None:
            found.append((mapping.kind != "rates", path, mapping))
    if not found:
        raise InvalidMapping(f"No file below {folder} has a mapping beside it")
    results = []
    for number, (_, path, mapping) in enumerate(sorted(found, key=lambda f: (f[0], f[1])), start=1):
        results.append(import_file(company, path, mapping))
        progress("import", number, len(found))
    return results
