"""Who may do what: roles and permissions."""

from __future__ import annotations

from msgspec import Struct

#: Permission names, checked by every route and command.
PERMISSIONS: dict[str, str] = {
    "dashboard.read": "see figures of the whole company",
    "boards.read": "see the boards that are shared with the role",
    "boards.write": "make and change boards, and say who gets them by mail",
    "customers.read": "search and open customers",
    "customers.contact": "see e-mail addresses and phone numbers in full",
    "customers.merge": "join and separate profiles",
    "segments.read": "see segments and their counts",
    "segments.write": "make and change segments",
    "tickets.read": "see the inbox",
    "tickets.write": "work on tickets",
    "messages.send": "send messages to customers",
    "sources.read": "see data sources and what they refused",
    "sources.write": "connect sources and make write keys",
    "users.write": "manage users",
    "settings.write": "change settings and the contact policy",
}

ROLES: dict[str, frozenset[str]] = {
    "admin": frozenset(PERMISSIONS),
    "manager": frozenset(PERMISSIONS) - {"users.write", "settings.write", "sources.write"},
    "agent": frozenset(
        {
            "boards.read",
            "customers.read",
            "customers.contact",
            "tickets.read",
            "tickets.write",
            "messages.send",
        }
    ),
    "marketer": frozenset(
        {"dashboard.read", "boards.read", "boards.write", "segments.read", "segments.write"}
    ),
}


class User(Struct, frozen=True, kw_only=True):
    """Somebody who signs in."""

    user_id: int
    email: str
    name: str
    role: str
    language: str = "en"
    theme: str = "auto"  # auto | light | dark
    time_zone: str = "Europe/Brussels"

    def may(self, permission: str) -> bool:
        """Whether the user's role holds ``permission``."""
        return permission in ROLES[self.role]
