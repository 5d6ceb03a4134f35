"""What pages cost the server: CPU per page cold, with answers remembered, and beside a floor.

    python benchmarks/pages.py FOLDER --repeat 50    # the data folder of a company

The floor is the frame around nothing (a page with a heading only), rendered in the same process in
the same run. "cold" asks the lake every question of the page; "warm" finds all answers remembered,
as everybody does who opens the page after the first; "bytes" is the page as sent, gzipped.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import time
from collections.abc import Callable
from functools import partial

from rapport.settings import Settings
from rapport.understand.segments.rule import All
from rapport.web.pages.dashboard.cards import GROUPS, draw, segment_table
from rapport.web.pages.dashboard.definition import course_card
from rapport.web.pages.segments.builder import builder
from rapport.web.pages.segments.draft import empty_draft
from rapport.web.parts.context import PageContext, User
from rapport.web.parts.frame import page
from rapport.workflows import remembered
from rapport.workflows.accuracy import newest_accuracy
from rapport.workflows.company import Company, open_company
from rapport.workflows.dashboard import View, metric_course, stand
from rapport.workflows.segments import count_rule, segments_overview

_ALL = View()
_CONTEXT = PageContext(language="en", user=User(name="Sofie Maes", role="Manager"))


def _milliseconds(run: Callable[[], str], repeat: int) -> tuple[float, int]:
    """Median CPU of one run, in ms, and the size of what it gave, gzipped."""
    spent, text = [], ""
    for _ in range(repeat):
        started = time.process_time()
        text = run()
        spent.append((time.process_time() - started) * 1000)
    return statistics.median(spent), len(gzip.compress(text.encode(), 6))


def _pages(company: Company) -> dict[str, Callable[[], str]]:
    def dashboard(name: str, view: View = _ALL) -> str:
        standing = stand(company, view)
        if standing is None:
            raise SystemExit("This company has no data yet: run `rapport demo` into the folder")
        return "".join(draw(_CONTEXT, company, standing, each) for each in GROUPS[name])

    def segments() -> str:
        rows, accuracy = segments_overview(company), newest_accuracy(company)
        return page(_CONTEXT, "Segments", segment_table(_CONTEXT, rows, accuracy))

    def form() -> str:
        draft = empty_draft()
        counted = count_rule(company, All())
        body = builder(_CONTEXT, company, draft, name="", key="", counted=counted)
        return page(_CONTEXT, "New segment", body)

    def metric() -> str:
        standing = stand(company, View())
        assert standing is not None
        found = metric_course(company, standing, "revenue")
        return page(_CONTEXT, "Revenue", course_card(_CONTEXT, standing, found))

    found: dict[str, Callable[[], str]] = {
        f"dashboard/{name}": partial(dashboard, name) for name in GROUPS
    }
    narrow = View(country="BE", channel="store")
    found |= {f"dashboard/{name} BE store": partial(dashboard, name, narrow) for name in GROUPS}
    return found | {"segments": segments, "segments/new": form, "metrics/revenue": metric}


def main() -> None:
    """Print one line per page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    with open_company(Settings(data=options.folder)) as company:
        pages = _pages(company)
        floor, size = _milliseconds(lambda: page(_CONTEXT, "Nothing"), options.repeat)
        print(f"{'page':<26}{'cold ms':>9}{'warm ms':>9}{'× floor':>9}{'bytes':>9}")
        print(f"{'(floor: empty frame)':<26}{'':>9}{floor:>9.2f}{1:>9.1f}{size:>9}")
        for name, run in pages.items():
            remembered.forget(company)
            cold, _ = _milliseconds(run, 1)
            warm, size = _milliseconds(run, options.repeat)
            print(f"{name:<26}{cold:>9.0f}{warm:>9.2f}{warm / floor:>9.1f}{size:>9}")


if __name__ == "__main__":
    main()
