"""What to do next with one customer, and why.

`ADVISORS` is the list; each looks at the facts and advises one thing or nothing. Values are money
over the horizon of the scores, in the reporting currency:

==================  ==============================================================  ==============
code                advised when                                                    value at stake
==================  ==============================================================  ==============
keep_promise        an unresolved complaint is past its due date                    E
call_back           a complaint waits for an answer                                 E
win_back            among the best by value, and less probably alive than before    E/p · (q - p)
second_purchase     one order, so far not followed by a second                      A · p
ask_consent         a good customer whom we may not write to                        not computable
==================  ==============================================================  ==============

E is the expected value, which counts the chance that the customer is alive; p the probability
alive now and q before; A the average order value. E/p is what the customer is worth if alive, so
E/p · (q - p) is what the fall has cost. These are values **at stake**, not what the action earns:
that needs the share of customers with whom it works. Where an experiment has measured that
share, the expected value is the value at stake times it, and `basis` says "measured".

Complaints come before selling: while one is open, nothing is advised that sells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select, update

from rapport.act.contact_policy import PolicyView
from rapport.act.persons import chunks
from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary.ledger_tables import next_action

_CENT = Decimal("0.01")

#: A fall of the probability alive that is worth a message, as a difference of probabilities.
WIN_BACK_FALL = 0.15
#: Among the best by value: the share of customers with a lower expected value is at least this.
HIGH_VALUE_RANK = 0.75
#: After an order, how long its buyer is left in peace, and how long a second one is hoped for.
SECOND_PURCHASE_AFTER = timedelta(days=7)
SECOND_PURCHASE_UNTIL = timedelta(days=90)
#: An answer to advice is respected for so long before the same is advised again.
REST = timedelta(days=30)

#: Minutes of a colleague's time: our estimate, to be replaced by measured ones.
EFFORT_MINUTES: dict[str, float] = {
    "keep_promise": 15.0,
    "call_back": 15.0,
    "win_back": 5.0,
    "second_purchase": 2.0,
    "ask_consent": 1.0,
}


class OpenTicket(Struct, frozen=True, kw_only=True):
    """A complaint that waits for an answer."""

    ticket_id: int
    opened_at: datetime
    due_at: datetime | None = None


class CustomerFacts(Struct, frozen=True, kw_only=True):
    """What advice is made from. None: not known, so that nothing is advised on it.

    Parameters
    ----------
    value_rank : float in [0, 1]
        Share of customers whose expected value is lower.
    probability_alive, probability_alive_before : float in [0, 1]
        Now, and at the comparison date the caller chose (such as 90 days ago).
    success_shares : mapping of code to float in [0, 1]
        Measured by experiments against a holdout; absent where nothing was measured.
    contact : PolicyView, optional
        Where the person stands with the contact policy.
    """

    profile_id: str
    at: datetime
    open_tickets: tuple[OpenTicket, ...] = ()
    order_count: int = 0
    last_order_at: datetime | None = None
    average_order_value: Decimal | None = None
    expected_value: Decimal | None = None
    value_rank: float | None = None
    probability_alive: float | None = None
    probability_alive_before: float | None = None
    marketing_consent: bool | None = None
    success_shares: Mapping[str, float] = {}
    contact: PolicyView | None = None


class Advice(Struct, frozen=True, kw_only=True):
    """One thing to do. The pages make words of `code` and `facts` in the reader's language."""

    code: str
    facts: dict[str, Any]
    effort_minutes: float
    value_at_stake: Decimal | None = None
    expected_value: Decimal | None = None
    basis: Literal["measured", "at_stake", "unknown"] = "unknown"
    #: For messages: when the contact policy has room; None: now, or the policy does not apply.
    not_before: datetime | None = None
    #: For messages: the contact policy has no room at all.
    blocked: bool = False


class _Found(NamedTuple):
    facts: dict[str, Any]
    value_at_stake: Decimal | None


# ── the advisors ───────────────────────────────────────────────────────────────────────────────


