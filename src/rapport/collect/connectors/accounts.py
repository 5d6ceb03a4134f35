"""Companies of a CRM: its accounts or organisations, each a customer by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from rapport.collect.connector import Connector
from rapport.collect.rows import Row
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint

_TRAITS = ("phone", "street", "postal_code", "city")
#: What a CRM says of a company and nobody else asks for by name.
_SAID = ("website", "industry", "employees", "yearly_revenue", "stage", "owner", "parent")


def read_account(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one company.

    Its id holds a digest of what the record says, as a contact's does: the same export twice is
    stored once, and a record that changed is a new touchpoint.
    """
    (row,) = rows
    reading = row.reading
    namespace = reading.constants.get("customer_namespace", reading.source)
    record = Identifier(kind="crm_account", value=row.required("account_id"), namespace=namespace)
    name = row.required("account_name")
    created_at = row.moment("created_at")
    changed_at = row.moment("updated_at") or created_at
    traits = {field: text for field in _TRAITS if (text := row.text(field)) is not None}
    country = row.country()
    touch = row.touchpoint(
        "",
        type=RECORD_SEEN,
        channel="crm",
        occurred_at=changed_at or reading.received_at,
        record=record,
        identifiers=(record, *row.identifiers()),
        traits={
            "name": name,
            "company": name,
            **traits,
            **({} if country is None else {"country": country}),
            **({} if created_at is None else {"created_at": created_at.isoformat()}),
        },
        properties={"is_company": True, **{field: row.text(field) for field in _SAID}},
    )
    said = (touch.traits, touch.identifiers, touch.properties, changed_at)
    digest = sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:16]
    yield msgspec.structs.replace(touch, touchpoint_id=f"accounts:{record.value}:{digest}")


CONNECTOR = Connector(
    kind="accounts",
    label="Companies of a CRM",
    required=("account_id", "account_name"),
    optional=(
        *("business_id", "email", "country", "created_at", "updated_at"),
        *("channel", "place", "acquisition_channel", "campaign"),
        *_TRAITS,
        *_SAID,
    ),
    read=read_account,
    file_words=(
        *("account", "compan", "organi", "bedrij", "entreprise", "société", "cég", "firma"),
        "unternehmen",
    ),
    not_with=("first_name", "birthday", "amount"),
    synonyms={
        "account_id": (
            *("account id", "accountid", "company id", "organization id", "organisation id"),
            *("organization - id", "record id", "(do not modify) account", "account number"),
            *("bedrijfsnummer", "relatienummer", "numéro entreprise", "id société", "cégazonosító"),
            *("firmennummer", "id"),
        ),
        "account_name": (
            *("account name", "company name", "organization name", "organisation name"),
            *("organization - name", "bedrijfsnaam", "naam bedrijf", "nom de l'entreprise"),
            *("raison sociale", "nom société", "cégnév", "cég neve", "firmenname", "firma"),
            *("unternehmen", "unternehmensname", "name"),
        ),
        "business_id": (
            *("vat", "vat number", "vat id", "tax number", "tax id", "company number"),
            *("btw-nummer", "btw nummer", "ondernemingsnummer", "kvk", "kvk-nummer"),
            *("numéro de tva", "n° tva", "siret", "siren", "adószám", "cégjegyzékszám"),
            *("ust-idnr", "ustid", "umsatzsteuer-id"),
        ),
        "website": ("website", "company domain name", "domain", "web", "url", "weboldal", "site"),
        "industry": (
            *("industry", "sector", "branche", "secteur", "secteur d'activité", "iparág", "ágazat"),
        ),
        "employees": (
            *("employees", "number of employees", "no. of employees", "aantal werknemers"),
            *("effectif", "nombre d'employés", "alkalmazottak", "létszám", "mitarbeiter"),
        ),
        "yearly_revenue": (
            *("annual revenue", "jaaromzet", "chiffre d'affaires", "éves árbevétel"),
            "jahresumsatz",
        ),
        "stage": (
            *("lifecycle stage", "type", "account type", "relationship type", "relatietype"),
            *("type de relation", "kapcsolat típusa", "organization - label"),
        ),
        "owner": (
            *("account owner", "company owner", "owner", "organization - owner", "eigenaar"),
            *("propriétaire", "felelős", "besitzer", "accountmanager"),
        ),
        "parent": ("parent account", "parent company", "moederbedrijf", "anyacég"),
        "phone": ("main phone", "account phone", "phone number", "organization - phone"),
        "street": ("billing street", "address 1: street 1", "organization - address"),
        "postal_code": (
            *("billing zip/postal code", "billing postal code", "billing zip"),
            "address 1: zip/postal code",
        ),
        "city": ("billing city", "address 1: city"),
        "country": (*("country/region", "billing country", "address 1: country/region"),),
        "created_at": ("create date", "created date", "created on", "organization - created"),
        "updated_at": (
            *("last modified date", "modified on", "(do not modify) modified on"),
            "organization - update time",
        ),
    },
)
