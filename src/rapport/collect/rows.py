"""A row of a mapped file, read by our field names; what cannot be read says why it is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from collections.abc import Mapping as AnyMapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rapport.collect.cell_values import (
    in_range,
    read_decimal,
    read_moment,
    read_money,
    read_yes_no,
)
from rapport.collect.connectors import connector_of
from rapport.collect.countries import country_code
from rapport.collect.currencies import currency_code, minor_digits
from rapport.collect.event_checks import Refusal
from rapport.collect.mapping import Mapping
from rapport.vocabulary.identifier import Identifier, kind_of
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import CHANNELS, Touchpoint

if TYPE_CHECKING:  # it reads answers by this module
    from rapport.collect.survey_definition import SurveyDefinition

#: Fields of every kind that name a person or a place, and become parts of the touchpoint.
PERSON_FIELDS = (
    *("customer_id", "loyalty_card", "email", "phone", "name", "user_id"),
    *("iban", "business_id"),
)
#: Fields that identify, the strongest first.
_IDENTIFYING = (
    *("customer_id", "user_id", "loyalty_card", "email", "phone", "iban", "business_id"),
)
PLACE_FIELDS = ("channel", "place", "country", "acquisition_channel", "campaign")
#: Constants that steer the reading and are no data themselves.
STEERING = ("customer_kind", "customer_namespace", "record_kind")


class RowError(Exception):
    """Ends the reading of a row; carries why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


