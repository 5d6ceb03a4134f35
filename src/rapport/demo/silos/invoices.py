"""invoices/: UBL invoices and credit notes to companies, which neither till nor web shop knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from xml.sax.saxutils import escape

from rapport.demo.files import amount_text, copy_mapping
from rapport.demo.purchases import catalogue
from rapport.demo.world import World, Written, WrittenFile

SOURCE = "invoicing"
OUR_NUMBER = "BE0999000129"
_VAT = 21


@dataclass(frozen=True, kw_only=True)
class _Company:
    account: str
    name: str
    register: int  # seven digits and check digits of a number that nobody was given
    street: str
    postal_code: str
    city: str
    contact: str
    email: str
    language: str
    topics: tuple[str, ...]  # categories they buy


#: Two of them leave their books to one office, whose mailbox then stands on both invoices.
_COMPANIES = tuple(
    _Company(
        account=f"K{4001 + n}", name=name, register=9_991_001 + 7 * n, street=street,
        postal_code=code, city=city, contact=contact, email=email, language=language,
        topics=topics,
    )
    for n, (name, street, code, city, contact, email, language, topics) in enumerate((
        ("Camping De Linde BV", "Bosstraat 12", "3600", "Genk", "Hilde Claes",
         "boekhouding@delinde.example", "nl", ("camping", "garden")),
        ("Scouts Sint-Jan vzw", "Kerkstraat 4", "9000", "Gent", "Wout De Smet",
         "penningmeester@scouts-sintjan.example", "nl", ("camping", "footwear")),
        ("Les Gîtes du Moulin SRL", "Rue du Moulin 9", "5500", "Dinant", "Claire Lambert",
         "comptabilite@gites-moulin.example", "fr", ("home", "kitchen")),
        ("Hôtel des Tilleuls SA", "Avenue des Tilleuls 31", "4900", "Spa", "Marc Collard",
         "compta@fiduciaire-meuse.example", "fr", ("home", "garden")),
        ("Brasserie du Parc SRL", "Place Communale 2", "4000", "Liège", "Inès Renard",
         "compta@fiduciaire-meuse.example", "fr", ("kitchen", "garden")),
        ("Bouwbedrijf De Linde BV", "Gentsesteenweg 88", "9300", "Aalst", "Koen Maes",
         "administratie@bouwdelinde.example", "nl", ("clothing", "footwear")),
        ("Fietsverhuur Kust BV", "Zandstraat 17", "8400", "Oostende", "Els Vermeulen",
         "info@fietsverhuurkust.example", "nl", ("cycling",)),
        ("Studio Noord CommV", "Hoogstraat 61", "2000", "Antwerpen", "Jonas Wouters",
         "jonas@studionoord.example", "nl", ("home",)),
    ))
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Document:
    number: str
    day: int
    company: _Company
    lines: tuple[tuple[int, int, int], ...]  # product, quantity, unit price in cents without tax
    credits: str = ""  # the invoice that it takes back

    @property
    def net(self) -> int:
        return sum(quantity * price for _, quantity, price in self.lines)

    @property
    def tax(self) -> int:
        return (self.net * _VAT + 50) // 100


def write(world: World) -> Written:
    documents = _documents(world)
    files = []
    orders: Counter[str] = Counter()
    refunds: Counter[str] = Counter()
    revenue: Counter[tuple[str, str]] = Counter()
    for document in documents:
        path = f"invoices/{document.number}.xml"
        target = world.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_ubl(world, document), "utf-8", newline="\n")
        files.append(WrittenFile(path=path, source=SOURCE, rows=1))
        (refunds if document.credits else orders)[SOURCE] += 1
        sign = -1 if document.credits else 1
        revenue[SOURCE, "EUR"] += sign * (document.net + document.tax)
    copy_mapping(world.folder, "invoices/invoices")
    return Written(
        files=tuple(files),
        others=tuple(
            (company.name, SOURCE, "crm_account", SOURCE, company.account)
            for company in dict.fromkeys(document.company for document in documents)
        ),
        orders=orders,
        refunds=refunds,
        revenue=revenue,
        touchpoints=Counter({SOURCE: len(files)}),
    )


def _documents(world: World) -> list[_Document]:
    rng = world.rng("invoices")
    products = catalogue()
    planned = []
    for company in _COMPANIES:
        for day in sorted(rng.integers(10, world.story.days - 2, 3).tolist()):
            lines = []
            for _ in range(1 + int(rng.integers(0, 3))):
                category = company.topics[int(rng.integers(0, len(company.topics)))]
                those = [n for n, p in enumerate(products) if p.category == category]
                product = those[int(rng.integers(2, len(those)))]
                quantity = int(rng.integers(4, 25))
                # Shelf prices hold the tax; companies get a twelfth off.
                price = products[product].eur_cents * 100 // (100 + _VAT) * 11 // 12
                lines.append((product, quantity, price))
            planned.append((day, company, tuple(lines)))
    planned.sort(key=lambda each: (each[0], each[1].account))
    documents = []
    for n, (day, company, bought) in enumerate(planned, 1):
        number = f"{(world.story.start + timedelta(days=day)).year}-{n:04d}"
        documents.append(_Document(number=f"F{number}", day=day, company=company, lines=bought))
        if n % 9 == 0 and day + 12 < world.story.days:
            product, quantity, price = bought[0]
            documents.append(
                _Document(number=f"C{number}", day=day + 12, company=company,
                          lines=((product, max(1, quantity // 4), price),), credits=f"F{number}")
            )  # fmt: skip
    return documents


def number_of(name: str) -> int:
    """The register's number of a company on the invoices, without its check digits."""
    return next(company.register for company in _COMPANIES if company.name == name)


