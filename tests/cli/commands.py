"""Every command of ``rapport``, as click knows it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from rapport.cli import main_group


def commands(
    group: click.Group = main_group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Name and command, groups before what they hold."""
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands())
#: Those that do something: without the groups that only hold others.
LEAVES = {
    path: c
    for path, c in COMMANDS.items()
    if not isinstance(c, click.Group) or c.invoke_without_command
}
