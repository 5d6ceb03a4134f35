"""Payments as a payment service or a till lists them: money received, and money given back.

They are no orders: where the shop's orders are read too, a sale would count twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import PAYMENT_RECEIVED, PAYMENT_RETURNED, Touchpoint

#: Words of payment services, for files whose mapping does not state its own.
_STATUS = {
    **dict.fromkeys(
        (
            *("paid", "succeeded", "successful", "completed", "complete", "captured", "settled"),
            *("confirmed", "paid_out", "received", "betaald", "payé", "fizetve", "bezahlt"),
        ),
        PAYMENT_RECEIVED,
    ),
    **dict.fromkeys(
        (
            *("refund", "refunded", "returned", "chargeback", "charged_back", "reversed"),
            *("terugbetaald", "remboursé", "visszatérítve", "erstattet"),
        ),
        PAYMENT_RETURNED,
    ),
}
#: What is no payment, or not yet one.
_NOTHING_PAID = frozenset(
    (
        *("pending", "open", "created", "processing", "authorized", "requires_action", "failed"),
        *("canceled", "cancelled", "expired", "declined", "queued", "draft", "void", "voided"),
    )
)


def read_payment(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoints of one payment: what came, and all that was given back of it until now."""
    (row,) = rows
    payment = row.required("payment_id")
    occurred_at = row.required_moment("occurred_at")
    amount = row.money("amount")
    if amount is None:
        raise RowError("missing_field", "`amount` is empty")
    if amount == 0:
        raise RowError("not_an_order", "nothing was paid: the amount is zero")
    kind = _kind(row, negative=amount < 0)
    returned = kind == PAYMENT_RETURNED
    yield row.touchpoint(
        f"payments:{payment}{':returned' if returned else ''}",
        type=kind,
        channel="finance",
        occurred_at=occurred_at,
        order_id=row.text("order_id"),
        amount=-abs(amount) if returned else amount,
        currency=row.currency(),
        text=None,
        properties={
            "payment_id": payment,
            "method": row.text("method"),
            "description": row.text("description"),
        },
    )
    refunded = row.money("refunded_amount")
    if not returned and refunded:
        # All until now; when it grows, that is said anew of this touchpoint.
        yield row.touchpoint(
            f"payments:{payment}:refunded",
            type=PAYMENT_RETURNED,
            channel="finance",
            occurred_at=row.moment("refunded_at") or occurred_at,
            order_id=row.text("order_id"),
            amount=-abs(refunded),
            currency=row.currency(),
            properties={"payment_id": payment},
        )


def _kind(row: Row, *, negative: bool) -> str:
    status = row.text("status")
    if status is None:
        return PAYMENT_RETURNED if negative else PAYMENT_RECEIVED
    if status.casefold() in _NOTHING_PAID:
        raise RowError("not_an_order", "nothing was paid, or not yet")
    kind = _STATUS.get(status.casefold())
    if kind is None:
        raise RowError(
            "wrong_type", "`status` has a word that is not mapped; add it to [values.status]"
        )
    if kind == PAYMENT_RECEIVED and negative:
        return PAYMENT_RETURNED
    return kind


CONNECTOR = Connector(
    kind="payments",
    label="Payments and refunds of a payment service",
    required=("payment_id", "occurred_at", "amount"),
    optional=(
        *("currency", "status", "order_id", "method", "description"),
        *("refunded_amount", "refunded_at"),
        *PERSON_FIELDS,
        *("first_name", "last_name"),
        *PLACE_FIELDS,
    ),
    read=read_payment,
    file_words=("payment", "betaling", "paiement", "fizet", "zahlung", "charge"),
    synonyms={
        "payment_id": (
            *("payment id", "transaction id", "charge id", "transaction code", "betaling id"),
            *("id transaction", "tranzakció azonosító", "transaktions-id"),
        ),
        "occurred_at": ("payment date", "paid at", "created", "betaald op", "date du paiement"),
        "amount": ("amount", "gross", "bedrag", "montant", "összeg", "betrag"),
        "refunded_amount": ("amount refunded", "refunded", "terugbetaald bedrag"),
        "method": ("payment method", "payment type", "betaalmethode", "mode de paiement"),
    },
)
