"""Settling what silos contradict each other about, once, and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from rapport.errors import InvalidInput, NotFound
from rapport.unify.conflicts import CHOSEN, settle, settlements_of, take_back
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.stewardship import current_profile
from rapport.unify.survivorship import facts_of, pin_value
from rapport.unify.value_rules import PARTS
from rapport.vocabulary.conflict import ATTRIBUTE
from rapport.vocabulary.ledger_tables import audit, conflict
from rapport.workflows.company import Company
from rapport.workflows.conflict_values import both_values
from rapport.workflows.refresh import refresh_profiles

_LONGEST_REASON = 500

Right = Literal["shown", "other"]


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
