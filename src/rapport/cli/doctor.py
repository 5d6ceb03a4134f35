"""`rapport doctor`: whether everything stands as it should."""

from __future__ import annotations

import sys
from typing import Any

import click

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.command()
@with_json
def doctor(company: Company, context: Context) -> None:
    """Check the data folder: stores, positions, freshness, models; say how to mend what is wrong.

    \b
    Example:
      rapport doctor
    """
    from rapport.workflows.doctor import examine  # noqa: PLC0415

    findings = examine(company)

    def shown(lines: Any) -> None:
        marks = {"good": "[blue]ok  [/]", "caution": "[yellow]look[/]", "bad": "[red]bad [/]"}
        for finding in lines:
            out.print(f"{marks[finding.state]} {finding.what}: {finding.says}")
            if finding.remedy:
                out.print(f"       {finding.remedy}")

    show(context, findings, shown)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)
