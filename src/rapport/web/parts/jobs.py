"""Long work: which step, how far, how long still, and a way to stop it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from rapport.web import html as h
from rapport.web.parts.buttons import post_button
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext


class JobProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    job_id: str
    title: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    step: str | None = None
    done: int = 0
    total: int | None = None
    """None while nobody knows."""
    left: timedelta | None = None
    detail: str | None = None
    """What failed and what to do, or what came of it."""
    cancel_action: str | None = None


def job_row(context: PageContext, job: JobProgress) -> h.Markup:
    """One job; the element's id is ``job-<id>``, so that a later one can replace it."""
    tones: dict[str, Literal["neutral", "good", "bad", "accent"]] = {
        "running": "accent",
        "done": "good",
        "failed": "bad",
    }
    at_work = job.state in {"waiting", "running"}
    return h.div(
        {"class": "job", "id": f"job-{job.job_id}"},
        h.div(
            {"class": "job-head"},
            h.b(job.title),
            chip(context.t(f"parts.job.{job.state}"), tone=tones.get(job.state, "neutral")),
            post_button(context, context.t("parts.job.cancel"), action=job.cancel_action)
            if at_work and job.cancel_action
            else None,
        ),
        h.progress(
            {
                "class": "job-bar",
                "max": job.total,
                "value": job.done if job.total else None,
                "aria-label": job.title,
            }
        )
        if at_work
        else None,
        h.div({"class": "job-line"}, h.span(_far(context, job)), h.span(_left(context, job))),
    )


def _far(context: PageContext, job: JobProgress) -> h.Child:
    if job.state == "failed" or (job.detail and job.state != "running"):
        return job.detail
    if job.total is None and job.done == 0:
        return job.step
    n = context.n
    count = n.count(job.done)
    if job.total is not None:
        count = context.t("parts.job.of", done=count, total=n.count(job.total))
    return f"{job.step} · {count}" if job.step else count


def _left(context: PageContext, job: JobProgress) -> str | None:
    if job.state != "running" or job.left is None:
        return None
    return context.t("parts.job.left", time=context.n.duration(job.left))
