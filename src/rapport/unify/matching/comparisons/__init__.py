"""What records say of one matter, one file each: how it is read, and how alike two readings are."""

from __future__ import annotations

from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.comparisons import (
    address,
    birth,
    customer_number,
    device,
    email,
    gender,
    iban,
    loyalty_card,
    mailbox_name,
    name,
    national_id,
    phone,
)

COMPARISONS: tuple[Comparison, ...] = (
    name.COMPARISON,
    birth.COMPARISON,
    email.COMPARISON,
    phone.COMPARISON,
    address.COMPARISON,
    loyalty_card.COMPARISON,
    national_id.COMPARISON,
    iban.COMPARISON,
    customer_number.COMPARISON,
    device.COMPARISON,
    gender.COMPARISON,
    mailbox_name.COMPARISON,
)
