"""`rapport serve`: the pages, the API and the worker."""

from __future__ import annotations

import click

from rapport.cli.common import Context, out


@click.command()
@click.option("--host", help="Address to serve on.")
@click.option("--port", type=int, help="Port to serve on.")
@click.pass_obj
def serve(context: Context, host: str | None, port: int | None) -> None:
    """Serve pages, API and collector, and work on what arrives, until Ctrl-C.

    \b
    Example:
      rapport --data rapport-data serve --port 8000
    """
    from rapport.workflows.serve import serve_company  # noqa: PLC0415

    serve_company(context.settings.served_at(host=host, port=port), announce=out.print)
