"""A first mapping for a file nobody has described yet, with how sure it is and what to ask."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from rapport.collect.cell_values import read_decimal, read_moment
from rapport.collect.column_names import NAMES, plain_name
from rapport.collect.connector import Connector
from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.connectors.orders import LINE_FIELDS
from rapport.collect.countries import country_code
from rapport.collect.currencies import currency_code
from rapport.collect.headings import DATE_LIKE, EMAIL, PHONE, is_value
from rapport.collect.mapping import WHITESPACE, FileFormat, FileKind, Mapping
from rapport.collect.records import RECOGNISED_BY, file_chunks, first_cells
from rapport.collect.source_names import LONGEST
from rapport.collect.tables import CR_ONLY, DAMAGED, EXCEL_SEPARATOR, open_file, read_chunks
from rapport.collect.xml_records import DECLARES_ENTITIES
from rapport.errors import InvalidMapping

_SAMPLE_BYTES = 1_000_000
_SAMPLE_ROWS = 500
_DELIMITERS = (",", ";", "\t", "|")
_DATE_FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y.%m.%d", "%Y.%m.%d.", "%d/%m/%y",
    "%m/%d/%y", "%Y/%m/%d",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S")
#: Hungarian ő and ű in cp1250; in cp1252 the same bytes are õ and û, which no silo of ours writes.
_CP1250_BYTES = re.compile(rb"[\xf5\xfb\xd5\xdb]")
_DECIMAL = re.compile(r"[-−]?[\d ., ]*\d[.,]\d{1,2}")
_NUMBER_FIELDS = (
    *("amount", "line_amount", "unit_price", "quantity", "score", "rate"),
    *("price", "shipping", "list_price", "probability", "criterion_score"),
)
_MOMENT_FIELDS = (
    "occurred_at",
    "opened_at",
    "ended_at",
    "created_at",
    "updated_at",
    "day",
    "seen_at",
    "visited_at",
    "until",
    "posted_at",
    "closes_at",
    "saved_at",
)


#: What entries of a list of order lines call things, beside the names of columns.
_ITEM_NAMES = {
    "sku": ("id", "product", "code"),
    "item_name": ("title", "name"),
    "line_amount": ("total", "amount"),
}


class Guess(Struct, frozen=True, kw_only=True):
    """A mapping to start from.

    `confidence` is the share (0-1) of what the mapping needs that names or values show plainly;
    `questions` are for the person who knows the silo, in the order of their weight; the first of
    them, one each, ask for the columns of the fields that are `missing`. Where it is not
    `recognised`, its kind is no more than the least unlikely one.
    """

    mapping: Mapping
    confidence: float
    questions: tuple[str, ...]
    missing: tuple[str, ...] = ()
    recognised: bool = True


def guess_mapping(path: Path, *, kind: str | None = None) -> Guess:
    """The likeliest mapping of a file, from its columns' names and values.

    Parameters
    ----------
    path : Path
        CSV, JSON, JSON lines or Parquet; ".gz" allowed.
    kind : str, optional
        Of the file, where somebody knows it; else it is guessed too.

    Raises
    ------
    InvalidMapping
        If there is no such kind, or the file is empty or cannot be read at all.
    """
    own = _own_reader(path) if kind is None else connector_of(kind)
    if own is not None and own.records is not None:
        return _guess_own(path, own)
    questions: list[str] = []
    written = _guess_format(path, questions)
    columns = first_cells(path, lambda file: read_chunks(file, written, _SAMPLE_ROWS))
    if not columns:
        raise InvalidMapping(f"{path.name} holds no rows")
    if kind is None:
        connector, fields = _guess_kind(columns, written, path.name)
    else:
        connector = connector_of(kind)
        fields = _fields_of(connector, columns)
    fields = _line_amount_told_apart(fields, columns)
    fields = {**connector.more_fields(columns, fields), **fields}
    columns = {name: [c for c in cells if c not in (None, "")] for name, cells in columns.items()}
    written = _guess_writing(written, columns, fields, questions)
    mapping = Mapping(
        source=source_name_of(path),
        label=path.name.partition(".")[0],
        kind=connector.kind,
        file=written,
        columns=fields,
        constants=_guess_constants(connector, columns, fields, questions),
        items=_guess_items(columns, fields),
    )
    needed = list(connector.required)
    if connector.kind == "orders":
        needed += ["order_id", "amount"]
    found = sum(_has(fields, name) for name in needed)
    missing = tuple(name for name in needed if not _has(fields, name))
    for name in missing:
        questions.insert(0, f"Which column is `{name}`? The file has: {', '.join(columns)}")
    questions += [f"{problem}" for problem in connector.mapping_mistakes(mapping) if not questions]
    share = found / len(needed) if needed else 1.0
    named = len(fields) / max(len(columns), 1)
    confidence = round(share * (0.6 + 0.4 * min(named * 1.5, 1.0)) * 0.9 ** len(questions), 2)
    return Guess(
        mapping=mapping,
        confidence=confidence,
        questions=tuple(questions),
        missing=missing,
        recognised=kind is not None or _is_recognised(connector, fields, share),
    )


def _is_recognised(connector: Connector, fields: dict[str, str], share: float) -> bool:
    """Whether the columns show what a table is: one that has an `id` alone may be of anything."""
    if connector.kind == "contacts" and {"email", "phone"} & set(fields):
        return True  # an address list, whichever column tells its persons apart
    return share > 0.5 and len(fields) > 1


def _own_reader(path: Path) -> Connector | None:
    """The connector that knows such a file by its beginning; None: it is a table."""
    head = _head(path, RECOGNISED_BY)
    name = path.name.removesuffix(".gz").lower()
    for kind in KINDS:
        connector = connector_of(kind)
        if connector.recognises(head, name):
            return connector
    return None


def _guess_own(path: Path, connector: Connector) -> Guess:
    """The mapping of a file whose connector knows its fields, with what it must be told besides."""
    mapping = Mapping(
        source=source_name_of(path), label=path.name.partition(".")[0], kind=connector.kind
    )
    questions = tuple(connector.mapping_mistakes(mapping))
    if not questions and not first_cells(
        path, lambda file: file_chunks(file, path.name, mapping, 20)
    ):
        raise InvalidMapping(f"{path.name} holds no record of kind {connector.kind}")
    return Guess(mapping=mapping, confidence=0.5 if questions else 1.0, questions=questions)


def _has(fields: dict[str, str], name: str) -> bool:
    if name == "amount":
        return bool({"amount", "line_amount", "unit_price"} & set(fields))
    return name in fields


def source_name_of(path: Path) -> str:
    """A source's name from a file's or folder's: without dates and numbers."""
    stem = path.name.partition(".")[0]
    words = [w for w in re.split(r"[^a-z0-9]+", stem.lower()) if w and not w.isdecimal()]
    return "_".join(words)[:LONGEST].strip("_") or "file"


