"""Changing how a source is read: first how many refused rows it would save, then for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import update

from rapport.collect import mapped_files
from rapport.collect.known_surveys import known_surveys
from rapport.collect.mapping import mapping_from
from rapport.collect.refused import refused_rows
from rapport.collect.sources import find_source
from rapport.errors import InvalidInput
from rapport.vocabulary.ledger_tables import audit, source
from rapport.workflows.company import Company
from rapport.workflows.connect import lines_of
from rapport.workflows.sources import OVER_HTTP, RATES

#: Refused rows that a preview reads.
MOST = 1_000


class MappingForm(Struct, frozen=True, kw_only=True):
    """What may be changed of a mapping; `columns` and `constants` are lines ``field = value``."""

    columns: str
    constants: str = ""
    decimal: str = "."
    date_format: str = ""
    time_zone: str = ""


class MappingPreview(Struct, frozen=True, kw_only=True):
    """What a changed mapping would do with the refused rows that were read.

    Attributes
    ----------
    rows : int
        Refused rows that were read, at most `MOST`, the oldest first.
    accepted : int
        Rows that would be kept.
    reasons : dict of str to int
        Why the others are still refused.
    """

    rows: int
    accepted: int
    reasons: dict[str, int]


def may_change(kind: str, mapping: Mapping[str, Any] | None) -> bool:
    """Whether a source is read by a mapping that rows refused before can be read by again."""
    return bool(mapping) and kind not in (*OVER_HTTP, RATES)


def form_of(mapping: Mapping[str, Any]) -> MappingForm:
    """A source's mapping as the form shows it."""
    written: Mapping[str, Any] = mapping.get("file") or {}

    def lines(part: str) -> str:
        return "\n".join(f"{name} = {value}" for name, value in (mapping.get(part) or {}).items())

    return MappingForm(
        columns=lines("columns"),
        constants=lines("constants"),
        decimal=str(written.get("decimal", ".")),
        date_format=str(written.get("date_format") or ""),
        time_zone=str(written.get("time_zone") or ""),
    )


def _changed(
    company: Company, name: str, change: MappingForm | Mapping[str, Any]
) -> tuple[int, dict[str, Any]]:
    """The source's id and its mapping as the change would have it."""
    found = find_source(company.ledger, name)
    if not may_change(found.kind, found.mapping):
        raise InvalidInput(f"Source {name} is not read by a mapping that can be changed here")
    before = dict(found.mapping)
    where = f"the mapping of {name}"
    if isinstance(change, MappingForm):
        tables = _tables_of(change, before)
    else:
        tables = _stated(change, before, where)
    after = mapping_from({**before, **tables}, where)
    return found.source_id, msgspec.to_builtins(after)


def _tables_of(form: MappingForm, before: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of the mapping that the form changes."""
    written = {**(before.get("file") or {}), "decimal": form.decimal or "."}
    for option in ("date_format", "time_zone"):
        if value := getattr(form, option).strip():
            written[option] = value
        else:
            written.pop(option, None)
    return {
        "columns": lines_of(form.columns),
        "constants": lines_of(form.constants),
        "file": written,
    }


def _stated(written: Mapping[str, Any], before: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What a mapping file states, which takes the place of the same table before."""
    for fixed in ("source", "kind"):
        if fixed in written and written[fixed] != before.get(fixed):
            raise InvalidInput(
                f"{where}: its {fixed} is {before.get(fixed)} and cannot be changed; leave "
                f"`{fixed}` out of the file, or import with it as a source of its own"
            )
    if "pull" in written:
        raise InvalidInput(
            f"{where}: how it is fetched stands under [pull]; change that with "
            "`rapport sources connect FILE`"
        )
    if not written:
        raise InvalidInput(f"{where}: the file states nothing; write [columns] with what changes")
    return dict(written)


def preview_mapping(
    company: Company, name: str, change: MappingForm | Mapping[str, Any]
) -> MappingPreview:
    """Read refused rows by the changed mapping and keep nothing.

    Parameters
    ----------
    change : MappingForm or mapping
        As the form says it, or as a mapping file does: tables that it states take the place of
        those before, the others stay.

    Raises
    ------
    InvalidInput
        If the mapping cannot be, or the source has none.
    NotFound
        If there is no such source.
    """
    _, changed = _changed(company, name, change)
    reasons: Counter[str] = Counter()
    accepted = 0
    rows = refused_rows(company.ledger, source=name, limit=MOST)
    surveys = known_surveys(company.ledger)
    for row in rows:
        good, bad = mapped_files.read_again(row, changed, surveys)
        if good and not bad:
            accepted += 1
        else:
            reasons[bad[0].reason if bad else row.reason] += 1
    return MappingPreview(rows=len(rows), accepted=accepted, reasons=dict(reasons.most_common()))


def change_mapping(
    company: Company, name: str, change: MappingForm | Mapping[str, Any], *, actor: str
) -> None:
    """Read the source so from now on; ``change`` is as in `preview_mapping`.

    Raises
    ------
    InvalidInput
        If the mapping cannot be, or the source has none.
    NotFound
        If there is no such source.
    """
    source_id, changed = _changed(company, name, change)
    with company.ledger.write() as connection:
        connection.execute(
            update(source).where(source.c.source_id == source_id).values(mapping=changed)
        )
        connection.execute(
            audit.insert().values(
                at=company.clock(), actor=actor, action="source.mapping", subject=name
            )
        )