def _keep_promise(f: CustomerFacts) -> _Found | None:
    late = [t for t in f.open_tickets if t.due_at is not None and t.due_at < f.at]
    if not late:
        return None
    worst = min(late, key=lambda t: (t.due_at or f.at, t.ticket_id))
    return _Found({"ticket_id": worst.ticket_id, "due_at": worst.due_at}, f.expected_value)


def _call_back(f: CustomerFacts) -> _Found | None:
    if not f.open_tickets or _keep_promise(f) is not None:
        return None
    oldest = min(f.open_tickets, key=lambda t: (t.opened_at, t.ticket_id))
    facts = {"ticket_id": oldest.ticket_id, "opened_at": oldest.opened_at, "due_at": oldest.due_at}
    return _Found(facts, f.expected_value)


def _win_back(f: CustomerFacts) -> _Found | None:
    p, q = f.probability_alive, f.probability_alive_before
    if f.open_tickets or p is None or q is None or f.value_rank is None:
        return None
    if q - p < WIN_BACK_FALL or f.value_rank < HIGH_VALUE_RANK or not f.marketing_consent:
        return None
    # With p at 0 nothing tells the value if alive: E is 0 as well.
    stake = None if f.expected_value is None or p <= 0 else _times(f.expected_value, (q - p) / p)
    facts = {"probability_alive": p, "probability_alive_before": q, "value_rank": f.value_rank}
    return _Found(facts, stake)


def _second_purchase(f: CustomerFacts) -> _Found | None:
    if f.open_tickets or f.order_count != 1 or f.last_order_at is None:
        return None
    since = f.at - f.last_order_at
    if not SECOND_PURCHASE_AFTER <= since <= SECOND_PURCHASE_UNTIL or not f.marketing_consent:
        return None
    stake = (
        None
        if f.average_order_value is None or f.probability_alive is None
        else _times(f.average_order_value, f.probability_alive)
    )
    return _Found({"last_order_at": f.last_order_at, "days_since": since.days}, stake)


def _ask_consent(f: CustomerFacts) -> _Found | None:
    # Who said no is not asked again; who was never asked is asked when we meet anyway.
    if f.marketing_consent is not None or f.order_count == 0:
        return None
    return _Found({"order_count": f.order_count, "when": "next_contact"}, None)


class Advisor(NamedTuple):
    """One kind of advice. `message`: it is a message, so that the contact policy applies."""

    code: str
    advise: Callable[[CustomerFacts], _Found | None]
    message: bool


ADVISORS: tuple[Advisor, ...] = (
    Advisor("keep_promise", _keep_promise, message=False),
    Advisor("call_back", _call_back, message=False),
    Advisor("win_back", _win_back, message=True),
    Advisor("second_purchase", _second_purchase, message=True),
    Advisor("ask_consent", _ask_consent, message=False),
)


def advise(facts: CustomerFacts) -> list[Advice]:
    """What to do next, best first; an empty list says that leaving the customer alone is best.

    A promise that is overdue comes first whatever it is worth. The rest is ranked by expected
    value for each minute of effort; what has no computable value comes last.
    """
    advice = [
        _advice(advisor, found, facts)
        for advisor in ADVISORS
        if (found := advisor.advise(facts)) is not None
    ]
    return sorted(advice, key=_rank)


def _advice(advisor: Advisor, found: _Found, facts: CustomerFacts) -> Advice:
    share = facts.success_shares.get(advisor.code)
    stake = found.value_at_stake
    view = facts.contact if advisor.message else None
    expected, basis = stake, "at_stake"
    if stake is None:
        basis = "unknown"
    elif share is not None:
        expected, basis = _times(stake, share), "measured"
    return Advice(
        code=advisor.code,
        facts=msgspec.to_builtins(found.facts),
        effort_minutes=EFFORT_MINUTES[advisor.code],
        value_at_stake=stake,
        expected_value=expected,
        basis=basis,  # type: ignore[arg-type]
        not_before=None if view is None or view.free_now else view.free_at,
        blocked=view is not None and view.free_at is None,
    )


