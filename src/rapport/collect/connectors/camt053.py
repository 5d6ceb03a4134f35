"""Bank statements, ISO 20022 camt.053 of any version: what customers paid, and took back.

A statement also holds what the company itself pays: wages, suppliers. Nobody of those is a
customer, so payments that we began are left out, unless the mapping says that this account pays
nothing but refunds (``outgoing = "refunds"``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any
from xml.etree.ElementTree import Element

from rapport.collect.account_numbers import belgian_reference, masked, without_accounts
from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.mapping import Mapping
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.collect.xml_records import (
    XmlRecord,
    child,
    children,
    moment_text,
    records_of_xml,
    root_name,
    text_of,
)
from rapport.vocabulary.identifier_values import normalise_iban
from rapport.vocabulary.touchpoint import PAYMENT_RECEIVED, PAYMENT_RETURNED, Touchpoint

#: What one payment of an entry says.
_PAYMENT = (
    *("amount", "currency", "direction", "iban", "name", "street", "postal_code", "city"),
    *("country", "remittance", "reference", "document", "end_to_end", "bank_reference"),
    *("mandate", "return_reason"),
)
#: ISO 20022 codes of entries that give a collected payment back, where no flag says so.
_RETURN_CODES = frozenset({"UPDD", "RRTN", "PRDD", "UPCT", "RPCR"})
_LONGEST_SEARCHED = 500
#: One word with a digit in it, such as ``WEB-100234``: people copy the number they were given.
_ONE_NUMBER = re.compile(r"[A-Za-z]{0,8}[-/. ]?[\dA-Za-z./-]*\d[\dA-Za-z./-]*")


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The entries of the statements of a file."""
    return records_of_xml(
        file.content,
        records=frozenset({"Ntry"}),
        roots=frozenset({"Document"}),
        fields=_fields,
    )


