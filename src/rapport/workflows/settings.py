"""The company's own choices: its name, time zone, reporting currency and exchange rates."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct
from sqlalchemy import func, select

from rapport.collect.currencies import currency_code
from rapport.errors import Conflict, InvalidInput
from rapport.vocabulary.ledger_tables import audit, exchange_rate, position
from rapport.workflows.company import Company, read_choice, write_choice
from rapport.workflows.ingest import WORKER

_LONGEST_NAME = 120


class RateLine(Struct, frozen=True, kw_only=True):
    """The newest exchange rate of one currency, and how many days are known."""

    currency: str
    rate: str  # what one unit is worth in the reporting currency, exactly
    valid_from: date
    known: int


class CompanySettings(Struct, frozen=True, kw_only=True):
    """What the company chose.

    Attributes
    ----------
    currency_is_fixed : bool
        Whether amounts were converted already, so that the currency can no longer be changed.
    """

    company_name: str
    time_zone: str
    reporting_currency: str | None
    currency_is_fixed: bool
    rates: tuple[RateLine, ...]
    mail_server: str
    public_url: str


def company_settings(company: Company) -> CompanySettings:
    """The company's choices with the exchange rates it knows."""
    newest = (
        select(
            exchange_rate.c.currency,
            func.max(exchange_rate.c.valid_from).label("valid_from"),
            func.count().label("known"),
        )
        .group_by(exchange_rate.c.currency)
        .subquery()
    )
    with company.ledger.read() as connection:
        rates = connection.execute(
            select(exchange_rate, newest.c.known)
            .join(
                newest,
                (newest.c.currency == exchange_rate.c.currency)
                & (newest.c.valid_from == exchange_rate.c.valid_from),
            )
            .order_by(exchange_rate.c.currency)
        ).all()
        applied = connection.scalar(select(position.c.position).where(position.c.worker == WORKER))
        currency = read_choice(connection, "reporting_currency")
        return CompanySettings(
            company_name=read_choice(connection, "company_name"),
            time_zone=read_choice(connection, "time_zone"),
            reporting_currency=currency,
            currency_is_fixed=currency is not None and bool(applied),
            rates=tuple(
                RateLine(
                    currency=row.currency,
                    rate=row.rate,
                    valid_from=row.valid_from,
                    known=row.known,
                )
                for row in rates
            ),
            mail_server=company.settings.smtp_host,
            public_url=company.settings.public_url,
        )


def change_company(
    company: Company,
    *,
    company_name: str,
    time_zone: str,
    reporting_currency: str | None,
    actor: str,
) -> CompanySettings:
    """Set the company's name, time zone and, while there are no data, its reporting currency.

    Raises
    ------
    InvalidInput
        If the name is empty, or zone or currency unknown.
    Conflict
        If amounts were converted into another currency already.
    """
    name = " ".join(company_name.replace("\0", "").split())
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidInput(f"The company needs a name of 1 to {_LONGEST_NAME} characters")
    if time_zone not in available_timezones():
        raise InvalidInput(
            f"Time zone {time_zone!r} is not known; give one such as Europe/Brussels"
        )
    ZoneInfo(time_zone)
    wanted = (reporting_currency or "").strip()
    code = currency_code(wanted) if wanted else None
    if wanted and code is None:
        raise InvalidInput(f"Currency {wanted!r} is not in ISO 4217; give one such as EUR")
    before = company_settings(company)
    if code is not None and before.currency_is_fixed and code != before.reporting_currency:
        raise Conflict(
            f"All amounts are kept in {before.reporting_currency} already, and every report "
            f"compares with them; to report in {code}, begin a new data folder"
        )
    with company.ledger.write() as connection:
        write_choice(company.ledger, connection, "company_name", name)
        write_choice(company.ledger, connection, "time_zone", time_zone)
        if code is not None:
            write_choice(company.ledger, connection, "reporting_currency", code)
        connection.execute(
            audit.insert().values(
                at=company.clock(), actor=actor, action="company.changed", subject=name
            )
        )
    return company_settings(company)
