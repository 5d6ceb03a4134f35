"""EPCIS 1.2 and 2.0, in XML and JSON: goods that were sent, arrived, came back or were sold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

import msgspec
from msgspec import Raw

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.event_checks import Refusal
from rapport.collect.gs1_keys import gln, gtin
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.collect.xml_records import XmlRecord, local_name, records_of_xml, root_name
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import (
    GOODS_MOVED,
    SHIPMENT_DELIVERED,
    SHIPMENT_SENT,
    Item,
    Touchpoint,
)

_EVENTS = frozenset(
    {"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent",
     "AssociationEvent", "QuantityEvent"}
)  # fmt: skip
_ROOTS = frozenset({"EPCISDocument", "EPCISQueryDocument"})
_LARGEST_JSON = 256_000_000
_TYPES = {
    "shipping": SHIPMENT_SENT,
    "departing": SHIPMENT_SENT,
    "receiving": SHIPMENT_DELIVERED,
    "arriving": SHIPMENT_DELIVERED,
    "accepting": SHIPMENT_DELIVERED,
}
#: Steps that happen in shops.
_IN_STORES = frozenset({"retail_selling", "stocking", "returning"})
#: Business transactions that name an order, the likeliest first.
_ORDERS = ("po", "so", "inv", "desadv", "rma")


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The events of a document.

    Raises
    ------
    InvalidMapping
        If it is no EPCIS document.
    """
    head = file.content.read(1)
    while head in (b" ", b"\n", b"\r", b"\t", b"\xef", b"\xbb", b"\xbf") and head:
        head = file.content.read(1)
    if head in (b"{", b"["):
        yield from _json_events(head, file.content)
    else:
        content = _Continued(head, file.content)
        yield from records_of_xml(
            content,  # type: ignore[arg-type]
            records=_EVENTS,
            roots=_ROOTS,
            fields=_xml_fields,
        )


