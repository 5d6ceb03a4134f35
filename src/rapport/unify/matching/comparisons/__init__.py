"""What records say of one matter, one file each: how it is read, and how alike two readings are."""

from __future__ import annotations

from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.comparisons import (
    address,
    birth,
    business_id,
    company_email,
    company_form,
    company_name,
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
    record_kind,
)
from rapport.unify.matching.comparisons.of_companies import of_companies

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
    record_kind.COMPARISON,
    company_name.COMPARISON,
    company_form.COMPARISON,
    company_email.COMPARISON,
    of_companies(phone.COMPARISON),
    of_companies(address.COMPARISON),
    business_id.COMPARISON,
)
