"""DSFinV-K: what every till in Germany must be able to export, as a zip archive of tables."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.currencies import currency_code
from rapport.collect.event_checks import Refusal
from rapport.collect.rows import PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.tables import BadRow
from rapport.collect.zipped import BROKEN, open_zip
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import ORDER_COMPLETED, ORDER_REFUNDED, Item, Touchpoint

_KEY = ("Z_KASSE_ID", "Z_NR", "BON_ID")
_NEEDED = ("transactions.csv", "lines.csv")
_READ = (*_NEEDED, "lines_vat.csv", "datapayment.csv", "location.csv", "cashregister.csv")
_LONGEST_CELL = 1_000_000
_CHUNK = 50_000
#: Positions that move money and sell nothing (DSFinV-K 2.4, annex C, GV_TYP).
_NO_SALES = frozenset(
    {"anfangsbestand", "geldtransit", "einzahlung", "auszahlung", "privateinlage",
     "privatentnahme", "lohnzahlung", "differenzsollist", "trinkgeldan"}
)  # fmt: skip
_HEADED = (
    *("BON_TYP", "BON_NAME", "BON_STORNO", "BON_NR", "BON_START", "BON_ENDE", "BEDIENER_ID"),
    *("UMS_BRUTTO", "KUNDE_NAME", "KUNDE_ID", "KUNDE_TYP", "KUNDE_STRASSE", "KUNDE_PLZ"),
    *("KUNDE_ORT", "KUNDE_LAND", "KUNDE_USTID", "BON_NOTIZ"),
)
_LINE = (
    *("POS_ZEILE", "GUTSCHEIN_NR", "ARTIKELTEXT", "GV_TYP", "P_STORNO", "ART_NR", "GTIN"),
    *("WARENGR", "MENGE", "STK_BR"),
)


class _Table(Struct, frozen=True):
    """The rows of one member by receipt, in Arrow columns; all cells are text."""

    header: tuple[str, ...]
    rows: pa.Table
    places: dict[tuple[str, ...], tuple[int, int]]  # key → where its rows stand, sorted
    broken: dict[tuple[str, ...], str]  # receipts of which a row cannot be read → why

    def of(self, key: tuple[str, ...]) -> list[dict[str, str]]:
        first, count = self.places.get(key, (0, 0))
        return self.rows.slice(first, count).to_pylist() if count else []


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The receipts of an export.

    Raises
    ------
    InvalidMapping
        If it is no such archive, or one that would unpack to more than any till writes.
    """
    archive, members = open_zip(seekable(file.content), _READ)
    missing = [name for name in _NEEDED if name not in members]
    if missing:
        raise InvalidMapping(f"The archive lacks {', '.join(missing)}; is it a DSFinV-K export?")
    encoding = file.written.encoding
    try:
        lines = _table(archive, members, "lines.csv", encoding)
        taxed = _table(archive, members, "lines_vat.csv", encoding)
        paid = _table(archive, members, "datapayment.csv", encoding)
        shops = _by_closing(archive, members, "location.csv", encoding)
        tills = _by_closing(archive, members, "cashregister.csv", encoding)
        number = 1
        for number, header, cells, own in _rows(archive, members["transactions.csv"], encoding):
            row = dict(zip(header, cells, strict=False))
            key = tuple(row.get(name, "") for name in _KEY)
            parts = {
                "lines.csv": lines.of(key),
                "lines_vat.csv": taxed.of(key),
                "datapayment.csv": paid.of(key),
            }
            shop, till = shops.get(key[:2], {}), tills.get(key[:2], {})
            whole = _Whole(row, parts, {"location.csv": shop, "cashregister.csv": till})
            problem = own or lines.broken.get(key) or taxed.broken.get(key)
            if problem is not None:
                reason = "invalid_encoding" if problem is _UNDECODABLE else "wrong_type"
                yield BadRow(number, whole.packed(), Refusal(reason, problem))
            else:
                yield Record(number, _fields(row, parts, shop, till), whole.packed)
            lines.places.pop(key, None)
        for key in list(lines.places):
            whole = _Whole(dict(zip(_KEY, key, strict=True)), {"lines.csv": lines.of(key)}, {})
            detail = "transactions.csv has no receipt for these lines; export it again"
            yield BadRow(number, whole.packed(), Refusal("missing_field", detail))
    except (*BROKEN, csv.Error) as error:
        raise InvalidMapping("The archive is damaged; export it again") from error


class _Whole:
    """One receipt, as an export of its own."""

    def __init__(
        self,
        row: dict[str, str],
        parts: dict[str, list[dict[str, str]]],
        masters: dict[str, dict[str, str]],
    ) -> None:
        self._tables = {
            "transactions.csv": [row],
            **parts,
            **{name: [said] for name, said in masters.items() if said},
        }

    def packed(self) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, rows in self._tables.items():
                text = io.StringIO()
                if rows or name in _NEEDED:
                    header = list(rows[0]) if rows else list(_KEY)
                    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
                    writer.writerow(header)
                    writer.writerows([row.get(column, "") for column in header] for row in rows)
                    said = text.getvalue().encode("utf-8", "surrogateescape")
                    # The same receipt is the same bytes, whenever it is packed.
                    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), said)
        return packed.getvalue()