class _Continued:
    """A file of which the first byte was looked at; it may not be seekable."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int) -> bytes:
        piece, self._first = self._first, b""
        return piece or self._rest.read(size)


# ── JSON ───────────────────────────────────────────────────────────────────────────────────────


def _json_events(first: bytes, content: BinaryIO) -> Iterator[Record | BadRow]:
    body = first + content.read(_LARGEST_JSON)
    if len(body) > _LARGEST_JSON:
        raise InvalidMapping(f"The document is larger than {_LARGEST_JSON} bytes; cut it in parts")
    try:
        document = msgspec.json.decode(body, type=dict[str, Raw])
        kind = msgspec.json.decode(document.get("type", Raw(b'""')))
        if kind in _EVENTS:  # an event by itself, as the capture interface takes it
            events = [Raw(body)]
        else:
            inner = msgspec.json.decode(document.get("epcisBody", Raw(b"{}")), type=dict[str, Raw])
            if "queryResults" in inner:
                inner = msgspec.json.decode(inner["queryResults"], type=dict[str, Raw])
                inner = msgspec.json.decode(
                    inner.get("resultsBody", Raw(b"{}")), type=dict[str, Raw]
                )
            events = msgspec.json.decode(inner["eventList"], type=list[Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise InvalidMapping(
            "The file is no EPCIS document in JSON: epcisBody.eventList must be a list of events"
        ) from error
    for number, event in enumerate(events, 1):
        raw = bytes(event)
        whole = (
            b'{"type":"EPCISDocument","schemaVersion":"2.0","epcisBody":{"eventList":[%b]}}' % raw
        )
        try:
            fields = _json_fields(msgspec.json.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield BadRow(number, whole, Refusal("malformed_json", "the event is not valid JSON"))
        except (TypeError, AttributeError, ValueError):
            detail = "a part of the event is of another type than EPCIS 2.0 says"
            yield BadRow(number, whole, Refusal("wrong_type", detail))
        else:
            yield Record(number, fields, lambda whole=whole: whole)  # type: ignore[misc]


def _json_fields(event: dict[str, Any]) -> dict[str, object]:
    quantities = [
        (str(each.get("epcClass", "")), each.get("quantity"))
        for name in ("quantityList", "childQuantityList", "outputQuantityList")
        for each in event.get(name) or ()
    ]
    epcs = [
        str(each)
        for name in ("epcList", "childEPCs", "outputEPCList")
        for each in event.get(name) or ()
    ]
    return {
        "event_id": event.get("eventID"),
        "event_type": event.get("type"),
        "occurred_at": event.get("eventTime"),
        "step": event.get("bizStep"),
        "disposition": event.get("disposition"),
        "action": event.get("action"),
        "read_point": (event.get("readPoint") or {}).get("id"),
        "place": (event.get("bizLocation") or {}).get("id")
        or (event.get("readPoint") or {}).get("id"),
        "transactions": [
            (_last_word(each.get("type")), str(each.get("bizTransaction", "")))
            for each in event.get("bizTransactionList") or ()
        ],
        "sources": [
            (_last_word(each.get("type")), str(each.get("source", "")))
            for each in event.get("sourceList") or ()
        ],
        "destinations": [
            (_last_word(each.get("type")), str(each.get("destination", "")))
            for each in event.get("destinationList") or ()
        ],
        "epcs": epcs,
        "quantities": quantities,
        "erroneous": "errorDeclaration" in event,
    }


def _last_word(name: object) -> str:
    """``shipping`` of ``urn:epcglobal:cbv:bizstep:shipping`` and ``cbv:BizStep-shipping``."""
    text = str(name or "")
    for mark in (":", "/", "-"):
        text = text.rpartition(mark)[2]
    return text.casefold()


# ── XML ────────────────────────────────────────────────────────────────────────────────────────


def _xml_fields(record: XmlRecord) -> dict[str, object]:
    event = record.element
    # Versions put the same parts directly, under `extension` or under `baseExtension`.
    parts: dict[str, list[Element]] = {}
    for each in event.iter():
        parts.setdefault(local_name(each.tag), []).append(each)

    def text(name: str) -> str | None:
        return next((said for e in parts.get(name, ()) if (said := (e.text or "").strip())), None)

    def inner(name: str) -> str | None:
        for outer in parts.get(name, ()):
            for each in outer:
                if local_name(each.tag) == "id" and each.text:
                    return each.text.strip()
        return None

    def typed(name: str) -> list[tuple[str, str]]:
        return [(_last_word(e.get("type")), (e.text or "").strip()) for e in parts.get(name, ())]

    quantities: list[tuple[str, object]] = []
    for element in parts.get("quantityElement", ()):
        said = {local_name(each.tag): (each.text or "").strip() for each in element}
        quantities.append((said.get("epcClass", ""), said.get("quantity")))
    if local_name(event.tag) == "QuantityEvent":
        quantities.append((text("epcClass") or "", text("quantity")))
    return {
        "event_id": text("eventID"),
        "event_type": local_name(event.tag),
        "occurred_at": text("eventTime"),
        "step": text("bizStep"),
        "disposition": text("disposition"),
        "action": text("action"),
        "read_point": inner("readPoint"),
        "place": inner("bizLocation") or inner("readPoint"),
        "transactions": typed("bizTransaction"),
        "sources": typed("source"),
        "destinations": typed("destination"),
        "epcs": [(e.text or "").strip() for e in parts.get("epc", ())],
        "quantities": quantities,
        "erroneous": "errorDeclaration" in parts,
    }


# ── both ───────────────────────────────────────────────────────────────────────────────────────


def read_event(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one event."""
    (row,) = rows
    occurred_at = row.required_moment("occurred_at")
    if row.cell("erroneous"):
        raise RowError("not_an_order", "the event is declared erroneous; its correction counts")
    step = _last_word(row.text("step"))
    kind = _TYPES.get(step, GOODS_MOVED)
    transactions = [(_last_word(k), v) for k, v in row.cell("transactions") or ()]
    items = _items(row)
    sources, destinations = row.cell("sources") or [], row.cell("destinations") or []
    others = _others(row, sources if step == "returning" else destinations)
    yield row.touchpoint(
        f"epcis:{row.text('event_id') or _made_id(row)}",
        type=kind,
        channel="store" if step in _IN_STORES else "delivery",
        occurred_at=occurred_at,
        order_id=_order(transactions),
        items=items,
        identifiers=others,
        properties={
            "step": step or None,
            "disposition": _last_word(row.text("disposition")) or None,
            "action": row.text("action"),
            "read_point": row.text("read_point"),
            "transactions": [f"{k}:{_number(v)}" for k, v in transactions] or None,
            "from": _parties(sources),
            "to": _parties(destinations),
        },
    )


