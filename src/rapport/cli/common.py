"""What every command needs: the open company, the two ways to print, and a bar while it waits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rapport.settings import Settings
from rapport.workflows.company import open_company

out = Console(highlight=False)


err = Console(stderr=True, highlight=False)


class Context(msgspec.Struct):
    """What options before the command say."""

    settings: Settings
    json: bool = False


def with_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command ``--json`` (also accepted before it) and the open company."""

    @click.option("--json", "as_json", is_flag=True, help="Print the exact result as JSON.")
    @click.pass_obj
    @functools.wraps(command)
    def run(context: Context, /, *args: Any, as_json: bool, **options: Any) -> None:
        context.json = context.json or as_json
        with open_company(context.settings) as company:
            command(company, context, *args, **options)

    return run


def show(context: Context, result: Any, shown: Callable[[Any], None]) -> None:
    if context.json:
        plain = msgspec.to_builtins(result, str_keys=True, enc_hook=str)
        encoded = msgspec.json.encode(plain, order="deterministic")
        click.echo(msgspec.json.format(encoded).decode())
    else:
        shown(result)


@contextmanager
def bars(quiet: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress for workflows: one bar with counts per step."""
    with Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=quiet,
    ) as progress:
        tasks: dict[str, Any] = {}

        def report(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(_STEP_WORDS.get(step, step), total=total)
            progress.update(tasks[step], completed=done, total=total)

        yield report


#: Steps of workflows in the words of the person who waits.
_STEP_WORDS = {
    "generate": "Making the exports of the silos",
    "import": "Importing files",
    "apply": "Who is who, and their history",
    "match": "Comparing records",
    "segments": "Who belongs to which segment",
    "join": "Joining what is alike",
    "refresh": "Profiles up to date",
    "groups": "Households and accounts",
    "queue": "Who waits for a person's word",
    "customers": "Customers, segments, RFM",
    "train": "Models, with their back-test",
    "personas": "Groups of customers",
    "decide": "Deciding on messages",
    "rebuild": "Writing the lake anew",
}
