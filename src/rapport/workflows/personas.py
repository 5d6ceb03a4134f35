"""Discovered segments: groups found, customers placed in them, and portraits of all segments.

`find_personas` searches anew and carries ids over; `place_personas` places everybody by the groups
as they are. Both run in the background: weekly and daily, or when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from rapport.errors import NotEnoughData, NotFound
from rapport.understand.personas.carried import Carried, carry, flows
from rapport.understand.personas.clusters import Bools
from rapport.understand.personas.day import GROUPED, typical_days
from rapport.understand.personas.discovery import NOWHERE, Groups, find_groups, place
from rapport.understand.personas.facts import Known, only, read_facts
from rapport.understand.personas.statements import (
    Statement,
    describe,
    suggested_name,
    traits_of,
)
from rapport.understand.personas.stored import (
    KEY,
    Fit,
    Migration,
    Portrait,
    keep_fit,
    keep_members,
    keep_personas,
    keep_portraits,
    live_personas,
    name_persona,
    newest_fit,
    next_persona_id,
)
from rapport.understand.personas.words import distinctive_words, read_words
from rapport.vocabulary.ledger_tables import (
    segment_member,
)
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.data_clock import data_until
from rapport.workflows.segment_members import follow_segments

#: The same customers give the same groups.
SEED = 1985


def find_personas(company: Company, *, progress: Progress = silent) -> Fit:
    """Search for groups, give them the ids of those before, and place everybody.

    Where no groups are found again the search is kept with its reason, and nobody is in a group.
    """
    with company.ledger.alone("personas"):
        progress("personas", 0, 3)
        now, until = company.clock(), data_until(company)
        zone = company.choice("time_zone")
        known = read_facts(company.seen, until, time_zone=zone)
        progress("personas", 1, 3)
        try:
            groups = find_groups(known, seed=SEED)
        except NotEnoughData as refusal:
            with company.ledger.write() as connection:
                keep_fit(
                    connection, at=now, data_until=until, status="refused",
                    refused=refusal.message, **refusal.details,
                )  # fmt: skip
        else:
            _keep(company, known, groups, now, until, zone)
        progress("personas", 2, 3)
        _place(company, known, until, zone)
        progress("personas", 3, 3)
        with company.ledger.read() as connection:
            found = newest_fit(connection)
        if found is None:
            raise NotFound("The search was not kept")
        return found


def place_personas(company: Company) -> None:
    """Place everybody in the groups as they are, and make the portraits of all segments anew."""
    with company.ledger.alone("personas"):
        until, zone = data_until(company), company.choice("time_zone")
        _place(company, read_facts(company.seen, until, time_zone=zone), until, zone)


def _keep(
    company: Company, known: Known, groups: Groups, now: datetime, until: datetime, zone: str
) -> None:
    with company.ledger.read() as connection:
        before = newest_fit(connection, with_groups=True)
        next_id = next_persona_id(connection)
    count = len(groups.centres)
    migration = None
    ids = tuple(range(next_id, next_id + count))
    if before is not None and before.groups is not None:
        then = read_facts(company.seen, before.data_until, time_zone=zone)
        carried = _carried(then, known, before, groups, next_id)
        ids = carried.persona_ids
        migration = Migration(
            since=before.fit_id,
            fates=carried.fates,
            sources=carried.sources,
            flows=flows(
                then, known, old=before.groups, new=groups, old_ids=before.persona_ids,
                new_ids=ids,
            ),
        )  # fmt: skip
    with company.ledger.write() as connection:
        fit_id = keep_fit(
            connection, at=now, data_until=until, status="live", groups=groups, persona_ids=ids,
            migration=migration, stability=groups.stability,
        )  # fmt: skip
        keep_personas(connection, ids, fit_id)


def _carried(then: Known, now: Known, before: Fit, groups: Groups, next_id: int) -> Carried:
    """Ids for new groups, by the customers whom both searches could place."""
    old = dict(zip(then.profile_ids, place(then, _groups(before)).tolist(), strict=True))
    was = np.array([old.get(name, NOWHERE) for name in now.profile_ids])
    return carry(was, place(now, groups), before.persona_ids, len(groups.centres), next_id)


def _groups(fit: Fit) -> Groups:
    if fit.groups is None:
        raise NotFound(f"Search {fit.fit_id} found no groups")
    return fit.groups


def _place(company: Company, known: Known, until: datetime, zone: str) -> None:
    now = company.clock()
    with company.ledger.read() as connection:
        fit = newest_fit(connection)
    placed: dict[str, int] = {}
    if fit is not None and fit.groups is not None:
        placed = {
            name: fit.persona_ids[group]
            for name, group in zip(
                known.profile_ids, place(known, fit.groups).tolist(), strict=True
            )
            if group != NOWHERE
        }
    with company.ledger.write() as connection:
        keep_members(connection, company.ledger, placed, now)
    rebuild_customers(company)
    follow_segments(company, everybody=True)
    portraits = _portraits(company, known, now, until, zone)
    with company.ledger.write() as connection:
        keep_portraits(connection, portraits)
        _name_new(connection, {each.segment_key: each.statements for each in portraits})


def _portraits(
    company: Company, known: Known, now: datetime, until: datetime, zone: str
) -> list[Portrait]:
    m = segment_member.c
    with company.ledger.read() as connection:
        rows = connection.execute(select(m.profile_id, m.segment_key).order_by(m.segment_key)).all()
    columns = list(zip(*rows, strict=True)) if rows else [(), ()]
    grouped = pa.table([pa.array(list(each), pa.string()) for each in columns], schema=GROUPED)
    sizes = {row["values"]: row["counts"] for row in grouped["segment"].value_counts().to_pylist()}
    # Those of whom enough is known to be in a group buy and answer more than others do: beside
    # everybody each group would only be called active.
    discovered = pc.starts_with(grouped["segment"], KEY)
    placed = grouped.filter(discovered)
    in_groups = pa.table([placed["profile_id"], pa.repeat(KEY, len(placed))], schema=GROUPED)
    said = read_words(company.seen, until)
    days = typical_days(company.seen, until, pa.concat_tables([grouped, in_groups]), time_zone=zone)
    return [
        Portrait(
            segment_key=key,
            made_at=now,
            data_until=until,
            members=sizes[key],
            described=described,
            everybody=everybody,
            statements=statements,
            everybody_in_groups=base == KEY,
            day=days.get(key),
            base=days.get(base),
            words=words[key],
        )
        for base, some, own, among in (
            ("", known, grouped.filter(pc.invert(discovered)), None),
            (KEY, only(known, _among(known, in_groups)), placed, _people(in_groups)),
        )
        for words in (distinctive_words(said, among, _by_segment(own)),)
        for key, described, everybody, statements in _described(some, own)
    ]


def _described(
    known: Known, grouped: pa.Table
) -> list[tuple[str, int, int, tuple[Statement, ...]]]:
    members = {
        key: _among(known, grouped.filter(pc.equal(grouped["segment"], key)))
        for key in pc.unique(grouped["segment"]).to_pylist()
    }
    said = describe(traits_of(known), members)
    return [(key, int(own.sum()), len(known), said[key]) for key, own in members.items()]


def _by_segment(grouped: pa.Table) -> dict[str, frozenset[str]]:
    return {
        key: _people(grouped.filter(pc.equal(grouped["segment"], key)))
        for key in pc.unique(grouped["segment"]).to_pylist()
    }


def _people(grouped: pa.Table) -> frozenset[str]:
    return frozenset(grouped["profile_id"].to_pylist())


def _among(known: Known, people: pa.Table) -> Bools:
    """Which of the described are among some people; shape (n,)."""
    ids = pa.array(known.profile_ids, pa.string())
    found: Bools = pc.is_in(ids, value_set=people["profile_id"].combine_chunks()).to_numpy(
        zero_copy_only=False
    )
    return found


def _name_new(connection: Connection, said: Mapping[str, tuple[Statement, ...]]) -> None:
    """Groups without a name get the two traits that say most of them, and keep these."""
    for each in live_personas(connection):
        if not each.traits and said.get(each.key):
            name_persona(connection, each.persona_id, traits=suggested_name(said[each.key]))
