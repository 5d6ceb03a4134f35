"""Which e-mail addresses are the company's own."""

from __future__ import annotations

import re

from msgspec import Struct

from rapport.vocabulary.identifier_values import normalise_email

_BETWEEN = re.compile(r"[\s,;]+")


class OwnAddresses(Struct, frozen=True):
    """Whole addresses, and domains of which every address is the company's."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def has(self, address: str) -> bool:
        """Whether the address, as `normalise_email` writes it, is the company's."""
        domain = address.rpartition("@")[2]
        return address in self.addresses or any(
            domain == own or domain.endswith("." + own) for own in self.domains
        )


def own_addresses(stated: str) -> OwnAddresses:
    """The addresses in a list such as ``info@kadar.hu, @kadar.example``.

    Raises
    ------
    ValueError
        With the first entry that is neither an address nor a domain.
    """
    addresses, domains = set(), set()
    for entry in _BETWEEN.split(stated.strip()):
        if not entry:
            continue
        name, _, domain = entry.rpartition("@")
        known = normalise_email(f"{name or 'x'}@{domain}")
        if known is None:
            raise ValueError(entry)
        if name:
            addresses.add(known)
        else:
            domains.add(known.partition("@")[2])
    return OwnAddresses(frozenset(addresses), frozenset(domains))
