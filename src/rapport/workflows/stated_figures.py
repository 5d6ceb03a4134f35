"""Stating what no data say: unit costs, what was spent on winning customers, targets."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.question import unknown
from rapport.vocabulary.ledger_tables import audit
from rapport.vocabulary.stated_figure import KIND_OF, TARGET, FigureKind, StatedFigure
from rapport.workflows.company import Company, figures_of, read_choice, write_choice

_MOST = 2_000
_LONGEST_SPREAD = 3_660  # ten years of days
_LONGEST_SCOPE = 200
_HIGHEST = Decimal(10) ** 9


def stated_figures(company: Company) -> tuple[StatedFigure, ...]:
    """What is stated, by name, scope and day."""
    with company.ledger.read() as connection:
        return _read(connection)


def state_figure(
    company: Company,
    *,
    name: str,
    amount: str | Decimal,
    first_day: date,
    last_day: date | None = None,
    scope: str | None = None,
    actor: str,
    dry_run: bool = False,
) -> tuple[StatedFigure, ...]:
    """State a figure; returns all that is stated then.

    A figure of the same name and scope that began earlier and has no end ends the day before; one
    that began on the same day is replaced.

    Raises
    ------
    InvalidInput
        If there is no such figure, or amount, days or scope cannot be.
    Conflict
        If another one is stated for some of these days.
    """
    if name not in KIND_OF:
        raise InvalidInput(unknown("figure", name, KIND_OF))
    kind = KIND_OF[name]
    new = StatedFigure(
        name=name,
        amount=_amount(kind, amount),
        first_day=first_day,
        last_day=last_day,
        scope=_scope(kind, scope),
    )
    _check_days(kind, new)
    if name == TARGET:
        _check_target(new)
    with company.ledger.write() as connection:
        before = _read(connection)
        after = _with(before, new)
        if len(after) > _MOST:
            raise InvalidInput(f"At most {_MOST:,} figures can be stated; withdraw old ones first")
        if not dry_run:
            _write(company, connection, after)
            _note(company, connection, actor, "figure.stated", new)
    return after


def withdraw_figure(
    company: Company, *, name: str, first_day: date, scope: str | None = None, actor: str
) -> tuple[StatedFigure, ...]:
    """Take back what was stated from a day on; returns all that is stated then.

    Raises
    ------
    NotFound
        If nothing of the name and scope was stated from that day.
    """
    with company.ledger.write() as connection:
        before = _read(connection)
        key = (name, (scope or "").strip() or None, first_day)
        gone = [each for each in before if (each.name, each.scope, each.first_day) == key]
        if not gone:
            raise NotFound(
                f"No {name!r} is stated from {first_day}"
                + (f" for {key[1]!r}" if key[1] else "")
                + "; see what is with `rapport metrics stated`"
            )
        after = tuple(each for each in before if each not in gone)
        _write(company, connection, after)
        _note(company, connection, actor, "figure.withdrawn", gone[0])
    return after


def _amount(kind: FigureKind, given: str | Decimal) -> Decimal:
    try:
        amount = Decimal(str(given).strip().replace(",", "."))
    except InvalidOperation:
        raise InvalidInput(f"{given!r} is no number; write one such as 4.50") from None
    if not amount.is_finite() or not 0 <= amount <= _HIGHEST:
        raise InvalidInput(f"{kind.name} is a number from 0 to {_HIGHEST:,}, not {given}")
    if kind.unit == "share" and amount > 1:
        raise InvalidInput(f"{kind.name} is a share from 0 to 1 (0.6 for 60%), not {given}")
    if amount != amount.quantize(Decimal("0.0001")):
        raise InvalidInput(f"{kind.name} has at most four decimals, not {given}")
    return amount


def _scope(kind: FigureKind, given: str | None) -> str | None:
    scope = (given or "").replace("\0", "").strip()[:_LONGEST_SCOPE] or None
    if scope and kind.scope == "none":
        raise InvalidInput(f"{kind.name} holds for everything; leave out {scope!r}")
    if scope is None and kind.needs_scope:
        raise InvalidInput(f"{kind.name} is stated for one {kind.scope}; say which")
    return scope


def _check_days(kind: FigureKind, new: StatedFigure) -> None:
    if not date(1990, 1, 1) <= new.first_day <= date(2200, 1, 1):
        raise InvalidInput(f"The first day lies between 1990 and 2200, not {new.first_day}")
    if new.last_day is None:
        if kind.spread:
            raise InvalidInput(f"{new.name} is spread over days: say the last one, too")
    elif new.last_day < new.first_day:
        raise InvalidInput(
            f"The last day {new.last_day} lies before the first {new.first_day}; swap them"
        )
    elif new.last_day > date(2200, 1, 1) or (
        kind.spread and (new.last_day - new.first_day).days > _LONGEST_SPREAD
    ):
        raise InvalidInput("A figure is spread over ten years at most, and ends before 2200")


def _check_target(new: StatedFigure) -> None:
    metric = METRICS.get(new.scope or "")
    if metric is None:
        raise InvalidInput(unknown("metric", new.scope or "", METRICS))
    if metric.unit == "share" and new.amount > 1:
        raise InvalidInput(f"{metric.name} is a share from 0 to 1 (0.6 for 60%), not {new.amount}")
    if new.last_day is None and metric.per is None:
        raise InvalidInput(f"{metric.name} adds up over days: say until when it is to be reached")


def _with(before: tuple[StatedFigure, ...], new: StatedFigure) -> tuple[StatedFigure, ...]:
    kept: list[StatedFigure] = []
    for each in before:
        same = (each.name, each.scope) == (new.name, new.scope)
        if not same:
            kept.append(each)
        elif each.first_day == new.first_day:
            continue
        elif each.last_day is None and each.first_day < new.first_day:
            kept.append(replace(each, last_day=new.first_day - timedelta(days=1)))
        elif _overlap(each, new):
            raise Conflict(
                f"{each.amount} is stated from {each.first_day} to {each.last_day or 'now on'}, "
                "which shares days with this; withdraw it or choose other days"
            )
        else:
            kept.append(each)
    ordered = sorted([*kept, new], key=lambda each: (each.name, each.scope or "", each.first_day))
    return tuple(ordered)


def _overlap(one: StatedFigure, other: StatedFigure) -> bool:
    one_ends, other_ends = one.last_day or date.max, other.last_day or date.max
    return one.first_day <= other_ends and other.first_day <= one_ends


def _read(connection: Connection) -> tuple[StatedFigure, ...]:
    return figures_of(read_choice(connection, "stated_figures"))


def _write(company: Company, connection: Connection, figures: tuple[StatedFigure, ...]) -> None:
    plain: Any = msgspec.to_builtins(figures)
    write_choice(company.ledger, connection, "stated_figures", plain)


def _note(
    company: Company, connection: Connection, actor: str, action: str, figure: StatedFigure
) -> None:
    subject = " ".join(part for part in (figure.name, figure.scope, str(figure.first_day)) if part)
    connection.execute(
        audit.insert().values(at=company.clock(), actor=actor, action=action, subject=subject)
    )
