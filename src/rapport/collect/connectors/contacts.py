"""Contacts of a CRM and holders of a loyalty card: what a silo knows of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from rapport.collect.connector import Connector
from rapport.collect.rows import Row
from rapport.vocabulary.identifier import Identifier, kind_of
from rapport.vocabulary.touchpoint import RECORD_SEEN, ConsentChange, Touchpoint

_TRAITS = (
    *("first_name", "last_name", "email", "phone", "gender", "street", "postal_code", "city"),
    *("company", "loyalty_card", "loyalty_tier", "preferred_store", "favourite_category"),
)
#: Of which company somebody is a contact, and as what.
_OF_COMPANY = ("account_id", "job_title")
_CONSENTS = ("email_marketing", "sms_marketing", "profiling")


def read_contact(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one record.

    Its id holds a digest of what the record says: the same export twice is stored once, and a
    record that changed is a new touchpoint.
    """
    (row,) = rows
    reading = row.reading
    kind = reading.constants.get("record_kind", "crm_contact")
    namespace = reading.source
    if kind == reading.constants.get("customer_kind", "customer_number"):
        # Numbers that orders of another source name: theirs is the namespace they share.
        namespace = reading.constants.get("customer_namespace", namespace)
    record = Identifier(
        kind=kind,
        value=row.required("record_id"),
        namespace=namespace if kind_of(kind).scoped else "",
    )
    identifiers = (record, *(i for i in row.identifiers() if i != record))
    created_at = row.moment("created_at")
    changed_at = row.moment("updated_at") or created_at
    traits = {field: text for field in _TRAITS if (text := row.text(field)) is not None}
    interests = row.cell("interests")
    stated = {
        "birthday": row.birthday(),
        "language": row.language(),
        "country": row.country(),
        "interests": ", ".join(map(str, interests))
        if isinstance(interests, list)
        else row.text("interests"),
        "created_at": None if created_at is None else created_at.isoformat(),
    }
    traits.update({field: text for field, text in stated.items() if text is not None})
    consents = tuple(
        ConsentChange(purpose=purpose, granted=granted)
        for purpose in _CONSENTS
        if (granted := row.yes_no(f"consent_{purpose}")) is not None
    )
    touch = row.touchpoint(
        "",
        type=RECORD_SEEN,
        channel="loyalty" if kind == "loyalty_card" else "crm",
        occurred_at=changed_at or reading.received_at,
        record=record,
        identifiers=identifiers,
        traits=traits,
        consents=consents,
        properties={field: row.text(field) for field in _OF_COMPANY},
    )
    said = (touch.traits, touch.consents, touch.identifiers, touch.properties, changed_at)
    digest = sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:16]
    yield msgspec.structs.replace(touch, touchpoint_id=f"contacts:{record.value}:{digest}")


CONNECTOR = Connector(
    kind="contacts",
    label="Contacts and loyalty cards",
    required=("record_id",),
    optional=(
        *("name", "user_id", "birthday", "language", "country", "interests"),
        *("created_at", "updated_at", "channel", "place", "acquisition_channel", "campaign"),
        *_TRAITS,
        *_OF_COMPANY,
        *(f"consent_{purpose}" for purpose in _CONSENTS),
    ),
    read=read_contact,
    file_words=("contact", "customer", "klant", "client", "ugyfel", "ügyfél", "kunde", "card"),
    synonyms={
        "record_id": (
            *(
                "record id",
                "rid",
                "id",
                "contact id",
                "contactid",
                "customer id",
                "customerid",
                "klantnummer",
            ),
            *("référence client", "ügyfélszám", "kundennummer", "cardnumber", "card number"),
            *("rec_id", "unique_id", "client id", "numéro client", "relatienummer"),
        ),
        "name": ("holdername", "contact name", "full name", "fullname"),
        "loyalty_card": ("törzsvásárlói kártya",),
        "account_id": ("associated company ids", "company id", "organization id", "bedrijf id"),
        "job_title": (
            *("job title", "jobtitle", "functie", "functietitel", "fonction", "poste"),
            *("beosztás", "munkakör", "berufsbezeichnung", "position"),
        ),
    },
)
