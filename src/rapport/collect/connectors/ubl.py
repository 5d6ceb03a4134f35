"""UBL 2.1: invoices, credit notes and orders of EN 16931 and Peppol, one document a file."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.invoices import FIELDS, business_number, mapping_mistakes, read_invoice
from rapport.collect.tables import BadRow
from rapport.collect.xml_records import (
    XmlRecord,
    child,
    children,
    local_name,
    moment_text,
    records_of_xml,
    root_name,
    text_of,
)

_DOCUMENTS = {"Invoice": "invoice", "CreditNote": "credit_note", "Order": "order"}
_ENVELOPE = "StandardBusinessDocument"
_NAMESPACE = b"urn:oasis:names:specification:ubl:schema:xsd:"


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The document of a file; several where an envelope holds them."""
    names = frozenset(_DOCUMENTS)
    return records_of_xml(file.content, records=names, roots=names | {_ENVELOPE}, fields=_fields)


def _fields(record: XmlRecord) -> dict[str, object]:
    top = record.element
    document = _DOCUMENTS[local_name(top.tag)]
    buyer = _first(top, "AccountingCustomerParty", "BuyerCustomerParty")
    party = child(buyer, "Party")
    seller = _first(top, "AccountingSupplierParty", "SellerSupplierParty")
    totals = _first(top, "LegalMonetaryTotal", "AnticipatedMonetaryTotal")
    currency = text_of(top, "DocumentCurrencyCode")
    # Of several tax totals one is in the currency of the books.
    tax = next(
        (
            total
            for total in children(top, "TaxTotal")
            if (found := child(total, "TaxAmount")) is not None
            and found.get("currencyID", currency) == currency
        ),
        None,
    )
    return {
        "document": document,
        "document_id": text_of(top, "ID"),
        "type_code": text_of(top, "InvoiceTypeCode", "CreditNoteTypeCode"),
        "seller": _seller_number(child(seller, "Party")),
        "issued_at": moment_text(text_of(top, "IssueDate"), text_of(top, "IssueTime")),
        "amount": text_of(totals, "TaxInclusiveAmount", "PayableAmount", "LineExtensionAmount"),
        "currency": currency,
        "lines": [_line(line) for line in _lines(top)],
        "sales_order": text_of(top, "OrderReference/SalesOrderID", "SalesOrderID"),
        "purchase_order": text_of(top, "OrderReference/ID"),
        "corrects_invoice": text_of(top, "BillingReference/InvoiceDocumentReference/ID"),
        "net_amount": text_of(totals, "TaxExclusiveAmount", "LineExtensionAmount"),
        "tax_amount": text_of(tax, "TaxAmount"),
        "taxes": [
            {
                "percent": text_of(part, "TaxCategory/Percent", "Percent"),
                "amount": text_of(part, "TaxAmount"),
            }
            for part in children(tax, "TaxSubtotal")
        ],
        "discount": text_of(totals, "AllowanceTotalAmount"),
        "prepaid_amount": text_of(totals, "PrepaidAmount"),
        "due_date": text_of(top, "DueDate", "PaymentMeans/PaymentDueDate"),
        "payment_reference": text_of(top, "PaymentMeans/PaymentID"),
        "note": text_of(top, "Note"),
        **_buyer(buyer, party),
    }


def _first(element: Element, *names: str) -> Element | None:
    return next((found for name in names if (found := child(element, name)) is not None), None)


def _lines(top: Element) -> Iterator[Element]:
    for path in ("InvoiceLine", "CreditNoteLine", "OrderLine/LineItem"):
        yield from children(top, path)


def _line(line: Element) -> dict[str, str | None]:
    item = child(line, "Item")
    return {
        "sku": text_of(
            item,
            "SellersItemIdentification/ID",
            "StandardItemIdentification/ID",
            "BuyersItemIdentification/ID",
        ),
        "item_name": text_of(item, "Name", "Description"),
        "quantity": text_of(line, "InvoicedQuantity", "CreditedQuantity", "Quantity"),
        "unit_price": text_of(line, "Price/PriceAmount"),
        "price_for": text_of(line, "Price/BaseQuantity"),
        "line_amount": text_of(line, "LineExtensionAmount"),
    }


def _numbers(party: Element | None) -> Iterator[tuple[str | None, str | None]]:
    """Schemes and values of what a company is known by, its VAT number first."""
    for found in children(party, "PartyTaxScheme"):
        if text_of(found, "TaxScheme/ID") in (None, "VAT"):
            yield None, text_of(found, "CompanyID")
    for path in ("EndpointID", "PartyLegalEntity/CompanyID", "PartyIdentification/ID"):
        for each in children(party, path):
            if (scheme := each.get("schemeID")) is not None and scheme != "EM":
                yield scheme, text_of(each)


def _company_numbers(party: Element | None) -> list[str]:
    found = (business_number(scheme, value) for scheme, value in _numbers(party))
    return list(dict.fromkeys(number for number in found if number is not None))


def _seller_number(party: Element | None) -> str | None:
    return next(iter(_company_numbers(party)), None)


def _buyer(buyer: Element | None, party: Element | None) -> dict[str, object]:
    endpoint = text_of(party, "EndpointID")
    own_number = next(
        (text_of(each) for each in children(party, "PartyIdentification/ID")
         if each.get("schemeID") is None),
        None,
    )  # fmt: skip
    legal = text_of(party, "PartyLegalEntity/RegistrationName")
    first, last = text_of(party, "Person/FirstName"), text_of(party, "Person/FamilyName")
    named = text_of(party, "PartyName/Name") or legal
    address = child(party, "PostalAddress")
    numbers = _company_numbers(party)
    return {
        "customer_id": text_of(buyer, "SupplierAssignedAccountID") or own_number,
        "email": text_of(party, "Contact/ElectronicMail")
        or (endpoint if endpoint and "@" in endpoint else None),
        "phone": text_of(party, "Contact/Telephone"),
        "name": named or " ".join(part for part in (first, last) if part) or None,
        "first_name": first,
        "last_name": last,
        "contact_name": text_of(party, "Contact/Name"),
        # A private buyer has no number: what stands in the place of a company's name is theirs.
        "company": (legal or named) if numbers else None,
        "business_ids": numbers,
        "language": text_of(party, "Language/LocaleCode", "Language/ID"),
        "street": text_of(address, "StreetName"),
        "postal_code": text_of(address, "PostalZone"),
        "city": text_of(address, "CityName"),
        "country": text_of(address, "Country/IdentificationCode"),
    }


def recognises(head: bytes, _name: str) -> bool:
    """By the outermost element and the namespace of UBL."""
    return root_name(head) in {*_DOCUMENTS, _ENVELOPE} and (
        _NAMESPACE in head.replace(b"\x00", b"")
    )


CONNECTOR = Connector(
    kind="ubl",
    label="Electronic invoices, credit notes and orders in UBL (EN 16931, Peppol)",
    required=("document_id", "issued_at", "amount"),
    optional=tuple(f for f in FIELDS if f not in ("document_id", "issued_at", "amount")),
    read=read_invoice,
    records=read_records,
    recognises=recognises,
    mapping_mistakes=mapping_mistakes,
    suffixes=(".xml",),
)
