"""`rapport demo`: a whole company on this machine."""

from __future__ import annotations

from typing import Any

import click

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.workflows.company import Company


@click.command()
@click.option("--serve", is_flag=True, help="Then serve the pages until Ctrl-C.")
@click.option(
    "--people", default=6000, show_default=True, help="Inhabitants of the invented world."
)
@click.option("--seed", default=7, show_default=True, help="Another seed, another company.")
@click.option("--port", type=int, help="Port to serve on.")
@with_json
def demo(
    company: Company, context: Context, serve: bool, people: int, seed: int, port: int | None
) -> None:
    """Make the demo company Maison Kadár and walk its data through every room.

    A second start finds the data folder and goes on at once.

    \b
    Example:
      rapport demo --serve
    """
    from rapport.workflows.demo import DEMO_USERS, build_demo  # noqa: PLC0415
    from rapport.workflows.serve import serve_company  # noqa: PLC0415

    with bars(context.json) as progress:
        built = build_demo(company, people=people, seed=seed, progress=progress)

    def shown(result: Any) -> None:
        made = "made" if result.made else "found"
        out.print(
            f"Maison Kadár {made} in {company.settings.folder}: "
            f"{result.touchpoints:,} touchpoints, {result.profiles:,} profiles, "
            f"{result.refused:,} records refused, {result.seconds:.0f} s"
        )
        for user in DEMO_USERS:
            out.print(f"  sign in as {user.role:<8} {user.email}  password: {user.password}")

    show(context, built, shown)
    if serve:
        serve_company(context.settings.served_at(port=port), announce=out.print)