_UNDECODABLE = "bytes that are not of the stated encoding; state it under [file]"


def _rows(
    archive: zipfile.ZipFile, member: str, encoding: str
) -> Iterator[tuple[int, list[str], list[str], str | None]]:
    """Line, header, cells and what is wrong with them, of each row of a member."""
    csv.field_size_limit(_LONGEST_CELL)
    if encoding.casefold() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    with archive.open(member) as packed:
        text = io.TextIOWrapper(packed, encoding, "surrogateescape", newline="")
        first = text.readline(_LONGEST_CELL)
        header = [
            name.strip().strip('"').upper().encode("utf-8", "replace").decode()
            for name in next(csv.reader([first], delimiter=_delimiter(first)), [])
        ]
        if not set(_KEY) <= set(header) or len(set(header)) < len(header):
            raise InvalidMapping(
                f"{member} has no columns {', '.join(_KEY)}, or one twice; is it a DSFinV-K export?"
            )
        reader = csv.reader(_bounded(text), delimiter=_delimiter(first))
        for cells in reader:
            if not any(cells):
                continue
            problem = None
            if len(cells) != len(header):
                problem = (
                    f"a row of {member} has {len(cells)} cells and its header {len(header)} columns"
                )
            elif any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
                problem = _UNDECODABLE
            yield reader.line_num + 1, header, cells, problem


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST_CELL):
        yield line


def _delimiter(header: str) -> str:
    return max(";,\t", key=header.count)


def _table(archive: zipfile.ZipFile, members: dict[str, str], name: str, encoding: str) -> _Table:
    broken: dict[tuple[str, ...], str] = {}
    header: list[str] = []
    parts: list[pa.Table] = []
    waiting: list[list[str]] = []

    def pack() -> None:
        if waiting:
            columns = list(zip(*waiting, strict=True))
            parts.append(pa.table([pa.array(c, pa.string()) for c in columns], names=header))
            waiting.clear()

    if name in members:
        for _, header, cells, problem in _rows(archive, members[name], encoding):
            if problem is not None:
                row = dict(zip(header, cells, strict=False))
                broken[tuple(row.get(part, "") for part in _KEY)] = problem
                continue
            waiting.append(cells)
            if len(waiting) >= _CHUNK:
                pack()
    pack()
    if not parts:
        return _Table(tuple(header), pa.table({}), {}, broken)
    table = pa.concat_tables(parts).combine_chunks()
    # Stable: lines of a receipt stay in their order.
    order = np.lexsort([_codes(table.column(part)) for part in reversed(_KEY)])
    table = table.take(pa.array(order))
    places: dict[tuple[str, ...], tuple[int, int]] = {}
    keys = zip(*(table.column(part).to_pylist() for part in _KEY), strict=True)
    for place, key in enumerate(keys):
        first, count = places.get(key, (place, 0))
        places[key] = (first, count + 1)
    return _Table(tuple(header), table, places, broken)


def _codes(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int32]]:
    """A number for each different value of a column."""
    codes: np.ndarray[Any, np.dtype[np.int32]] = np.asarray(
        pa.concat_arrays(column.chunks).dictionary_encode().indices
    )
    return codes


def _by_closing(
    archive: zipfile.ZipFile, members: dict[str, str], name: str, encoding: str
) -> dict[tuple[str, ...], dict[str, str]]:
    """Facts of the shop or the till, by till and closing; they have no receipt."""
    if name not in members:
        return {}
    found: dict[tuple[str, ...], dict[str, str]] = {}
    with archive.open(members[name]) as packed:
        text = io.TextIOWrapper(packed, "utf-8-sig" if encoding == "utf-8" else encoding, "replace")
        first = text.readline(_LONGEST_CELL)
        names = [c.strip().upper() for c in next(csv.reader([first], delimiter=_delimiter(first)))]
        for cells in csv.reader(_bounded(text), delimiter=_delimiter(first)):
            row = dict(zip(names, cells, strict=False))
            found[(row.get("Z_KASSE_ID", ""), row.get("Z_NR", ""))] = row
            if len(found) > _CHUNK:
                raise InvalidMapping(f"{name} has more than {_CHUNK} rows; is it an export?")
    return found


def _fields(
    row: dict[str, str],
    parts: dict[str, list[dict[str, str]]],
    shop: dict[str, str],
    till: dict[str, str],
) -> dict[str, object]:
    gross: dict[str, Decimal] = defaultdict(Decimal)
    unreadable = False
    for taxed in parts["lines_vat.csv"]:
        amount = _number(taxed.get("POS_BRUTTO"))
        unreadable |= amount is None
        gross[taxed.get("POS_ZEILE", "")] += amount or 0
    return {
        **{field.lower(): row.get(field) or None for field in _HEADED},
        "receipt": [row.get(name, "") for name in _KEY],
        "lines": [
            {
                **{field.lower(): line.get(field) or None for field in _LINE},
                "gross": gross.get(line.get("POS_ZEILE", "")),
            }
            for line in parts["lines.csv"]
        ],
        "payments": list(
            dict.fromkeys(
                paid.get("ZAHLART_NAME") or paid.get("ZAHLART_TYP") or ""
                for paid in parts["datapayment.csv"]
            )
        ),
        "unreadable": unreadable,
        "place": shop.get("LOC_NAME") or None,
        "place_city": shop.get("LOC_ORT") or None,
        "country": shop.get("LOC_LAND") or None,
        "currency": till.get("KASSE_BASISWAEH_CODE") or "EUR",
    }


