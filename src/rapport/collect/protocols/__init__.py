"""One tracker's protocol, one module with a ``PROTOCOL``; this tuple is the registration."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from rapport.collect.protocol import Protocol

PROTOCOLS: tuple[str, ...] = (
    "rapport.collect.protocols.cloudevents",
    "rapport.collect.protocols.ga4",
    "rapport.collect.protocols.matomo",
    "rapport.collect.protocols.plausible",
    "rapport.collect.protocols.posthog",
    "rapport.collect.protocols.snowplow",
    "rapport.collect.protocols.webhook",
)

#: The protocols, by the names of their modules; also kinds of sources.
PROTOCOL_NAMES: tuple[str, ...] = tuple(name.rpartition(".")[2] for name in PROTOCOLS)


@cache
def protocols() -> tuple[Protocol, ...]:
    """Every protocol, in the order of their names."""
    return tuple(import_module(name).PROTOCOL for name in PROTOCOLS)


def protocol_at(path: str) -> Protocol | None:
    """The protocol whose events come in at a path; None where there is none."""
    for protocol in protocols():
        for known in protocol.paths:
            fixed, variable, _ = known.partition("{")
            if path.rstrip("/") == known.rstrip("/") or (variable and path.startswith(fixed)):
                return protocol
    return None