def _rank(advice: Advice) -> tuple[bool, bool, float, str]:
    value = advice.expected_value
    per_minute = 0.0 if value is None else float(value) / advice.effort_minutes
    return advice.code != "keep_promise", value is None, -per_minute, advice.code


def _times(amount: Decimal, factor: float) -> Decimal:
    return (amount * Decimal(str(factor))).quantize(_CENT)


# ── keeping ────────────────────────────────────────────────────────────────────────────────────


class NextAction(Struct, frozen=True, kw_only=True):
    """The advice that is kept for a person, and what became of it."""

    profile_id: str
    code: str
    facts: dict[str, Any]
    expected_value: Decimal | None
    made_at: datetime
    status: str  # open | accepted | declined
    status_by: str | None


def keep_advice(
    connection: Connection, ledger: Ledger, best: Mapping[str, Advice | None], *, at: datetime
) -> None:
    """Keep the best advice of each profile; None removes what stands open.

    An answer is respected: the same advice stays answered for 30 days.
    """
    standing = next_actions(connection, sorted(best))
    rows = []
    gone = []
    for profile_id, advice in best.items():
        before = standing.get(profile_id)
        if advice is None:
            if before is not None and before.status == "open":
                gone.append(profile_id)
            continue
        if before is not None and _rests(before, advice, at=at):
            continue
        rows.append(
            {
                "profile_id": profile_id,
                "code": advice.code,
                "facts": advice.facts
                | msgspec.to_builtins(
                    {
                        "effort_minutes": advice.effort_minutes,
                        "basis": advice.basis,
                        "not_before": advice.not_before,
                        "blocked": advice.blocked,
                    }
                ),
                "expected_value": advice.expected_value,
                "made_at": at,
                "status": "open",
                "status_by": None,
            }
        )
    ledger.upsert(
        connection,
        next_action,
        rows,
        ["profile_id"],
        ["code", "facts", "expected_value", "made_at", "status", "status_by"],
    )
    for chunk in chunks(sorted(gone)):
        connection.execute(next_action.delete().where(next_action.c.profile_id.in_(chunk)))


def _rests(before: NextAction, advice: Advice, *, at: datetime) -> bool:
    """Whether a colleague has answered this very advice lately; another ticket is another one."""
    return (
        before.status != "open"
        and before.code == advice.code
        and before.facts.get("ticket_id") == advice.facts.get("ticket_id")
        and at - before.made_at < REST
    )


def next_actions(connection: Connection, profile_ids: Sequence[str]) -> dict[str, NextAction]:
    """The kept advice of each profile that has one."""
    found: dict[str, NextAction] = {}
    for chunk in chunks(sorted(set(profile_ids))):
        rows = connection.execute(select(next_action).where(next_action.c.profile_id.in_(chunk)))
        for row in rows:
            found[row.profile_id] = NextAction(
                profile_id=row.profile_id,
                code=row.code,
                facts=row.facts,
                expected_value=row.expected_value,
                made_at=row.made_at,
                status=row.status,
                status_by=row.status_by,
            )
    return found


def answer_advice(
    connection: Connection,
    profile_id: str,
    *,
    code: str,
    status: Literal["accepted", "declined"],
    author: str,
    at: datetime,
) -> None:
    """Accept or decline the advice ``code``; its rest of 30 days begins now.

    Raises
    ------
    NotFound
        If nothing is advised for this customer.
    Conflict
        If something else is advised by now, or a colleague has answered.
    """
    if status not in ("accepted", "declined"):
        raise InvalidInput(f"Advice is accepted or declined, not '{status}'")
    changed = connection.execute(
        update(next_action)
        .where(
            next_action.c.profile_id == profile_id,
            next_action.c.code == code,
            next_action.c.status == "open",
        )
        .values(status=status, status_by=author, made_at=at)
    ).rowcount
    if changed:
        return
    standing = next_actions(connection, [profile_id]).get(profile_id)
    if standing is None:
        raise NotFound("Nothing is advised for this customer; reload the page")
    raise Conflict(f"The advice is now '{standing.code}' and {standing.status}; look at it again")