def _number(text: str | None) -> Decimal | None:
    """``1234,50``: the tables have a decimal comma and group no thousands."""
    if not text or len(text) > 40:
        return None
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def read_receipt(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one receipt.

    Raises
    ------
    RowError
        If it sells nothing (cash put into the till, training, an aborted receipt), or cannot be
        read.
    """
    (row,) = rows
    till, closing, receipt = row.cell("receipt")
    if not receipt:
        raise RowError("missing_field", "`BON_ID` is empty")
    kind = row.text("bon_typ") or "Beleg"
    if kind != "Beleg":
        raise RowError("not_an_order", f"a receipt of type {kind[:20]} is no sale")
    listed: list[dict[str, Any]] = row.cell("lines") or []
    sold = [line for line in listed if (line["gv_typ"] or "").casefold() not in _NO_SALES]
    if not sold:
        raise RowError("not_an_order", "the receipt sells nothing: money into or out of the till")
    occurred_at = row.moment("bon_ende") or row.required_moment("bon_start")
    amount = _number(row.text("ums_brutto"))
    if amount is None or row.cell("unreadable"):
        raise RowError("invalid_amount", "`UMS_BRUTTO` or a `POS_BRUTTO` is not a number")
    items = tuple(_item(line) for line in sold)
    cancels = row.text("bon_storno") == "1"
    if cancels:
        amount = -abs(amount)
    currency = currency_code(row.text("currency") or "")
    traits = {
        ours: text
        for ours, theirs in (
            ("street", "kunde_strasse"),
            ("postal_code", "kunde_plz"),
            ("city", "kunde_ort"),
        )
        if (text := row.text(theirs)) is not None
    }
    buyer = Row(
        {
            "customer_id": [row.cell("kunde_id")],
            "business_id": [row.cell("kunde_ustid")],
            "name": [row.cell("kunde_name")],
        },
        0,
        row.reading,
    )
    identifiers = buyer.identifiers()
    name = buyer.text("name")
    yield row.touchpoint(
        f"dsfinvk:{till}:{closing}:{receipt}",
        type=ORDER_REFUNDED if amount < 0 or cancels else ORDER_COMPLETED,
        channel="store",
        occurred_at=occurred_at,
        order_id=f"{till}-{closing}-{row.text('bon_nr') or receipt}",
        amount=amount,
        currency=currency,
        items=items,
        identifiers=identifiers,
        traits={**({} if name is None else {"name": name}), **traits} if identifiers else {},
        properties={
            "till": till,
            "payment": ", ".join(p for p in row.cell("payments") or () if p) or None,
            "customer_type": row.text("kunde_typ"),
            "staff": row.text("bediener_id"),
            "cancels": True if cancels else None,
            "vouchers": [line["gutschein_nr"] for line in sold if line["gutschein_nr"]] or None,
            "place_city": row.text("place_city"),
        },
    )


def _item(line: dict[str, Any]) -> Item:
    quantity, price = _number(line["menge"] or "1"), _number(line["stk_br"])
    if quantity is None or (line["stk_br"] and price is None):
        raise RowError("invalid_amount", "`MENGE` or `STK_BR` of a line is not a number")
    amount = line["gross"]
    if amount is None and price is not None:
        amount = price * quantity
    name = line["artikeltext"]
    return Item(
        sku=line["art_nr"] or line["gtin"] or name or line["gv_typ"] or "unknown",
        name=name,
        category=line["warengr"],
        quantity=quantity,
        unit_price=None if price is None else price.quantize(Decimal("0.0001")),
        amount=None if amount is None else amount.quantize(Decimal("0.0001")),
    )


def recognises(head: bytes, name: str) -> bool:
    """By the names of the tables within an archive, which stand in its beginning."""
    if head[:4] != b"PK\x03\x04" or not name.endswith(".zip"):
        return False
    return any(
        mark in head for mark in (b"transactions.csv", b"lines_vat.csv", b"cashpointclosing")
    )


CONNECTOR = Connector(
    kind="dsfinvk",
    label="German tills (DSFinV-K, a zip archive)",
    required=("receipt", "ums_brutto"),
    optional=(
        *(field.lower() for field in _HEADED if field != "UMS_BRUTTO"),
        *("lines", "payments", "unreadable", "place_city", "currency", "customer_id"),
        *("business_id", "name"),
        *PLACE_FIELDS,
    ),
    read=read_receipt,
    records=read_records,
    recognises=recognises,
    suffixes=(".zip",),
)