def _register(number: int) -> str:
    """Of the Belgian register of companies, with its check digits."""
    return f"{number:08d}{97 - number % 97:02d}"


def _ubl(world: World, document: _Document) -> str:
    credit = bool(document.credits)
    root, line_tag, quantity_tag = (
        ("CreditNote", "CreditNoteLine", "CreditedQuantity")
        if credit
        else ("Invoice", "InvoiceLine", "InvoicedQuantity")
    )
    company, issued = document.company, world.story.start + timedelta(days=document.day)
    due = "" if credit else f"<cbc:DueDate>{issued + timedelta(days=30)}</cbc:DueDate>"
    code = "381" if credit else "380"
    corrects = (
        "<cac:BillingReference><cac:InvoiceDocumentReference>"
        f"<cbc:ID>{document.credits}</cbc:ID>"
        "</cac:InvoiceDocumentReference></cac:BillingReference>\n"
        if credit
        else ""
    )
    register = _register(company.register)
    net, tax, total = (
        amount_text(cents) for cents in (document.net, document.tax, document.net + document.tax)
    )
    lines = "".join(
        f"<cac:{line_tag}><cbc:ID>{n}</cbc:ID>"
        f'<cbc:{quantity_tag} unitCode="H87">{quantity}</cbc:{quantity_tag}>'
        f'<cbc:LineExtensionAmount currencyID="EUR">{amount_text(quantity * price)}'
        "</cbc:LineExtensionAmount><cac:Item>"
        f"<cbc:Name>{escape(catalogue()[product].names[company.language])}</cbc:Name>"
        f"<cac:SellersItemIdentification><cbc:ID>{catalogue()[product].sku}</cbc:ID>"
        "</cac:SellersItemIdentification></cac:Item>"
        f'<cac:Price><cbc:PriceAmount currencyID="EUR">{amount_text(price)}</cbc:PriceAmount>'
        f"</cac:Price></cac:{line_tag}>\n"
        for n, (product, quantity, price) in enumerate(document.lines, 1)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0\
</cbc:CustomizationID>
<cbc:ID>{document.number}</cbc:ID>
<cbc:IssueDate>{issued}</cbc:IssueDate>{due}
<cbc:{root}TypeCode>{code}</cbc:{root}TypeCode>
<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
{corrects}<cac:AccountingSupplierParty><cac:Party>
<cac:PartyName><cbc:Name>Maison Kadár</cbc:Name></cac:PartyName>
<cac:PartyTaxScheme><cbc:CompanyID>{OUR_NUMBER}</cbc:CompanyID>
<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
</cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cbc:SupplierAssignedAccountID>{company.account}\
</cbc:SupplierAssignedAccountID><cac:Party>
<cbc:EndpointID schemeID="0208">{register}</cbc:EndpointID>
<cac:PartyName><cbc:Name>{escape(company.name)}</cbc:Name></cac:PartyName>
<cac:PostalAddress><cbc:StreetName>{escape(company.street)}</cbc:StreetName>
<cbc:CityName>{company.city}</cbc:CityName><cbc:PostalZone>{company.postal_code}</cbc:PostalZone>
<cac:Country><cbc:IdentificationCode>BE</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
<cac:PartyTaxScheme><cbc:CompanyID>BE{register}</cbc:CompanyID>
<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
<cac:PartyLegalEntity><cbc:RegistrationName>{escape(company.name)}</cbc:RegistrationName>
</cac:PartyLegalEntity>
<cac:Contact><cbc:Name>{company.contact}</cbc:Name>
<cbc:ElectronicMail>{company.email}</cbc:ElectronicMail></cac:Contact>
</cac:Party></cac:AccountingCustomerParty>
<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal>
<cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>
<cbc:TaxExclusiveAmount currencyID="EUR">{net}</cbc:TaxExclusiveAmount>
<cbc:TaxInclusiveAmount currencyID="EUR">{total}</cbc:TaxInclusiveAmount>
<cbc:PayableAmount currencyID="EUR">{total}</cbc:PayableAmount></cac:LegalMonetaryTotal>
{lines}</{root}>
"""
