"""Where silos contradict each other: the work-list, settling once, and telling the silos."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from heapq import merge
from itertools import chain, islice
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.collect.sources import list_sources
from rapport.engines.ledger import among
from rapport.errors import InvalidInput, NotFound
from rapport.privacy.spreadsheet_cells import safe_cell
from rapport.unify.conflicts import (
    CHOSEN,
    is_proven_against,
    settle,
    settlements_of,
    take_back,
    words_by_source,
)
from rapport.unify.explain import mask
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import rows_in
from rapport.unify.survivorship import ProfileFacts, facts_of, pin_value
from rapport.unify.value_rules import PARTS
from rapport.vocabulary.conflict import (
    ATTRIBUTE,
    CONSENT,
    OPEN,
    ORDER,
    ORDER_SAYS,
    PIN,
    RULE,
    TIERS,
    WORD,
)
from rapport.vocabulary.ledger_tables import (
    atom,
    audit,
    conflict,
    conflict_total,
    profile,
    value_rule,
)
from rapport.vocabulary.profile import Fact
from rapport.workflows.company import Company, read_choice
from rapport.workflows.customer import MASKED
from rapport.workflows.customer_timeline import source_labels
from rapport.workflows.refresh import refresh_profiles

#: Lines of one page.
PAGE = 25
#: Pages that can be turned; whoever is there narrows the list.
_MOST_PAGES = 400
STATES: Mapping[str, tuple[str, ...]] = {"open": (OPEN,), "settled": (PIN, RULE, WORD)}
#: Larger than any sum in the sort key `conflict.harm`.
_TIER = 10**16
_LONGEST_REASON = 500
#: Profiles of which the write-back reads what is known at once.
_CHUNK = 500

State = Literal["open", "settled"]
Right = Literal["shown", "other"]


class Group(Struct, frozen=True, kw_only=True):
    """All contradictions of one kind between two silos."""

    kind: str
    name: str
    winner: str
    loser: str
    tier: int
    count: int
    verified: int
    value: Decimal


class ConflictQuestion(Struct, frozen=True, kw_only=True):
    """Which part of the list; `name`, `winner` and `loser` go together with `kind`."""

    state: State = "open"
    tier: int | None = None
    kind: str = ""
    name: str = ""
    winner: str = ""
    loser: str = ""
    page: int = 1

    @property
    def group(self) -> tuple[str, str, str, str] | None:
        """The group that is asked about; None for the whole list."""
        return (self.kind, self.name, self.winner, self.loser) if self.kind else None


class Decided(Struct, frozen=True, kw_only=True):
    """Who settled a contradiction, when, and why."""

    by: str
    at: datetime
    reason: str = ""


class ConflictLine(Struct, frozen=True, kw_only=True):
    """One contradiction about one person.

    Attributes
    ----------
    shown, other : str or None
        The values; of an order and a consent a code such as ``paid``. None where they are gone.
    shown_at, other_at : datetime or None
        When they were stated.
    """

    profile_id: str
    customer: str | None
    kind: str
    name: str
    item: str
    winner: str
    loser: str
    why: str
    tier: int
    value: Decimal
    since: datetime
    settled: str
    verified: bool
    urgent: bool
    shown: str | None = None
    other: str | None = None
    shown_at: datetime | None = None
    other_at: datetime | None = None
    shown_proof: str | None = None
    other_proof: str | None = None
    decided: Decided | None = None


class Conflicts(Struct, frozen=True, kw_only=True):
    """A page of the list, the groups it is made of, and how many each choice would show."""

    question: ConflictQuestion
    at: datetime
    currency: str
    labels: dict[str, str]
    groups: tuple[Group, ...]
    tiers: dict[int, int]
    states: dict[str, int]
    total: int
    lines: tuple[ConflictLine, ...]


# ── the list ───────────────────────────────────────────────────────────────────────────────────


def open_conflicts(company: Company) -> int:
    """How many contradictions about money or how to reach people wait, for the left bar."""
    c = conflict_total.c
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(c.people).where(c.settled == OPEN, c.tier == TIERS[0])
        ).scalars()
        return sum(rows)


def conflicts_view(company: Company, question: ConflictQuestion, *, reveal: bool) -> Conflicts:
    """One page of contradictions, the most harmful first.

    The cost does not grow with the number of profiles: sums are kept, and a page of lines is read
    in the order of an index.

    Parameters
    ----------
    reveal : bool
        Whether e-mail addresses and phone numbers are shown in full.

    Raises
    ------
    InvalidInput
        If the question asks for a state, tier or page that does not exist.
    """
    _check(question)
    now = company.clock()
    states = STATES[question.state]
    with company.ledger.read() as connection:
        totals = connection.execute(select(conflict_total)).all()
        rows = _page(connection, question, states)
        lines = _lines(connection, rows, now, reveal=reveal)
        labels = source_labels(connection)
        currency = read_choice(connection, "reporting_currency") or "EUR"
    groups = _groups([row for row in totals if row.settled in states])
    tiers: Counter[int] = Counter()
    for row in totals:
        if row.settled in states:
            tiers[row.tier] += row.people
    chosen = question.group
    if chosen is not None:
        total = sum(g.count for g in groups if (g.kind, g.name, g.winner, g.loser) == chosen)
    elif question.tier is not None:
        total = tiers[question.tier]
    else:
        total = sum(tiers.values())
    return Conflicts(
        question=question,
        at=now,
        currency=currency,
        labels=dict(labels),
        groups=tuple(groups),
        tiers={tier: tiers[tier] for tier in TIERS},
        states={
            name: sum(row.people for row in totals if row.settled in settled)
            for name, settled in STATES.items()
        },
        total=total,
        lines=lines,
    )


def _check(question: ConflictQuestion) -> None:
    if question.state not in STATES:
        raise InvalidInput(
            f"The list shows what is {' or '.join(STATES)}, not {question.state[:40]!r}"
        )
    if question.tier is not None and question.tier not in TIERS:
        raise InvalidInput(f"Harm has the tiers {TIERS[0]} to {TIERS[-1]}, not {question.tier}")
    if not 1 <= question.page <= _MOST_PAGES:
        raise InvalidInput(
            f"The list has pages 1 to {_MOST_PAGES}, not {question.page}; choose a group or a tier"
        )


def _groups(totals: Sequence[Any]) -> list[Group]:
    """Sums over tiers and states; the worst tier of a group is where it stands."""
    found: dict[tuple[str, str, str, str], list[Any]] = defaultdict(list)
    for row in totals:
        found[row.kind, row.name, row.winner, row.loser].append(row)
    groups = [
        Group(
            kind=key[0],
            name=key[1],
            winner=key[2],
            loser=key[3],
            tier=min(row.tier for row in rows),
            count=sum(row.people for row in rows),
            verified=sum(row.verified for row in rows),
            value=sum((row.value for row in rows), Decimal(0)),
        )
        for key, rows in found.items()
    ]
    return sorted(groups, key=lambda g: (g.tier, -g.value, -g.count, g.name, g.winner, g.loser))


def _page(connection: Connection, question: ConflictQuestion, states: Sequence[str]) -> list[Any]:
    """The rows of a page; of several states each is read in its order, and they are merged."""
    c = conflict.c
    last = question.page * PAGE
    found = []
    for state in states:
        asked = (
            select(conflict)
            .where(c.settled == state)
            .order_by(c.harm, c.since, c.profile_id)
            .limit(last)
        )
        if question.group is not None:
            kind, name, winner, loser = question.group
            asked = asked.where(
                c.kind == kind, c.name == name, c.winner == winner, c.loser == loser
            )
        elif question.tier is not None:
            # The sort key begins with the tier.
            asked = asked.where(
                c.harm > (question.tier - 1) * _TIER, c.harm <= question.tier * _TIER
            )
        if len(states) == 1:
            asked = asked.offset(last - PAGE).limit(PAGE)
            return list(connection.execute(asked))
        found.append(connection.execute(asked).all())
    ranked = merge(*found, key=lambda row: (row.harm, row.since, row.profile_id))
    return list(islice(ranked, last - PAGE, last))


def _lines(
    connection: Connection, rows: Sequence[Any], now: datetime, *, reveal: bool
) -> tuple[ConflictLine, ...]:
    ids = {row.profile_id for row in rows}
    known = facts_of(connection, ids)
    said = words_by_source(connection, {r.profile_id for r in rows if r.kind == CONSENT})
    words = settlements_of(connection, ids)
    rules = {
        row.name: Decided(by=row.author, at=row.at, reason=row.reason)
        for row in connection.execute(select(value_rule).where(value_rule.c.ended_at.is_(None)))
    }
    return tuple(
        _line(
            row,
            known[row.profile_id],
            said.get(row.profile_id, ()),
            words.get((row.profile_id, row.kind, row.name, row.item)),
            rules,
            now,
            reveal=reveal,
        )
        for row in rows
    )


def _line(
    row: Any,
    known: ProfileFacts,
    said: Sequence[tuple[int, Any]],
    word: Any,
    rules: Mapping[str, Decided],
    now: datetime,
    *,
    reveal: bool,
) -> ConflictLine:
    name = known.shown.get("name")
    decided: Decided | None = None
    told: dict[str, Any] = {}
    if row.kind == ATTRIBUTE:
        shown, other = both_values(known, row.name, row.loser)
        told = {
            "shown": _masked(row.name, _joined(shown), reveal=reveal),
            "other": _masked(row.name, _joined(other), reveal=reveal),
            "shown_at": max((f.observed_at for f in shown), default=None),
            "other_at": max((f.observed_at for f in other), default=None),
            "shown_proof": _proof(known, shown),
            "other_proof": _proof(known, other),
        }
        pinned = next((f for f in shown if f.source.startswith(CHOSEN)), None)
        if row.settled == PIN and pinned is not None:
            decided = Decided(by=pinned.source.removeprefix(CHOSEN), at=pinned.observed_at)
        elif row.settled == RULE:
            decided = rules.get(row.name)
    elif row.kind == CONSENT:
        latest = _latest_words(said, row.name)
        told = {
            side: None if source not in latest else _granted(latest[source].granted)
            for side, source in (("shown", row.winner), ("other", row.loser))
        }
        told["shown_at"] = latest[row.winner].since if row.winner in latest else None
        told["other_at"] = latest[row.loser].since if row.loser in latest else None
    else:
        told = dict(zip(("shown", "other"), says(row), strict=True))
    if row.settled == WORD and word is not None:
        decided = Decided(by=word.author, at=word.at, reason=word.reason)
    return ConflictLine(
        profile_id=row.profile_id,
        customer=None if name is None else name.value,
        kind=row.kind,
        name=row.name,
        item=row.item,
        winner=row.winner,
        loser=row.loser,
        why=row.why,
        tier=row.tier,
        value=row.value,
        since=row.since,
        settled=row.settled,
        verified=row.verified,
        urgent=row.urgent_until is not None and row.urgent_until > now,
        decided=decided,
        **told,
    )


def says(row: Any) -> tuple[str, str]:
    """What the silo whose word stands says of an order, and what the other one does."""
    right, wrong = ORDER_SAYS[row.name]
    # A colleague may have found the other one right.
    turned = row.settled == WORD and row.why == "word_other"
    return (wrong, right) if turned else (right, wrong)


def _granted(granted: bool) -> str:
    return "granted" if granted else "withdrawn"


def _latest_words(said: Sequence[tuple[int, Any]], purpose: str) -> dict[str, Any]:
    return {
        word.source: word
        for _, word in sorted(said, key=lambda each: (each[1].since, not each[1].granted))
        if word.purpose == purpose
    }


def both_values(
    known: ProfileFacts, name: str, loser: str
) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """The shown facts of an attribute, and those of the silo that states it otherwise.

    Of an address and a name all parts that the silo's latest differing record states.
    """
    parts = PARTS.get(name, (name,))
    wrong = [
        fact
        for part in (name, *parts)
        if part in known.sides
        for fact in known.sides[part].wrong
        if fact.source == loser
    ]
    if name == "name":
        shown = [known.shown["name"]] if "name" in known.shown else []
        newest = max(
            (f for f in wrong if f.name == "name"), key=lambda f: f.observed_at, default=None
        ) or max(wrong, key=lambda f: f.observed_at, default=None)
        return tuple(shown), () if newest is None else (newest,)
    shown = [known.shown[part] for part in parts if part in known.shown]
    if not wrong:
        return tuple(shown), ()
    record = max(wrong, key=lambda f: (f.observed_at, -f.atom_id)).atom_id
    other = {f.name: f for f in known.all if f.atom_id == record and f.name in parts}
    return tuple(shown), tuple(other[part] for part in parts if part in other)


def _joined(facts: Sequence[Fact]) -> str | None:
    """An address as one line; anything else is one value."""
    by_name = {fact.name: fact.value for fact in facts}
    if not by_name:
        return None
    if "postal_code" in by_name or "street" in by_name or "city" in by_name:
        place = " ".join(by_name[n] for n in ("postal_code", "city") if n in by_name)
        lines = [by_name.get("street"), place, by_name.get("country")]
        return ", ".join(line for line in lines if line)
    return next(iter(by_name.values()))


def _masked(name: str, value: str | None, *, reveal: bool) -> str | None:
    return value if value is None or reveal or name not in MASKED else mask(name, value)


def _proof(known: ProfileFacts, facts: Sequence[Fact]) -> str | None:
    for fact in facts:
        proof = known.proven.get(fact.name, {}).get(fact.value)
        if proof is not None:
            return proof.failure if proof.standing < 0 else proof.proof
    return None


# ── settling ───────────────────────────────────────────────────────────────────────────────────


def settle_conflict(
    company: Company,
    profile_id: str,
    *,
    kind: str,
    name: str,
    item: str = "",
    loser: str,
    right: Right,
    author: str,
    reason: str = "",
) -> str:
    """Say once what is right about this person; returns the profile as it is now.

    Of an attribute the value is pinned, of an order or a consent the silo is believed.

    Parameters
    ----------
    loser : str
        The silo whose word does not stand now.
    right : str
        "shown" for what is shown now, "other" for what that silo says.

    Raises
    ------
    NotFound
        If silos do not contradict each other there any more.
    """
    if right not in ("shown", "other"):
        raise InvalidInput(f"Either `shown` is right or `other`, not {str(right)[:40]!r}")
    text = _reason(reason)
    now = company.clock()
    c = conflict.c
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        row = connection.execute(
            select(conflict).where(
                c.profile_id == here,
                c.kind == kind,
                c.name == name,
                c.item == item,
                c.loser == loser,
            )
        ).first()
        if row is None:
            raise NotFound(
                "Silos do not contradict each other there any more; look at the list again"
            )
        if kind == ATTRIBUTE:
            shown, other = both_values(facts_of(connection, [here])[here], name, loser)
            for fact in shown if right == "shown" else other:
                pin_value(
                    connection, company.ledger, here, fact.name, fact.value, author=author, at=now
                )
        else:
            settle(
                connection,
                here,
                kind=kind,
                name=name,
                item=item,
                right_source=row.winner if right == "shown" else row.loser,
                author=author,
                reason=text,
                at=now,
            )
        STALE_PROFILES.put(connection, [here])
        details = {"kind": kind, "name": name, "item": item, "loser": loser, "right": right}
        _note(connection, author, "conflict.settled", here, {**details, "reason": text}, now)
    refresh_profiles(company)
    return here


def reopen_conflict(
    company: Company, profile_id: str, *, kind: str, name: str, item: str = "", author: str
) -> str:
    """Take back what a colleague settled; returns the profile as it is now.

    Raises
    ------
    NotFound
        If nobody settled it.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        if kind == ATTRIBUTE:
            pinned = [
                part
                for part in dict.fromkeys((name, *PARTS.get(name, ())))
                if (fact := facts_of(connection, [here])[here].shown.get(part)) is not None
                and fact.source.startswith(CHOSEN)
            ]
            if not pinned:
                raise NotFound("Nobody chose a value there; a rule is taken back with the rules")
            for part in pinned:
                pin_value(connection, company.ledger, here, part, None, author=author, at=now)
        else:
            word = settlements_of(connection, [here]).get((here, kind, name, item))
            if word is None:
                raise NotFound("Nobody settled that; look at the list again")
            take_back(connection, word.settlement_id, author=author, at=now)
        STALE_PROFILES.put(connection, [here])
        _note(
            connection, author, "conflict.reopened", here,
            {"kind": kind, "name": name, "item": item}, now,
        )  # fmt: skip
    refresh_profiles(company)
    return here


def _reason(reason: str) -> str:
    text = " ".join(reason.replace("\0", "").split())
    if len(text) > _LONGEST_REASON:
        raise InvalidInput(f"A reason has at most {_LONGEST_REASON} characters, not {len(text)}")
    return text


def _note(
    connection: Connection, actor: str, action: str, subject: str, details: Any, now: datetime
) -> None:
    connection.execute(
        audit.insert().values(at=now, actor=actor, action=action, subject=subject, details=details)
    )


# ── telling the silos ──────────────────────────────────────────────────────────────────────────


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
    latest = _latest_words(said, row.name)
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
                row, number, f"consent.{row.name}", _granted(word.granted), _granted(right),
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
                evidence = (_proof(known, [shown]) or _proof(known, [fact]) or "") if proven else ""
                its = _masked(part, fact.value, reveal=reveal) or ""
                right = _masked(part, shown.value, reveal=reveal) or ""
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


def names_of_profiles(connection: Connection, profile_ids: Sequence[str]) -> dict[str, str | None]:
    """What the profiles are called."""
    p = profile.c
    return {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id, p.name).where(among(p.profile_id, piece)),
            profile_ids,
        )
    }
