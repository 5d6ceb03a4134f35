"""Try refused records again, after a mapping or a rule of ours was mended."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rapport.collect import intake, mapped_files, protocol_intake
from rapport.collect.known_surveys import known_surveys
from rapport.collect.refused import (
    RefusedRow,
    Replayed,
    mark_replayed,
    refused_in_journal,
    replay,
)
from rapport.collect.sources import Source, find_source
from rapport.engines.lake import Query, Step
from rapport.engines.ledger import JournalEntry
from rapport.errors import InvalidInput
from rapport.vocabulary.touchpoint import RefusedRecord
from rapport.workflows.company import Company
from rapport.workflows.sources import OVER_HTTP, RATES, check_reason


def replay_refused(company: Company, name: str, *, reason: str | None = None) -> Replayed:
    """Read what a source refused as it would be read now; what fits enters the journal.

    A record that is still no use stays where it is, and one that is there already is no second
    one, so that this can be pressed again. What was accepted and could not be applied stands in the
    journal already and is only counted: `rebuild_lake` applies it again.

    Raises
    ------
    NotFound
        If there is no such source.
    InvalidInput
        If there is no such reason, or the source's rows are no touchpoints.
    """
    check_reason(reason)
    source = find_source(company.ledger, name)
    if source.kind == RATES:
        raise InvalidInput(
            "Exchange rates are read from their file only; mend the file and import it again"
        )
    now = company.clock()
    surveys = known_surveys(company.ledger)

    def read(row: RefusedRow) -> tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]:
        if protocol_intake.came_by_protocol(row):
            return protocol_intake.read_again(row, source)
        if _from_a_file(source, row):
            return mapped_files.read_again(row, source.mapping, surveys)
        return intake.read_again(row, now)

    return replay(company.ledger, read, now, source=name, reason=reason)


_APPLIED = Query(
    steps=(
        Step(
            "applied",
            "SELECT DISTINCT asked.position FROM asked "
            "JOIN touchpoints ON touchpoints.position = asked.position",
        ),
    )
)


def settle_applied(company: Company) -> int:
    """After a rebuild: what was refused where the journal is applied and is in use now.

    Such records wait no more; those that are still refused do. Returns how many were settled.
    """
    waiting = refused_in_journal(company.ledger)
    if not waiting:
        return 0
    asked = pa.table({"position": pa.array(sorted(waiting), pa.int64())})
    applied = company.lake.ask(_APPLIED, tables={"asked": asked})["position"].to_pylist()
    mark_replayed(company.ledger, [waiting[place] for place in applied], company.clock())
    return len(applied)


def _from_a_file(source: Source, row: RefusedRow) -> bool:
    # A source that is fed by both says by the place which of the two a record came through.
    return source.kind not in OVER_HTTP and not (row.locator or "").startswith("POST ")