def _fields(record: XmlRecord) -> dict[str, object]:
    entry = record.element
    statement = record.around[-1] if record.around else None
    own = text_of(statement, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
    details = list(children(entry, "NtryDtls/TxDtls"))
    stated = [_payment(each, entry, own) for each in details]
    if len(stated) == 1:
        stated[0]["amount"] = stated[0]["amount"] or text_of(entry, "Amt")
    return {
        "booked_at": moment_text(text_of(entry, "BookgDt/DtTm", "BookgDt/Dt", "ValDt/Dt")),
        "status": text_of(entry, "Sts/Cd", "Sts"),
        "amount": text_of(entry, "Amt"),
        "currency": _currency(child(entry, "Amt")),
        "direction": text_of(entry, "CdtDbtInd"),
        "reversal": text_of(entry, "RvslInd"),
        "code": text_of(
            entry, "BkTxCd/Domn/Fmly/SubFmlyCd", "NtryDtls/TxDtls/BkTxCd/Domn/Fmly/SubFmlyCd"
        ),
        "account": own,
        "statement": text_of(statement, "Id"),
        "bank_reference": text_of(entry, "AcctSvcrRef", "NtryRef"),
        "remittance": text_of(entry, "AddtlNtryInf"),
        "payments": stated,
    }


def _currency(amount: Element | None) -> str | None:
    return None if amount is None else amount.get("Ccy")


def _payment(details: Element, entry: Element, own: str | None) -> dict[str, Any]:
    amount = next(
        (
            found
            for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
            if (found := child(details, path)) is not None
        ),
        None,
    )
    direction = text_of(details, "CdtDbtInd") or text_of(entry, "CdtDbtInd")
    parties = child(details, "RltdPties")
    sides = {side: text_of(parties, f"{side}Acct/Id/IBAN") for side in ("Dbtr", "Cdtr")}
    # A returned payment keeps its roles at some banks and turns them round at others: the other
    # side is the one that is not our account.
    other = "Dbtr" if direction == "CRDT" else "Cdtr"
    known = normalise_iban(own or "")
    for side, across in (("Dbtr", "Cdtr"), ("Cdtr", "Dbtr")):
        if known is not None and sides[side] and normalise_iban(sides[side] or "") == known:
            other = across
    party = child(parties, f"{other}/Pty")  # of version 8 on
    if party is None:
        party = child(parties, other)
    address = child(party, "PstlAdr")
    structured = child(details, "RmtInf/Strd")
    return {
        "amount": text_of(amount),
        "currency": _currency(amount),
        "direction": direction,
        "iban": sides[other],
        "name": text_of(party, "Nm"),
        "street": " ".join(
            part for part in (text_of(address, "StrtNm"), text_of(address, "BldgNb")) if part
        )
        or text_of(address, "AdrLine"),
        "postal_code": text_of(address, "PstCd"),
        "city": text_of(address, "TwnNm"),
        "country": text_of(address, "Ctry"),
        "remittance": " ".join(
            text for each in children(details, "RmtInf/Ustrd") if (text := text_of(each))
        ),
        "reference": text_of(structured, "CdtrRefInf/Ref"),
        "document": text_of(structured, "RfrdDocInf/Nb"),
        "end_to_end": text_of(details, "Refs/EndToEndId"),
        "bank_reference": text_of(details, "Refs/AcctSvcrRef", "Refs/TxId"),
        "mandate": text_of(details, "Refs/MndtId"),
        "return_reason": text_of(details, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry")
        or ("returned" if child(details, "RtrInf") is not None else None),
    }


def read_entry(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoints of one entry: of each payment that it gathers."""
    (row,) = rows
    if (row.text("status") or "BOOK") != "BOOK":
        return  # announced only: it comes again when it is booked
    payments: list[dict[str, Any]] = row.cell("payments") or []
    whole = {
        field: row.cell(field)
        for field in ("amount", "currency", "direction", "remittance", "bank_reference")
    }
    if not payments or any(payment["amount"] is None for payment in payments):
        # Of a batch that keeps its parts to itself only the sum is known, and nobody's name.
        payments = [whole]
    cells = {field: [payment.get(field) for payment in payments] for field in _PAYMENT}
    for index in range(len(payments)):
        touch = _read_payment(row, Row(cells, index, row.reading))
        if touch is not None:
            yield touch


def _read_payment(entry: Row, payment: Row) -> Touchpoint | None:
    direction = payment.required("direction")
    if direction not in ("CRDT", "DBIT"):
        raise RowError("wrong_type", "`CdtDbtInd` is neither CRDT nor DBIT")
    returned = (
        bool(entry.yes_no("reversal"))
        or payment.text("return_reason") is not None
        or entry.text("code") in _RETURN_CODES
    )
    received = direction == "CRDT"
    ours = received == returned  # we paid, or what we paid came back
    if ours and entry.reading.constants.get("outgoing") != "refunds":
        return None
    amount = payment.money("amount")
    if amount is None:
        raise RowError("missing_field", "the entry states no amount")
    booked_at = entry.required_moment("booked_at")
    remittance = payment.text("remittance") or ""
    reference = _reference(payment.text("reference"), remittance)
    touchpoint_id = _made_id(entry, payment)
    account = entry.text("account")
    traits = {
        field: text
        for field in ("street", "postal_code", "city")
        if (text := payment.text(field)) is not None
    }
    identifiers = payment.identifiers()
    return payment.touchpoint(
        touchpoint_id,
        type=PAYMENT_RECEIVED if received else PAYMENT_RETURNED,
        channel="finance",
        occurred_at=booked_at,
        order_id=_order_id(entry, payment.text("document"), reference, remittance),
        amount=abs(amount) if received else -abs(amount),
        currency=payment.currency() or entry.currency(),
        identifiers=identifiers,
        traits=traits if identifiers else {},
        properties={
            "structured_reference": reference,
            "remittance": without_accounts(remittance) or None,
            "end_to_end": _said(payment.text("end_to_end")),
            "mandate": payment.text("mandate"),
            "reversal": True if returned else None,
            "return_reason": payment.text("return_reason"),
            "our_account": None if account is None else masked(account),
            "statement": entry.text("statement"),
        },
    )


def _said(reference: str | None) -> str | None:
    return None if reference in (None, "NOTPROVIDED") else reference


def _reference(stated: str | None, remittance: str) -> str | None:
    """The structured reference, Belgian ones as they are printed on invoices."""
    if stated is not None:
        return belgian_reference(stated, whole=True) or stated
    return belgian_reference(remittance)


def _order_id(
    entry: Row, document: str | None, reference: str | None, remittance: str
) -> str | None:
    """What was paid: as a document's number, as the mapping's pattern finds it, or as it stands."""
    if document is not None:
        return document
    pattern = entry.reading.constants.get("order_pattern")
    if pattern is not None:
        found = re.search(pattern, remittance[:_LONGEST_SEARCHED])
        if found is not None:
            return found.group()
    if reference is not None:
        return reference
    alone = remittance.strip()
    return alone if len(alone) <= 35 and _ONE_NUMBER.fullmatch(alone) else None


def _made_id(entry: Row, payment: Row) -> str:
    """Of what the payment says: banks repeat their own references within a batch."""
    said = (
        *(entry.text(field) for field in ("account", "booked_at", "bank_reference")),
        *(payment.text(field) for field in ("amount", "direction", "iban", "name", "remittance")),
        *(payment.text(field) for field in ("reference", "end_to_end", "bank_reference")),
    )
    twin = entry.reading.twin(said)
    return "payments:" + sha256(repr((*said, twin)).encode()).hexdigest()[:24]


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """What is wrong with the constants."""
    mistakes = []
    if mapping.constants.get("outgoing", "refunds") != "refunds":
        mistakes.append("the constant `outgoing` must be refunds, or be left out")
    try:
        re.compile(mapping.constants.get("order_pattern", ""))
    except re.error as error:
        mistakes.append(f"the constant `order_pattern` is no regular expression: {error}")
    return mistakes


def recognises(head: bytes, _name: str) -> bool:
    """By the message's name within the outermost element."""
    return root_name(head) == "Document" and b"BkToCstmrStmt" in head.replace(b"\x00", b"")


CONNECTOR = Connector(
    kind="camt053",
    label="Bank statements (ISO 20022 camt.053): payments received and returned",
    required=("booked_at", "direction", "amount"),
    optional=(
        *("currency", "status", "reversal", "code", "account", "statement", "payments"),
        *("outgoing", "order_pattern"),
        *(f for f in _PAYMENT if f not in ("amount", "currency", "direction")),
    ),
    read=read_entry,
    records=read_records,
    recognises=recognises,
    mapping_mistakes=mapping_mistakes,
    suffixes=(".xml",),
)
