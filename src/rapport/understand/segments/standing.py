"""Where people stand with all segments at once: for everybody in SQL, for a few in Python.

Either way a person's standing is one text, such as ``101|0``: for each rule whether they belong
and then, in reading order, whether each condition holds; and the next moment to look again.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.understand.knowledge import Freshness, ask
from rapport.understand.segments.compiled import (
    compile_rules,
    distinct_whiches,
    moments_steps,
)
from rapport.understand.segments.evaluated import Judged, Moment, judge
from rapport.understand.segments.rule import Rule

BETWEEN_RULES = "|"
#: What was written down of everybody before.
STANDINGS = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("truths", pa.string(), nullable=False),
        pa.field("look_at", pa.timestamp("us", tz="UTC")),
    ]
)


def standings_query(
    rules: Sequence[Rule], *, now: datetime, at: datetime, changed: bool = False
) -> Query:
    """The query behind `judge_everybody`."""
    compiled = compile_rules(rules, now=now, at=at)
    bits = f" || '{BETWEEN_RULES}' || ".join(
        " || ".join(f"CASE WHEN {each} THEN '1' ELSE '0' END" for each in (sql, *own))
        for sql, own in zip(compiled.sqls, compiled.leaves, strict=True)
    )
    standing = Step(
        "standing",
        f"SELECT c.profile_id, {bits or chr(39) * 2} AS truths, {compiled.look_at} AS look_at "
        f"FROM {compiled.customers} AS c",
    )
    answer = "SELECT s.profile_id, s.truths, s.look_at FROM standing AS s"
    if changed:
        answer += (
            " LEFT JOIN known AS k ON k.profile_id = s.profile_id WHERE k.profile_id IS NULL "
            "OR k.truths <> s.truths OR k.look_at IS DISTINCT FROM s.look_at"
        )
    steps = (
        *compiled.with_corrections(),
        standing,
        Step("answer", answer + " ORDER BY s.profile_id ASC NULLS LAST"),
    )
    return relations.bind(steps, {**relations.TYPES, **compiled.parameters})


def judge_everybody(
    lake: Lake,
    rules: Sequence[Rule],
    *,
    now: datetime,
    at: datetime,
    before: pa.Table | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> pa.Table:
    """Where everybody in the customers' table stands.

    Parameters
    ----------
    now, at : datetime
        As of `compiled.compile_rules`.
    before : pyarrow.Table, optional
        As `STANDINGS`: then only those who stand otherwise now come back.

    Returns
    -------
    pyarrow.Table
        With the schema `STANDINGS`, sorted by profile.
    """
    query = standings_query(rules, now=now, at=at, changed=before is not None)
    given = dict(tables or {})
    if before is not None:
        given["known"] = before
    return ask(lake, query, as_of=None, tables=given, known=known).cast(STANDINGS)


def judge_some(
    lake: Lake,
    rules: Sequence[Rule],
    customers: Mapping[str, Mapping[str, Any]],
    own: Mapping[str, pa.Table],
    *,
    now: datetime,
    at: datetime,
) -> dict[str, Judged]:
    """Where some people stand.

    Parameters
    ----------
    customers : mapping of profile id to row
        Rows of `CUSTOMERS` of all who are asked about.
    own : mapping of str to pyarrow.Table
        What they did, from `own_history`.
    """
    moments = moments_of(lake, rules, own, at=at)
    return {
        profile_id: judge(rules, customer, moments.get(profile_id, ()), now=now, at=at)
        for profile_id, customer in customers.items()
    }


def moments_of(
    lake: Lake, rules: Sequence[Rule], own: Mapping[str, pa.Table], *, at: datetime
) -> Mapping[str, Sequence[Moment]]:
    """What people did of all that the rules mean, by profile."""
    whiches = distinct_whiches(rules)
    if not whiches:
        return {}
    steps, parameters = moments_steps(rules, at=at)
    query = relations.bind(
        (
            *relations.corrections(as_known_then=False),
            *steps,
            Step("answer", f"SELECT * FROM {steps[-1].name}"),
        ),
        {**relations.TYPES, **parameters},
    )
    found = lake.ask(query, tables=own)
    marks = zip(*(found[f"mark_{n}"].to_pylist() for n in range(len(whiches))), strict=True)
    moments: defaultdict[str, list[Moment]] = defaultdict(list)
    for profile_id, occurred_at, amount, means in zip(
        found["profile_id"].to_pylist(),
        found["occurred_at"].to_pylist(),
        found["amount_base"].to_pylist(),
        marks,
        strict=True,
    ):
        moments[profile_id].append(Moment(occurred_at, amount, means))
    return moments
