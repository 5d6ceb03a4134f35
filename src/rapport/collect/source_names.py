"""What a source may be called: its name stands in addresses, files and commands."""

from __future__ import annotations

LONGEST = 60
#: The rule, to end a message with.
RULE = f"1 to {LONGEST} small letters, digits, _ or -, such as webshop or till_hu"


def is_source_name(name: str) -> bool:
    """Whether a source can be called so."""
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return plain and len(name) <= LONGEST and name == name.lower()
