"""UN/CEFACT Cross Industry Invoice: the XML of EN 16931, ZUGFeRD 2 and Factur-X."""

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
    records_of_xml,
    root_name,
    text_of,
)

_ROOT = "CrossIndustryInvoice"
_AGREEMENT = "ApplicableHeaderTradeAgreement"
_SETTLEMENT = "ApplicableHeaderTradeSettlement"


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The document of a file."""
    names = frozenset({_ROOT})
    return records_of_xml(file.content, records=names, roots=names, fields=_fields)


def _fields(record: XmlRecord) -> dict[str, object]:
    document = child(record.element, "ExchangedDocument")
    trade = child(record.element, "SupplyChainTradeTransaction")
    agreement = child(trade, _AGREEMENT)
    settlement = child(trade, _SETTLEMENT)
    totals = child(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")
    currency = text_of(settlement, "InvoiceCurrencyCode")
    tax = next(
        (
            text_of(each)
            for each in children(totals, "TaxTotalAmount")
            if each.get("currencyID", currency) == currency
        ),
        None,
    )
    return {
        "document": "invoice",
        "document_id": text_of(document, "ID"),
        "type_code": text_of(document, "TypeCode"),
        "seller": next(iter(_company_numbers(child(agreement, "SellerTradeParty"))), None),
        "issued_at": _day(document, "IssueDateTime"),
        "amount": text_of(totals, "GrandTotalAmount", "DuePayableAmount"),
        "currency": currency,
        "lines": [_line(line) for line in children(trade, "IncludedSupplyChainTradeLineItem")],
        "sales_order": text_of(agreement, "SellerOrderReferencedDocument/IssuerAssignedID"),
        "purchase_order": text_of(agreement, "BuyerOrderReferencedDocument/IssuerAssignedID"),
        "corrects_invoice": text_of(settlement, "InvoiceReferencedDocument/IssuerAssignedID"),
        "net_amount": text_of(totals, "TaxBasisTotalAmount", "LineTotalAmount"),
        "tax_amount": tax,
        "taxes": [
            {
                "percent": text_of(part, "RateApplicablePercent"),
                "amount": text_of(part, "CalculatedAmount"),
            }
            for part in children(settlement, "ApplicableTradeTax")
        ],
        "discount": text_of(totals, "AllowanceTotalAmount"),
        "prepaid_amount": text_of(totals, "TotalPrepaidAmount"),
        "due_date": _day(child(settlement, "SpecifiedTradePaymentTerms"), "DueDateDateTime"),
        "payment_reference": text_of(settlement, "PaymentReference"),
        "note": text_of(document, "IncludedNote/Content"),
        **_buyer(child(agreement, "BuyerTradeParty")),
    }


def _day(element: Element | None, name: str) -> str | None:
    """``20261005`` (format 102), and later versions' ISO dates, as ISO 8601."""
    text = text_of(element, f"{name}/DateTimeString", f"{name}/DateTime", name)
    if text is not None and len(text) == 8 and text.isdecimal():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text


def _line(line: Element) -> dict[str, str | None]:
    product = child(line, "SpecifiedTradeProduct")
    price = child(line, "SpecifiedLineTradeAgreement/NetPriceProductTradePrice")
    return {
        "sku": text_of(product, "SellerAssignedID", "GlobalID", "BuyerAssignedID"),
        "item_name": text_of(product, "Name"),
        "quantity": text_of(line, "SpecifiedLineTradeDelivery/BilledQuantity"),
        "unit_price": text_of(price, "ChargeAmount"),
        "price_for": text_of(price, "BasisQuantity"),
        "line_amount": text_of(
            line,
            "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation"
            "/LineTotalAmount",
        ),
    }


def _company_numbers(party: Element | None) -> list[str]:
    """What a company is known by, its VAT number first."""
    found: list[str | None] = [
        business_number(None, text_of(each))
        for each in children(party, "SpecifiedTaxRegistration/ID")
        if each.get("schemeID") == "VA"
    ]
    for path in (
        "SpecifiedLegalOrganization/ID",
        "GlobalID",
        "URIUniversalCommunication/URIID",
    ):
        found += [
            business_number(scheme, text_of(each))
            for each in children(party, path)
            if (scheme := each.get("schemeID")) is not None and scheme != "EM"
        ]
    return list(dict.fromkeys(number for number in found if number is not None))


def _buyer(party: Element | None) -> dict[str, object]:
    endpoint = text_of(party, "URIUniversalCommunication/URIID")
    contact = child(party, "DefinedTradeContact")
    address = child(party, "PostalTradeAddress")
    numbers = _company_numbers(party)
    name = text_of(party, "Name")
    return {
        "customer_id": text_of(party, "ID"),
        "email": text_of(contact, "EmailURIUniversalCommunication/URIID")
        or (endpoint if endpoint and "@" in endpoint else None),
        "phone": text_of(contact, "TelephoneUniversalCommunication/CompleteNumber"),
        "name": name,
        "contact_name": text_of(contact, "PersonName"),
        "company": name if numbers else None,
        "business_ids": numbers,
        "street": text_of(address, "LineOne"),
        "postal_code": text_of(address, "PostcodeCode"),
        "city": text_of(address, "CityName"),
        "country": text_of(address, "CountryID"),
    }


def recognises(head: bytes, _name: str) -> bool:
    """By the outermost element."""
    return root_name(head) == _ROOT


CONNECTOR = Connector(
    kind="cii",
    label="Electronic invoices in CII (EN 16931, ZUGFeRD, Factur-X)",
    required=("document_id", "issued_at", "amount"),
    optional=tuple(f for f in FIELDS if f not in ("document_id", "issued_at", "amount")),
    read=read_invoice,
    records=read_records,
    recognises=recognises,
    mapping_mistakes=mapping_mistakes,
    suffixes=(".xml",),
)
