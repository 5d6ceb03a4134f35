"""The command line: one command per workflow, each with a working example in its help."""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from rapport import __version__
from rapport.cli.accounts import accounts
from rapport.cli.boards import boards
from rapport.cli.certify import certify
from rapport.cli.common import Context, err
from rapport.cli.conflicts import conflicts
from rapport.cli.demo import demo
from rapport.cli.doctor import doctor
from rapport.cli.households import households
from rapport.cli.hypotheses import hypotheses
from rapport.cli.identity import identity
from rapport.cli.import_files import import_
from rapport.cli.journeys import journeys
from rapport.cli.metrics import metrics
from rapport.cli.personas import personas
from rapport.cli.places import places
from rapport.cli.rebuild import rebuild
from rapport.cli.resolve import resolve
from rapport.cli.segments import segments
from rapport.cli.serve import serve
from rapport.cli.site import site
from rapport.cli.sources import sources
from rapport.cli.train import train
from rapport.cli.users import user
from rapport.errors import RapportError
from rapport.settings import read_settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--data", metavar="FOLDER", help="Folder that holds the company (RAPPORT_DATA).")
@click.version_option(__version__, prog_name="rapport")
@click.pass_context
def main_group(context: click.Context, data: str | None) -> None:
    """Rapport: one profile per person from all channels, and what to do next.

    \b
    Example:
      rapport demo --serve
    """
    context.obj = Context(settings=read_settings(data=data))


for command in (
    demo, serve, import_, resolve, train, certify, doctor, rebuild, user, sources, identity,
    conflicts, households, accounts, boards, journeys, hypotheses, metrics, personas, places,
    segments, site,
):  # fmt: skip
    main_group.add_command(command)


def main() -> None:
    """Entry point: runs the command and turns our errors into a sentence and an exit code."""
    try:
        main_group(prog_name="rapport", standalone_mode=False)
    except click.exceptions.Abort:
        err.print("Stopped")
        sys.exit(130)
    except click.ClickException as usage:
        usage.show()
        sys.exit(usage.exit_code)
    except RapportError as error:
        # Messages name sections such as [columns], which are no markup.
        err.print(f"[red]{error.code}[/]: {escape(error.message)}", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Stopped")
        sys.exit(130)
