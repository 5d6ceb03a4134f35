"""Sales opportunities of a CRM, as they stand at each export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from rapport.collect.connector import Connector
from rapport.collect.mapping import Mapping
from rapport.collect.rows import Row, RowError
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import DEAL_UPDATED, Touchpoint

_WON = ("won", "gewonnen", "gagné", "gagne", "megnyert", "elnyert", "nyert")
_LOST = ("lost", "verloren", "perdu", "elvesz", "veszít", "abandoned", "opgegeven")


def read_deal(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one opportunity as it stands.

    Its id holds a digest of stage, amount and outcome: an export of every week tells each change
    once. It is the named contact's; the account's where no contact is named, so that a company
    and its buyer do not become one person.
    """
    (row,) = rows
    deal = row.required("deal_id")
    stage = row.required("stage")
    status = _status(row.text("status") or stage)
    amount = row.money("amount")
    created_at, changed_at = row.moment("created_at"), row.moment("updated_at")
    closes = _day(row, "closes_at")
    said = (stage, status, amount, closes)
    digest = sha256(repr(said).encode()).hexdigest()[:12]
    yield row.touchpoint(
        f"deals:{deal}:{digest}",
        type=DEAL_UPDATED,
        channel="crm",
        occurred_at=changed_at
        or (row.moment("closes_at") if status != "open" else None)
        or created_at
        or row.reading.received_at,
        amount=amount,
        currency=row.currency(),
        identifiers=_identifiers(row),
        properties={
            "deal_id": deal,
            "deal": row.text("deal_name"),
            "stage": stage,
            "status": status,
            "pipeline": row.text("pipeline"),
            "probability": row.number("probability"),
            "closes_on": closes,
            "lost_reason": row.text("lost_reason"),
            "owner": row.text("owner"),
            "account_id": row.text("account_id"),
            "account": row.text("account_name"),
            "began_at": None if created_at is None else created_at.isoformat(),
        },
    )


def _status(text: str) -> str:
    plain = text.casefold()
    if any(word in plain for word in _WON):
        return "won"
    return "lost" if any(word in plain for word in _LOST) else "open"


def _day(row: Row, field: str) -> str | None:
    """A day that may lie ahead: when a sale is hoped for."""
    value = row.cell(field)
    if value is None:
        return None
    try:
        return row.reading.local_day(value).isoformat()
    except (ValueError, TypeError) as error:
        raise RowError(
            "invalid_timestamp", f"`{field}` cannot be read; state `date_format` under [file]"
        ) from error


def _identifiers(row: Row) -> tuple[Identifier, ...]:
    reading = row.reading
    namespace = reading.constants.get("customer_namespace", reading.source)
    contact = row.text("contact_id")
    found = row.identifiers()
    if contact is not None:
        return (Identifier(kind="crm_contact", value=contact, namespace=namespace), *found)
    account = row.text("account_id")
    if found or account is None:
        return found
    return (Identifier(kind="crm_account", value=account, namespace=namespace),)


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """An amount without a currency is worth nothing."""
    stated = {*mapping.columns, *mapping.constants}
    if "amount" in stated and "currency" not in stated:
        return ['amounts need a `currency`; state it, such as currency = "EUR" under [constants]']
    return []


CONNECTOR = Connector(
    kind="deals",
    label="Sales opportunities",
    required=("deal_id", "stage"),
    optional=(
        *("deal_name", "amount", "currency", "status", "pipeline", "probability", "closes_at"),
        *("lost_reason", "owner", "account_id", "account_name", "contact_id", "email", "phone"),
        *("created_at", "updated_at", "channel", "place", "country", "acquisition_channel"),
        "campaign",
    ),
    read=read_deal,
    mapping_mistakes=mapping_mistakes,
    file_words=("deal", "opportunit", "pipeline", "kansen", "lehetős", "verkaufschance", "affaire"),
    synonyms={
        "deal_id": (
            *("deal id", "opportunity id", "deal - id", "(do not modify) opportunity"),
            *("record id", "opportuniteit id", "id opportunité", "lehetőség azonosító", "id"),
        ),
        "deal_name": (
            *("deal name", "opportunity name", "deal - title", "topic", "title", "naam kans"),
            *("nom de l'opportunité", "nom de la transaction", "lehetőség neve", "name"),
        ),
        "stage": (
            *("deal stage", "stage", "stage name", "deal - stage", "sales stage", "fase"),
            *("pipeline phase", "étape", "phase", "szakasz", "fázis", "verkaufsphase"),
            "étape de la transaction",
        ),
        "status": ("deal - status", "status", "outcome", "resultaat", "statut", "állapot"),
        "amount": (
            *("amount", "deal - value", "value", "est. revenue", "actual revenue", "bedrag"),
            *("waarde", "montant", "összeg", "betrag", "wert", "érték"),
        ),
        "currency": ("deal - currency", "currency", "deal currency code"),
        "pipeline": ("pipeline", "deal - pipeline", "verkoopproces", "értékesítési folyamat"),
        "probability": (
            *("probability", "probability (%)", "deal probability", "deal - probability"),
            *("kans", "slaagkans", "probabilité", "valószínűség", "wahrscheinlichkeit"),
        ),
        "closes_at": (
            *("close date", "est. close date", "expected close date", "sluitingsdatum"),
            *("deal - expected close date", "date de clôture", "date de fermeture"),
            *("zárás dátuma", "várható zárás", "abschlussdatum", "schlussdatum"),
        ),
        "lost_reason": (
            *("loss reason", "lost reason", "closed lost reason", "deal - lost reason"),
            *("reden van verlies", "raison de la perte", "vesztés oka", "verlustgrund"),
        ),
        "owner": (
            *("deal owner", "opportunity owner", "deal - owner", "owner", "eigenaar"),
            *("propriétaire", "felelős", "inhaber"),
        ),
        "account_id": ("account id", "associated company ids", "deal - organization id"),
        "account_name": (
            *("account name", "associated company", "deal - organization", "potential customer"),
            *("account", "company", "bedrijf", "entreprise", "cég", "firma"),
        ),
        "contact_id": (
            *("contact id", "associated contact ids", "deal - contact person id"),
            *("primary contact id", "contactpersoon id"),
        ),
        "email": ("contact email", "associated contact email", "person - email"),
        "created_at": (
            *("create date", "created date", "created on", "deal - deal created"),
            "deal - created",
        ),
        "updated_at": (
            *("last modified date", "deal - update time", "modified on"),
            *("(do not modify) modified on", "last stage change date", "laatst gewijzigd"),
        ),
    },
)
