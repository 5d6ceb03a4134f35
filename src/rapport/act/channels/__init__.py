"""The channels we can write on: one file each, one line here.

A channel's module has ``NAME``, ``address_problem(address)`` and ``from_settings(settings)``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from rapport.act.channels.base import Channel, Delivery, Message
from rapport.settings import Settings

__all__ = ["CHANNELS", "Channel", "Delivery", "Message", "address_problem", "open_channels"]

#: Name and module, alphabetical. A module is imported when its channel is first used.
CHANNELS: tuple[tuple[str, str], ...] = (("email", "rapport.act.channels.email"),)


def address_problem(channel: str, address: str | None) -> str | None:
    """The code of what makes ``address`` unusable on ``channel``; None if it is usable."""
    module = dict(CHANNELS).get(channel)
    if module is None:
        return "unknown_channel"
    if not address:
        return "no_address"
    problem = cast("Callable[[str], str | None]", import_module(module).address_problem)
    return problem(address)


def open_channels(settings: Settings) -> dict[str, Channel]:
    """The channels that ``settings`` configure, by name; messages of others wait."""
    opened: dict[str, Channel] = {}
    for name, module in CHANNELS:
        build = cast("Callable[[Settings], Channel | None]", import_module(module).from_settings)
        channel = build(settings)
        if channel is not None:
            opened[name] = channel
    return opened