# ── how it is written ──────────────────────────────────────────────────────────────────────────


def _guess_format(path: Path, questions: list[str]) -> FileFormat:
    head = _head(path, _SAMPLE_BYTES)
    if not head.strip():
        raise InvalidMapping(f"{path.name} is empty")
    if head[:4] == b"PAR1":
        return FileFormat(format="parquet")
    if path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        return FileFormat(format="jsonl")  # whatever its first line is: one bad line is one row
    if (kind := _json_kind(head)) is not None:
        return FileFormat(format=kind)
    encoding = _guess_encoding(head, questions)
    if encoding != "utf-16" and b"\r" in head.strip() and b"\n" not in head:
        raise InvalidMapping(f"{path.name}: {CR_ONLY}")
    text = head.decode(encoding, "replace")
    if text.lstrip("\ufeff \t\r\n").startswith(("<?xml", "<!DOCTYPE", "<!doctype", "<html")):
        if "<!ENTITY" in text:
            raise InvalidMapping(f"{path.name}: {DECLARES_ENTITIES}")
        raise InvalidMapping(
            f"{path.name} is XML or HTML of no kind that is known by its beginning; say what is in "
            "it, or export it as CSV"
        )
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    if len(head) == _SAMPLE_BYTES:
        lines = lines[:-1]
    if not lines:
        raise InvalidMapping(f"{path.name}: its first line does not end; is it a table of text?")
    if lines[0].lower().startswith(EXCEL_SEPARATOR) and len(lines) > 1:
        delimiter = lines.pop(0)[len(EXCEL_SEPARATOR) :][:1] or ","
    else:
        delimiter = _guess_delimiter(lines)
    first = lines[0].split() if delimiter == WHITESPACE else _cells(lines[0], delimiter)
    names: tuple[str, ...] = ()
    if all(is_value(cell) for cell in first if cell.strip()):
        names = tuple(f"column_{number}" for number in range(1, len(first) + 1))
        questions.append(
            "The file has no header line; what do its columns mean? State `column_names`"
        )
    return FileFormat(format="csv", encoding=encoding, delimiter=delimiter, column_names=names)


