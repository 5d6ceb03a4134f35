"""What every channel gets, gives back and promises."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Attachment(Struct, frozen=True, kw_only=True):
    """A file that comes with a message; `media_type` such as "application/pdf"."""

    name: str
    media_type: str
    data: bytes


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one person reads. `purpose` is the contact's, or "internal" for a colleague."""

    subject: str
    text: str
    html: str | None = None
    purpose: str = "internal"
    unsubscribe_url: str | None = None
    attachments: tuple[Attachment, ...] = ()


class Delivery(Struct, frozen=True, kw_only=True):
    """One message on its way: the key makes a second attempt recognisable as the same one."""

    idempotency_key: str
    recipient: str
    message: Message
    created_at: datetime


class Channel(Protocol):
    """A way to write to people. The outbox owns retries, leases and receipts."""

    name: str

    def send(self, delivery: Delivery) -> str:
        """Hand the message over; returns the receipt under which the other side knows it.

        Raises
        ------
        DeliveryFailed
            Not this time: trying again may work.
        DeliveryRefused
            Never: with ``address_refused=True`` when the address is the cause.
        """
        ...
