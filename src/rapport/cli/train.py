"""`rapport train`: the models, with their back-test."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.workflows.company import Company


@click.command()
@with_json
def train(company: Company, context: Context) -> None:
    """Fit the models, test them on time they have not seen, and score every profile.

    \b
    Example:
      rapport train
    """
    from rapport.workflows.train import train_models  # noqa: PLC0415

    with bars(context.json) as progress:
        result = train_models(company, progress=progress)

    def shown(r: Any) -> None:
        if r.refused:
            out.print(f"No scores: {r.refused}")
            return
        out.print(f"{r.model}: {r.scored:,} profiles scored, data until {r.data_until:%d %B %Y}")
        table = Table("on held-out time", "orders MAE", "orders RMSE", "active Brier")
        for line in r.accuracy:
            table.add_row(
                line.name,
                f"{line.orders_mae_loss:.3f}",
                f"{line.orders_rmse_loss:.3f}",
                f"{line.active_brier_loss:.4f}",
            )
        out.print(table)

    show(context, result, shown)
