"""Telling the silos what they state otherwise than what is right."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.collect.sources import list_sources
from rapport.engines.ledger import among
from rapport.errors import NotFound
from rapport.privacy.spreadsheet_cells import safe_cell
from rapport.unify.conflicts import CHOSEN, is_proven_against, words_by_source
from rapport.unify.explain import mask
from rapport.unify.stored_evidence import rows_in
from rapport.unify.survivorship import ProfileFacts, facts_of
from rapport.unify.value_rules import PARTS
from rapport.vocabulary.conflict import CONSENT, ORDER
from rapport.vocabulary.ledger_tables import atom, conflict, conflict_total
from rapport.workflows.company import Company
from rapport.workflows.conflict_values import (
    granted_word,
    latest_words,
    masked,
    proof_of,
    says,
)
from rapport.workflows.customer import MASKED
from rapport.workflows.customer_timeline import source_labels

#: Profiles of which is read at once what is known.
_CHUNK = 500


class Correction(Struct, frozen=True, kw_only=True):
    """One statement of a silo that does not stand, and what is right.

    Attributes
    ----------
    record_kind, record_key : str
        The record as the silo knows it; of an order its number.
    right_value : str
        Of a consent ``granted`` or ``withdrawn``; of an order what stands, such as ``paid``.
    why : str
        The rule that decided.
    evidence : str
        What happened that shows it, such as ``clicked``; empty where nothing did.
    settled : str
        ``pin``, ``rule`` or ``word``; empty where only evidence speaks.
    """

    silo: str
    record_kind: str
    record_key: str
    attribute: str
    its_value: str
    right_value: str
    right_silo: str
    why: str
    evidence: str
    settled: str
    since: datetime
    profile_id: str


#: Columns of the file for a silo.
COLUMNS: tuple[str, ...] = (
    "silo", "record_kind", "record_key", "attribute", "its_value", "right_value", "right_silo",
    "why", "evidence", "settled", "since", "profile_id",
)  # fmt: skip


def corrections_for(
    company: Company, silo: str, *, everything: bool = False, reveal: bool = True
) -> Iterator[list[Correction]]:
    """What a silo states otherwise than what is right, in pieces.

    Parameters
    ----------
    everything : bool
        Also where neither a person, a rule of the company nor evidence decided: there Rapport only
        shows one of two values, and the silo may be the one that is right.
    reveal : bool
        Whether e-mail addresses and phone numbers are written in full.

    Raises
    ------
    NotFound
        If there is no such silo.
    """
    names = [source.name for source in list_sources(company.ledger)]
    if silo not in names:
        raise NotFound(f"There is no source {silo[:80]!r}; there are {', '.join(sorted(names))}")
    return _corrections(company, silo, everything=everything, reveal=reveal)


def _corrections(
    company: Company, silo: str, *, everything: bool, reveal: bool
) -> Iterator[list[Correction]]:
    c = conflict.c
    after = ""
    while True:
        with company.ledger.read() as connection:
            ids = list(
                connection.scalars(
                    select(c.profile_id)
                    .where(c.loser == silo, c.profile_id > after)
                    .distinct()
                    .order_by(c.profile_id)
                    .limit(_CHUNK)
                )
            )
            if not ids:
                return
            rows = list(
                rows_in(
                    connection,
                    lambda piece: select(conflict).where(
                        c.loser == silo, among(c.profile_id, piece)
                    ),
                    ids,
                )
            )
            if not everything:
                rows = [row for row in rows if row.settled or row.verified]
            ranked = sorted(rows, key=lambda r: (r.profile_id, r.harm))
            yield _told(connection, ranked, everything=everything, reveal=reveal)
        after = ids[-1]


def _told(
    connection: Connection, rows: Sequence[Any], *, everything: bool, reveal: bool
) -> list[Correction]:
    ids = {row.profile_id for row in rows}
    known = facts_of(connection, ids)
    said = words_by_source(connection, {r.profile_id for r in rows if r.kind == CONSENT})
    stated: list[tuple[Any, int | None, str, str, str, str]] = []
    for row in rows:
        if row.kind == ORDER:
            right, wrong = says(row)
            evidence = right if row.verified else ""
            stated.append((row, None, f"order.{row.name}", wrong, right, evidence))
        elif row.kind == CONSENT:
            stated += _told_consent(row, said.get(row.profile_id, ()))
        else:
            stated += _told_attribute(
                row, known[row.profile_id], everything=everything, reveal=reveal
            )
    a = atom.c
    records = {
        each[0]: (each[1], each[2])
        for each in rows_in(
            connection,
            lambda piece: select(a.atom_id, a.kind, a.value).where(among(a.atom_id, piece)),
            {number for _, number, *_ in stated if number is not None},
        )
    }
    found = []
    for row, number, attribute, its, right, evidence in stated:
        kind, key = ("order", row.item) if number is None else records.get(number, ("", ""))
        found.append(
            Correction(
                silo=row.loser,
                record_kind=kind,
                record_key=key if reveal or kind not in MASKED else mask(kind, key),
                attribute=attribute,
                its_value=its,
                right_value=right,
                right_silo=row.winner.removeprefix(CHOSEN),
                why=row.why,
                evidence=evidence,
                settled=row.settled,
                since=row.since,
                profile_id=row.profile_id,
            )
        )
    return found


def _told_consent(
    row: Any, said: Sequence[tuple[int, Any]]
) -> Iterator[tuple[Any, int, str, str, str, str]]:
    latest = latest_words(said, row.name)
    if row.winner not in latest:
        return
    right = latest[row.winner].granted
    own = {  # of each record the latest
        number: word
        for number, word in sorted(said, key=lambda each: (each[1].since, not each[1].granted))
        if word.purpose == row.name and word.source == row.loser
    }
    for number, word in own.items():
        if word.granted is not right:
            yield (
                row, number, f"consent.{row.name}", granted_word(word.granted), granted_word(right),
                "stated",
            )  # fmt: skip


def _told_attribute(
    row: Any, known: ProfileFacts, *, everything: bool, reveal: bool
) -> Iterator[tuple[Any, int, str, str, str, str]]:
    # A name is told as a whole: its parts are chosen one by one, and may be of two spellings.
    parts = ("name",) if row.name == "name" else PARTS.get(row.name, (row.name,))
    for part in parts:
        sides, shown = known.sides.get(part), known.shown.get(part)
        if sides is None or shown is None:
            continue
        for fact in sides.wrong:
            if fact.source != row.loser:
                continue
            proven = is_proven_against(known, part, shown.value, fact.value)
            if everything or proven or fact.atom_id in sides.decided:
                evidence = (
                    (proof_of(known, [shown]) or proof_of(known, [fact]) or "") if proven else ""
                )
                its = masked(part, fact.value, reveal=reveal) or ""
                right = masked(part, shown.value, reveal=reveal) or ""
                yield row, fact.atom_id, part, its, right, evidence


def correction_cells(each: Correction) -> list[str]:
    """A line of the silo's file; times as ISO 8601 in UTC."""
    return [
        value.isoformat() if isinstance(value := getattr(each, name), datetime) else str(value)
        for name in COLUMNS
    ]