def _head(path: Path, size: int) -> bytes:
    with open_file(path) as file:
        try:
            return file.read(size)
        except DAMAGED as error:
            raise InvalidMapping(
                f"{path.name} is damaged or no gzip file; copy it again from its silo"
            ) from error


def _json_kind(head: bytes) -> FileKind | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"[":
        return "json"
    if text[:1] != b"{":
        return None
    # A bad line among JSON lines is refused alone. In a document over several lines hardly any is
    # an object by itself: commas and brackets stand around it.
    lines = [line for line in text.split(b"\n")[:200] if line.strip()]
    whole = sum(_is_object(line) for line in lines)
    return "jsonl" if _is_object(lines[0]) or 2 * whole >= len(lines) else "json"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _guess_encoding(head: bytes, questions: list[str]) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if head.startswith(mark):
            return encoding
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else only the sample's last letter was cut
            encoding = "cp1250" if _CP1250_BYTES.search(head) else "cp1252"
            questions.append(f"Is the `encoding` {encoding}? Look at letters with accents")
            return encoding
    return "utf-8"


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
    except csv.Error:  # a cell that is longer than the reader takes
        return line.split(delimiter)


def _guess_delimiter(lines: Sequence[str]) -> str:
    """The one that cuts all lines into the same number of cells, and into the most."""
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        counts = Counter(len(_cells(line, delimiter)) for line in lines)
        cells, times = counts.most_common(1)[0]
        if cells > most and times >= 0.8 * len(lines):
            best, most = delimiter, cells
    if most == 1 and len({len(line.split()) for line in lines}) == 1 and len(lines[0].split()) > 1:
        return WHITESPACE
    return best


def _guess_writing(
    written: FileFormat,
    columns: dict[str, list[Any]],
    fields: dict[str, str],
    questions: list[str],
) -> FileFormat:
    amounts = [
        str(cell)
        for field in _NUMBER_FIELDS
        if field in fields
        for cell in columns[fields[field]]
        if isinstance(cell, str)
    ] or [cell for cells in columns.values() for cell in cells if _is_decimal(cell)]
    decimal = "," if _decimal_comma(amounts) else "."
    moments = [
        cell.strip()
        for field in _MOMENT_FIELDS
        if field in fields
        for cell in columns[fields[field]]
        if isinstance(cell, str)
    ]
    date_format = _guess_date_format(moments, questions)
    return msgspec.structs.replace(written, decimal=decimal, date_format=date_format)


def _is_decimal(cell: Any) -> bool:
    return isinstance(cell, str) and bool(_DECIMAL.fullmatch(cell.strip()))


def _decimal_comma(amounts: Sequence[str]) -> bool:
    commas = sum(bool(re.search(r"\d,\d{1,2}\D*$", a)) for a in amounts)
    points = sum(bool(re.search(r"\d\.\d{1,2}\D*$", a)) for a in amounts)
    return commas > points