class Reading:
    """What holds for all rows of one file."""

    def __init__(
        self,
        mapping: Mapping,
        received_at: datetime,
        surveys: tuple[SurveyDefinition, ...] = (),
    ) -> None:
        self.mapping = mapping
        self.source = mapping.source
        self.received_at = received_at
        self.surveys = surveys
        self.decimal_mark = mapping.file.decimal
        self.minor_units = frozenset(mapping.file.minor_units)
        self.connector = connector_of(mapping.kind)
        self.constants = mapping.constants
        self.free_fields = tuple(
            field
            for field in (*mapping.columns, *mapping.constants)
            if not self.connector.knows(field) and field not in STEERING
        )
        self._zone = zone = ZoneInfo(mapping.file.time_zone)
        self._date_format = date_format = mapping.file.date_format
        self._twins: Counter[Hashable] = Counter()

        def moment(value: Any) -> datetime:
            return read_moment(value, zone, date_format)

        def money(value: Any) -> Decimal:
            return read_money(value, mapping.file.decimal)

        # Files repeat themselves: times of one order, prices, articles. Remembering what was read
        # halves the time of an import; `typed`, since 1, 1.0 and true are not written alike.
        self.moment: Callable[[Any], datetime] = lru_cache(maxsize=20_000, typed=True)(moment)
        self.money: Callable[[Any], Decimal] = lru_cache(maxsize=50_000, typed=True)(money)
        self.clean: Callable[[str], str] = lru_cache(maxsize=50_000)(clean_text)
        #: Values of each field in lower case → ours.
        self.words = {
            field: {theirs.strip().casefold(): ours for theirs, ours in words.items()}
            for field, words in mapping.values.items()
        }

    def local_day(self, value: Any) -> date:
        """The day that a cell names, in the zone of its file."""
        return read_moment(value, self._zone, self._date_format).astimezone(self._zone).date()

    def twin(self, content: Hashable) -> int:
        """How many rows with this content came before in this file."""
        self._twins[content] += 1
        return self._twins[content] - 1

    def cells(self, columns: AnyMapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Our fields → cells: trimmed, empty ones None, the silo's words replaced by ours.

        What a connector read by itself has our names already; a mapping may still name others.
        """
        names = self.mapping.columns
        if self.connector.records is not None:
            names = {
                field: column
                for field, column in {**dict(zip(columns, columns, strict=True)), **names}.items()
                if column in columns
            }
        return {field: self.cleaned(field, columns[column]) for field, column in names.items()}

    def cleaned(self, field: str, cells: Sequence[Any]) -> Sequence[Any]:
        """The cells of one field, as `cells` gives them."""
        trimmed = [(cell.strip() or None) if isinstance(cell, str) else cell for cell in cells]
        words = self.words.get(field)
        if words is None:
            return trimmed
        return [cell if cell is None else words.get(str(cell).casefold(), cell) for cell in trimmed]


class Row:
    """One row. Getters give None for an empty cell and raise `RowError` for an unreadable one."""

    __slots__ = ("_at", "_cells", "_index", "_raw", "reading", "unplaced")

    def __init__(
        self,
        cells: AnyMapping[str, Sequence[Any]],
        index: int,
        reading: Reading,
        raw: Callable[[int], bytes] = bytes,
        at: int = 0,
    ) -> None:
        self._cells = cells
        self._index = index
        self._raw, self._at = raw, at
        self.reading = reading
        #: What could not be placed and is kept among the properties.
        self.unplaced: dict[str, Any] = {}

    def cell(self, field: str) -> Any:
        """The cell as it is, or the constant where the file says nothing."""
        column = self._cells.get(field)
        value = None if column is None else column[self._index]
        return self.reading.constants.get(field) if value is None else value

    def part(self, **values: Any) -> Row:
        """A row of some values within this one, such as a message of its conversation."""
        return Row({field: (value,) for field, value in values.items()}, 0, self.reading)

    def raw(self) -> bytes:
        """The row's bytes in its file."""
        return self._raw(self._at)

    def text(self, field: str) -> str | None:
        """Clean text; whole numbers as spreadsheets mean them (``17850``, not ``17850.0``)."""
        value = self.cell(field)
        if isinstance(value, str):
            return self.reading.clean(value) or None
        if value is None or isinstance(value, dict | list):
            return None
        if isinstance(value, float):
            if value != value:  # noqa: PLR0124  # NaN: an empty cell
                return None
            if value.is_integer():
                return str(int(value))
        return str(value)

    def required(self, field: str) -> str:
        """As `text`, refused where it is empty."""
        text = self.text(field)
        if text is None:
            raise RowError("missing_field", f"`{field}` is empty")
        return text

    def moment(self, field: str) -> datetime | None:
        """The moment in UTC, refused where it cannot be true."""
        value = self.cell(field)
        if value is None or value == []:
            return None
        try:
            # Of several, such as the days of an order's refunds, the last.
            moment = (
                max(map(self.reading.moment, value))
                if isinstance(value, list)
                else self.reading.moment(value)
            )
        except (ValueError, TypeError) as error:
            raise RowError(
                "invalid_timestamp", f"`{field}` cannot be read; state `date_format` under [file]"
            ) from error
        if not in_range(moment, self.reading.received_at):
            raise RowError(
                "timestamp_out_of_range", f"`{field}` is before 1990 or more than a day ahead"
            )
        return moment

    def required_moment(self, field: str) -> datetime:
        """As `moment`, refused where it is empty."""
        moment = self.moment(field)
        if moment is None:
            raise RowError("missing_field", f"`{field}` is empty")
        return moment

    def money(self, field: str) -> Decimal | None:
        """An exact amount; of several, such as an order's refunds, their sum."""
        value = self.cell(field)
        if value is None or value != value or value == []:  # noqa: PLR0124  # NaN: an empty cell
            return None
        try:
            amount = (
                sum(map(self.reading.money, value), Decimal(0))
                if isinstance(value, list)
                else self.reading.money(value)
            )
            return self._in_whole_units(amount) if field in self.reading.minor_units else amount
        except (ValueError, TypeError) as error:
            raise RowError(
                "invalid_amount", f"`{field}` is not a number; is `decimal` right under [file]?"
            ) from error

    def _in_whole_units(self, amount: Decimal) -> Decimal:
        currency = self.currency()
        if currency is None:
            raise RowError(
                "unknown_currency", "without `currency` an amount in its smallest unit says nothing"
            )
        digits = self.reading.mapping.file.minor_digits.get(currency, minor_digits(currency))
        return amount.scaleb(-digits)

    def number(self, field: str) -> float | None:
        """A score or another plain number."""
        value = self.cell(field)
        if value is None:
            return None
        try:
            return float(read_decimal(value, self.reading.decimal_mark))
        except ValueError as error:
            raise RowError("wrong_type", f"`{field}` is not a number") from error

    def yes_no(self, field: str) -> bool | None:
        """True or False where the cell says so clearly."""
        value = self.cell(field)
        return None if value is None else read_yes_no(value)

    def currency(self) -> str | None:
        """The ISO 4217 code, refused where there is no such currency."""
        text = self.text("currency")
        if text is None:
            return None
        code = currency_code(text)
        if code is None:
            raise RowError("unknown_currency", "`currency` is not an ISO 4217 code")
        return code

    def country(self) -> str | None:
        """The ISO 3166-1 code. A name that is none stays a property: it costs no order."""
        text = self.text("country")
        if text is None:
            return None
        code = country_code(text)
        if code is None:
            self.unplaced["country"] = text
        return code

    def language(self) -> str | None:
        """The ISO 639-1 code of ``nl``, ``nl-BE``, ``nl_BE``."""
        text = self.text("language")
        if text is None:
            return None
        code = text[:2].lower()
        if len(code) == 2 and code.isalpha() and text[2:3] in ("", "-", "_"):
            return code
        self.unplaced["language"] = text
        return None

    def channel(self, default: str) -> str:
        """One of our channels; another word stays a property."""
        text = self.text("channel")
        if text is None:
            return default
        if text.lower() in CHANNELS:
            return text.lower()
        self.unplaced["channel"] = text
        return default

    def birthday(self) -> str | None:
        """An ISO date; one that cannot be read stays a property."""
        value = self.cell("birthday")
        if value is None:
            return None
        if isinstance(value, datetime | date):
            return value.isoformat()[:10]
        text = str(value)
        date_format = self.reading.mapping.file.date_format
        for attempt in (None, date_format, "%d/%m/%Y", "%d.%m.%Y", "%Y.%m.%d."):
            try:
                born = (
                    date.fromisoformat(text[:10])
                    if attempt is None
                    else datetime.strptime(text, attempt).date()  # noqa: DTZ007
                )
            except ValueError:
                continue
            if date(1900, 1, 1) <= born <= self.reading.received_at.date():
                return born.isoformat()
        self.unplaced["birthday"] = text
        return None

    def person_name(self) -> str | None:
        """The name, of one column or of two."""
        name = self.text("name")
        if name is not None:
            return name
        parts = (self.text("first_name"), self.text("last_name"))
        return " ".join(part for part in parts if part) or None

    def identifiers(self) -> tuple[Identifier, ...]:
        """All identifiers of the row, the strongest first; values as written, only trimmed."""
        reading = self.reading
        found = []
        for field in _IDENTIFYING:
            value = self.text(field)
            if value is None:
                continue
            kind = field
            if field == "customer_id":
                kind = reading.constants.get("customer_kind", "customer_number")
            scoped = kind_of(kind).scoped
            namespace = reading.constants.get("customer_namespace", reading.source)
            found.append(Identifier(kind=kind, value=value, namespace=namespace if scoped else ""))
        return tuple(found)

    def properties(self) -> dict[str, Any]:
        """Mapped fields without a meaning of their own, and what could not be placed."""
        kept = {
            field: value
            for field in self.reading.free_fields
            if (value := self.cell(field)) is not None
        }
        return {**kept, **self.unplaced}

    def touchpoint(
        self,
        touchpoint_id: str,
        *,
        type: str,
        channel: str,
        occurred_at: datetime,
        properties: AnyMapping[str, Any] | None = None,
        **parts: Any,
    ) -> Touchpoint:
        """A touchpoint with what every kind of file has in common."""
        given = parts.pop("identifiers", None)
        identifiers = self.identifiers() if given is None else given
        traits = parts.pop("traits", {})
        name = self.person_name()
        if name is not None and identifiers:
            traits = {"name": name, **traits}
        country = self.country()
        where = self.channel(channel)
        if country is not None and identifiers and where != "store":
            # A shop's country is where it stands; an address or a telephone is the person's.
            traits = {"country": country, **traits}
        return Touchpoint(
            touchpoint_id=touchpoint_id,
            source=self.reading.source,
            channel=where,
            type=type,
            occurred_at=occurred_at,
            received_at=self.reading.received_at,
            record=parts.pop("record", identifiers[0] if identifiers else None),
            identifiers=identifiers,
            traits=traits,
            country=country,
            place=self.text("place"),
            acquisition_channel=self.text("acquisition_channel"),
            campaign=self.text("campaign"),
            properties={
                **self.properties(),
                **{
                    field: value for field, value in (properties or {}).items() if value is not None
                },
            },
            **parts,
        )