def corrections_download(company: Company, silo: str, *, everything: bool = False) -> Iterator[str]:
    """The file for a silo, piece by piece; no cell can start a formula.

    Raises
    ------
    NotFound
        If there is no such silo.
    """
    pieces = corrections_for(company, silo, everything=everything)
    return chain(
        # Excel takes a file as UTF-8 only with this mark before it.
        ["\ufeff" + _written([COLUMNS])],
        (_written([correction_cells(each) for each in piece]) for piece in pieces),
    )


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


class Silo(Struct, frozen=True, kw_only=True):
    """How much a silo is told: what is settled or shown by evidence, and all it loses."""

    name: str
    label: str
    told: int
    all: int


def silos_to_tell(company: Company) -> tuple[Silo, ...]:
    """The silos that state something otherwise, those with most to mend first."""
    with company.ledger.read() as connection:
        totals = connection.execute(select(conflict_total)).all()
        labels = source_labels(connection)
    told: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for row in totals:
        every[row.loser] += row.people
        # What is settled is told whether verified or not.
        told[row.loser] += row.people if row.settled else row.verified
    return tuple(
        Silo(name=name, label=labels.get(name, name), told=told[name], all=every[name])
        for name in sorted(every, key=lambda n: (-told[n], -every[n], n))
    )