def _guess_date_format(moments: Sequence[str], questions: list[str]) -> str | None:
    if not moments or _share(moments, lambda m: _reads(lambda: read_moment(m))) > 0.8:
        return None
    shares = {
        day + time: _share_in_format(moments, day + time)
        for day in _DATE_FORMATS
        for time in _TIMES
    }
    # Dirty rows fit no format; the one that most cells fit is the file's.
    best = max(shares.values())
    fitting = [f for f, share in shares.items() if share == best >= 0.5]
    if not fitting:
        questions.append("How are dates written? State `date_format`, such as %d/%m/%Y %H:%M")
        return None
    if any(f.startswith("%d/%m") for f in fitting) and any(f.startswith("%m/%d") for f in fitting):
        questions.append("Is 03/04 the third of April? If it is March, use %m/%d in `date_format`")
    return fitting[0]


def _share_in_format(moments: Sequence[str], date_format: str) -> float:
    return _share(moments, lambda m: _reads(lambda: read_moment(m, UTC, date_format)))


def _reads(read: Callable[[], object]) -> bool:
    try:
        read()
    except ValueError:
        return False
    return True


def _share(values: Sequence[Any], test: Callable[[Any], bool]) -> float:
    return sum(map(test, values)) / len(values) if values else 0.0


# ── what it means ──────────────────────────────────────────────────────────────────────────────


def _guess_kind(
    columns: dict[str, list[Any]], written: FileFormat, file_name: str
) -> tuple[Connector, dict[str, str]]:
    """The kind whose needed fields the columns name best, and the columns of its fields."""
    if (
        written.format in ("json", "jsonl")
        and {"type", "messageId"} & set(columns)
        and ({"userId", "anonymousId"} & set(columns))
    ):
        return connector_of("segment"), {}
    best: tuple[int, Connector, dict[str, str]] | None = None
    # Most files with dates and numbers are orders, so these win where columns leave it open.
    for kind in sorted(KINDS, key=lambda kind: kind != "orders"):
        connector = connector_of(kind)
        if kind in ("segment", _ANY) or connector.records is not None:
            continue
        fields = _fields_of(connector, columns)
        against = {plain_name(n) for field in connector.not_with for n in (field, *NAMES[field])}
        needed = [*connector.required, *(("order_id",) if kind == "orders" else ())]
        met = sum(_has(fields, name) for name in needed) + (
            2 * _has(fields, "amount") if kind == "orders" else 0
        )
        # A file that lacks what a kind needs is hardly of that kind, however much else fits.
        score = 3 * met + len(fields) - 4 * (len(needed) - min(met, len(needed)))
        score -= 6 * any(plain_name(column) in against for column in columns)
        score += 2 * any(word in file_name.lower() for word in connector.file_words)
        if best is None or score > best[0]:
            best = (score, connector, fields)
    if best is None:
        raise InvalidMapping("No kind of file is known")
    needed = [*best[1].required, *(("order_id", "amount") if best[1].kind == "orders" else ())]
    if not all(_has(best[2], name) for name in needed):
        # Nothing that we know; if it says what happened and when, that is enough to keep it.
        fields = _fields_of(connector_of(_ANY), columns)
        if all(_has(fields, name) for name in connector_of(_ANY).required):
            return connector_of(_ANY), fields
    return best[1], best[2]


#: The kind for tables of which only what happened and when is known.
_ANY = "events"


def _line_amount_told_apart(
    fields: dict[str, str], columns: dict[str, list[Any]]
) -> dict[str, str]:
    """`amount` is the order's total; a column that differs between an order's rows is not."""
    if "amount" not in fields or "order_id" not in fields or "line_amount" in fields:
        return fields
    totals: dict[Any, set[str]] = {}
    for order, amount in zip(columns[fields["order_id"]], columns[fields["amount"]], strict=True):
        totals.setdefault(order, set()).add(str(amount))
    if any(len(amounts) > 1 for amounts in totals.values()):
        return {"line_amount" if f == "amount" else f: c for f, c in fields.items()}
    return fields


