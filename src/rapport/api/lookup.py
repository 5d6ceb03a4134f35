"""Finding a person by whatever is known of them."""

from __future__ import annotations

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from rapport.workflows.company import Company
from rapport.workflows.lookup import LookedUp, look_up


class Stated(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is known of somebody, as said or typed; `country` says where numbers are dialled."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    birthday: str | None = None
    gender: str | None = None
    email: str | None = None
    phone: str | None = None
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None
    loyalty_card: str | None = None
    iban: str | None = None
    customer_number: str | None = None


@post(
    "/api/v1/identity/lookup",
    status_code=200,
    sync_to_thread=True,
    tags=["customers"],
    opt={"permission": "customers.read"},
    summary="Find a person by name, number, address or birthday",
)
def look_up_person(company: NamedDependency[Company], data: JSONBody[Stated]) -> LookedUp:
    """Who it is (`certain`), or who it may be. Nothing is joined by asking."""
    return look_up(company, msgspec.to_builtins(data))


routes = (look_up_person,)