def _items(row: Row) -> tuple[Item, ...]:
    """Articles with how many; single pieces of one article are counted, their serials dropped."""
    counted: dict[str, Decimal] = {}
    for epc in row.cell("epcs") or ():
        key = gtin(epc) or epc
        counted[key] = counted.get(key, Decimal(0)) + 1
    for article, quantity in row.cell("quantities") or ():
        key = gtin(article) or article
        try:
            pieces = row.reading.money(1 if quantity is None else quantity)
        except (ValueError, TypeError) as error:
            raise RowError("wrong_type", "a quantity is not a number") from error
        counted[key] = counted.get(key, Decimal(0)) + pieces
    return tuple(Item(sku=sku[:200], quantity=pieces) for sku, pieces in counted.items() if sku)


def _others(row: Row, parties: Sequence[tuple[str, str]]) -> tuple[Identifier, ...]:
    """Companies at the other end, once the mapping says which numbers are our own shops'."""
    ours = tuple(
        prefix.strip()
        for prefix in row.reading.constants.get("our_company_prefix", "").split(",")
        if prefix.strip()
    )
    if not ours:
        return ()
    found = [gln(value) for kind, value in parties if kind in ("owning_party", "possessing_party")]
    return tuple(
        Identifier(kind="business_id", value=f"0088:{number}")
        for number in dict.fromkeys(found)
        if number is not None and not number.startswith(ours)
    )


def _parties(parties: Sequence[tuple[str, str]]) -> list[str] | None:
    return [f"{kind}:{gln(value) or value}" for kind, value in parties] or None


def _number(text: str) -> str:
    """``1152`` of ``urn:epcglobal:cbv:bt:0614141073467:1152``."""
    return text.rpartition(":")[2] if text.startswith("urn:") else text


def _order(transactions: Sequence[tuple[str, str]]) -> str | None:
    for wanted in _ORDERS:
        for kind, value in transactions:
            if kind == wanted and value:
                return _number(value)
    return None


def _made_id(row: Row) -> str:
    said = [row.cell(field) for field in ("event_type", "occurred_at", "step", "action", "place")]
    said += [row.cell(field) for field in ("transactions", "epcs", "quantities")]
    return sha256(msgspec.json.encode(said, enc_hook=str)).hexdigest()[:24]


def recognises(head: bytes, _name: str) -> bool:
    """By the outermost element, or the words of the context in JSON."""
    if root_name(head) in _ROOTS:
        return True
    return head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" and (
        b"EPCISDocument" in head or b"EPCISQueryDocument" in head
    )


CONNECTOR = Connector(
    kind="epcis",
    label="Movements of goods (EPCIS 1.2 and 2.0, XML and JSON)",
    required=("occurred_at",),
    optional=(
        *("event_id", "event_type", "step", "disposition", "action", "read_point"),
        *("transactions", "sources", "destinations", "epcs", "quantities", "erroneous"),
        *("place", "channel", "country", "acquisition_channel", "campaign"),
    ),
    read=read_event,
    records=read_records,
    recognises=recognises,
    asks=("our_company_prefix",),
    suffixes=(".xml", ".json", ".jsonld"),
)