def _guess_items(columns: dict[str, list[Any]], fields: dict[str, str]) -> dict[str, str]:
    """The fields of nested order lines, from the first list that has any."""
    lists = (c for c in columns.get(fields.get("items", ""), []) if isinstance(c, list) and c)
    entry = next(lists, None)
    if entry is None or not isinstance(entry[0], dict):
        return {}
    names = {plain_name(key): key for key in entry[0]}
    found: dict[str, str] = {}
    for field in LINE_FIELDS:
        meant = (field, *NAMES[field], *_ITEM_NAMES.get(field, ()))
        match = next((names[p] for p in map(plain_name, meant) if p in names), None)
        if match is not None and match not in found.values():
            found[field] = match
    return found


def _fields_of(connector: Connector, columns: dict[str, list[Any]]) -> dict[str, str]:
    """Our fields → columns: by name where a name says it, else by what the values are."""
    fields: dict[str, str] = {}
    taken: set[str] = set()
    known = (*connector.required, *connector.optional)
    # Names of the kind itself first: `date` is when a receipt was made, `id` a ticket's number.
    for names in (connector.synonyms, {f: (f, *NAMES.get(f, ())) for f in known}):
        for field in known:
            if field in fields:
                continue
            meant = {plain_name(name) for name in names.get(field, ())}
            for column in columns:
                if column not in taken and plain_name(column) in meant:
                    fields[field] = column
                    taken.add(column)
                    break
    for field, looks in _LOOKS.items():
        if field in known and field not in fields:
            for column, cells in columns.items():
                said = [cell for cell in cells if cell not in (None, "")]
                if column not in taken and len(said) > 1 and _share(said, looks) > 0.8:
                    fields[field] = column
                    taken.add(column)
                    break
    return fields


def _looks_like_email(cell: Any) -> bool:
    return isinstance(cell, str) and bool(EMAIL.fullmatch(cell.strip()))


def _looks_like_phone(cell: Any) -> bool:
    return (
        isinstance(cell, str)
        and bool(PHONE.fullmatch(cell.strip()))
        and not DATE_LIKE.fullmatch(cell.strip()[:10])
        and 8 <= sum(c.isdigit() for c in cell) <= 15
        and (cell.strip().startswith(("+", "0")))
    )


def _looks_like_currency(cell: Any) -> bool:
    return isinstance(cell, str) and len(cell.strip()) == 3 and currency_code(cell) is not None


def _looks_like_country(cell: Any) -> bool:
    return isinstance(cell, str) and len(cell.strip()) > 3 and country_code(cell) is not None


def _looks_like_moment(cell: Any) -> bool:
    if isinstance(cell, datetime):
        return True
    return isinstance(cell, str) and bool(DATE_LIKE.match(cell.strip()))


_LOOKS: dict[str, Callable[[Any], bool]] = {
    "email": _looks_like_email,
    "phone": _looks_like_phone,
    "currency": _looks_like_currency,
    "country": _looks_like_country,
    "occurred_at": _looks_like_moment,
}


def _guess_constants(
    connector: Connector,
    columns: dict[str, list[Any]],
    fields: dict[str, str],
    questions: list[str],
) -> dict[str, str]:
    constants: dict[str, str] = {}
    if connector.kind == "orders" and "currency" not in fields:
        questions.append("In which currency are the amounts? State `currency` under [constants]")
    if connector.kind == "contacts":
        card = plain_name(fields.get("record_id", ""))
        constants["record_kind"] = "loyalty_card" if "card" in card else "crm_contact"
    if connector.kind == "surveys" and "question" not in fields:
        scored = plain_name(fields.get("score", ""))
        known = next((q for q in ("nps", "csat", "ces") if q in scored), None)
        if known is None:
            highest = _highest(columns.get(fields.get("score", ""), []))
            known = "nps" if highest is not None and highest > 7 else "csat"
            questions.append(f"Which `question` was asked: nps, csat or ces? Taken for {known}")
        constants["question"] = known
    return constants


def _highest(cells: Sequence[Any]) -> float | None:
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(read_decimal(cell)))
        except ValueError:
            continue
    return max(numbers, default=None)
