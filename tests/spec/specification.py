"""Reads the specifications beside it, and asks their questions of an engine."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from rapport.engines.lake import Lake, Query
from rapport.engines.lake.store import digest
from rapport.understand.answer import answer
from rapport.understand.cohorts import cohort_query, cohort_retention
from rapport.understand.customers import (
    CONSENTS,
    GROUPS,
    PERSONAS,
    SCORES,
    build_customers,
    customers_query,
)
from rapport.understand.geography.catchment import SHOPS, catchment_query
from rapport.understand.hypotheses.definition import read_hypothesis
from rapport.understand.hypotheses.subjects import followed_query
from rapport.understand.journeys.bottlenecks import cell_query
from rapport.understand.journeys.definition import read_definition
from rapport.understand.journeys.flows import flow_query, follow_query
from rapport.understand.journeys.funnel import funnel_query
from rapport.understand.journeys.paths import path_query
from rapport.understand.journeys.steps import step_query
from rapport.understand.journeys.walks import moves_query
from rapport.understand.journeys.watch import complaint_query, failure_query, time_query
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.periods import days, midnight
from rapport.understand.personas.day import GROUPED, day_query
from rapport.understand.personas.fact_queries import (
    answers_query,
    coupons_query,
    facts_query,
    offers_query,
)
from rapport.understand.plan import compile_question
from rapport.understand.question import Filter, Question
from rapport.understand.segments.members import member_ids, members_query
from rapport.understand.segments.rule import Rule, read_rule
from rapport.understand.site.browsing import SiteScope
from rapport.understand.site.elements import element_query, point_query, trouble_query
from rapport.understand.site.interests import interest_query
from rapport.understand.site.pages import page_query
from rapport.understand.site.scrolling import scroll_query
from rapport.understand.site.searches import search_query
from rapport.understand.site.totals import totals_query
from rapport.understand.site.unused import shown_query, used_query
from rapport.understand.site.usefulness import usefulness_query
from rapport.understand.site.visits import page_visit_query
from rapport.vocabulary.lake_tables import (
    CUSTOMERS,
    MODEL_VERSIONS,
    ORDER_ITEMS,
    SITE_EVENTS,
    STATED_FIGURES,
    TOUCHPOINTS,
)
from rapport.vocabulary.lake_tables import SCORES as SCORE_HISTORY
from tests.understand.touchpoint_rows import membership, touchpoints

FOLDER = Path(__file__).parent
DIGESTS = FOLDER / "digests.json"
Row = dict[str, Any]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """One section of a file."""

    file: str
    title: str
    question: dict[str, Any]
    given: tuple[dict[str, str], ...]
    expected: tuple[dict[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.title}"


def specs() -> list[Spec]:
    """Every section of every file, in order."""
    return [spec for path in sorted(FOLDER.glob("*.md")) for spec in _sections(path)]


def _sections(path: Path) -> Iterator[Spec]:
    for section in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        block = re.search(r"^```toml\n(.*?)^```", body, flags=re.M | re.S)
        if block is None:
            raise ValueError(f"{path.name}, {title!r}: a section needs a question in ```toml")
        yield Spec(
            file=path.stem,
            title=title.strip(),
            question=tomllib.loads(block[1]),
            given=tuple(_table(body[: block.start()])),
            expected=tuple(_table(body[block.end() :])),
        )


def _table(text: str) -> Iterator[dict[str, str]]:
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for row in cells[2:]:
        yield dict(zip(cells[0], row, strict=True))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A specification as tables and a query, for any engine."""

    query: Query
    tables: dict[str, pa.Table]


def tables_of(spec: Spec) -> dict[str, pa.Table]:
    """The lake that a specification describes."""
    if spec.question["ask"] == "segment" and "person" not in spec.given[0]:
        rows = [_typed(row, CUSTOMERS) for row in spec.given]
        full = [
            {"order_count": 0, "revenue": Decimal(0), "tickets_90_days": 0, **row} for row in rows
        ]
        return {"customers": pa.Table.from_pylist(full, CUSTOMERS)}
    people = sorted({row["person"] for row in spec.given if row.get("person")})
    atoms = {name: number for number, name in enumerate(people, 1)}
    if "site" in spec.question:
        return _site_tables(spec, atoms)
    rows = [
        {**_typed(row, TOUCHPOINTS), "atom_id": atoms.get(row.get("person", ""))}
        for row in spec.given
    ]
    return {
        "touchpoints": touchpoints(rows),
        "membership": membership({number: name for name, number in atoms.items()}),
        "customers": _customers(people)
        if spec.question["ask"] == "segment"
        else _stated(spec, "customers", CUSTOMERS),
        "order_items": _stated(spec, "items", ORDER_ITEMS),
        "stated_figures": _stated(spec, "stated", STATED_FIGURES),
        "shops": _stated(spec, "shops", SHOPS),
        "scores": _stated(spec, "scores", SCORE_HISTORY),
        "model_versions": _stated(spec, "models", MODEL_VERSIONS),
    }


_CHAINS = frozenset(
    {
        "followed", "moves", "failures", "times", "complaints", "lost", "funnel", "steps", "flows",
        "follows", "paths",
    }
)  # fmt: skip


def _site_tables(spec: Spec, atoms: dict[str, int]) -> dict[str, pa.Table]:
    """Events of a site; a person whose name ends in a question mark is not known."""
    rows = [
        {
            "bucket": 0,
            "position": position,
            "source": "site",
            **_typed(row, SITE_EVENTS),
            "atom_id": atoms[row["person"]],
        }
        for position, row in enumerate(spec.given, 1)
    ]
    known = {number: name for name, number in atoms.items() if not name.endswith("?")}
    return {
        "site_events": pa.Table.from_pylist(rows, SITE_EVENTS),
        "membership": membership(known),
        "customers": _stated(spec, "customers", CUSTOMERS),
        "touchpoints": TOUCHPOINTS.empty_table(),
    }


#: What a row of a question's own tables has where it says nothing.
_PLAIN: Row = {
    "bucket": 0, "order_id": "-", "line": 1, "sku": "-", "quantity": "1",
    "order_count": 0, "revenue": "0", "tickets_90_days": 0,
    "starts_at": "2000-01-01",
}  # fmt: skip


def _stated(spec: Spec, name: str, schema: pa.Schema) -> pa.Table:
    """A table that the question brings along in its TOML; times of items are their order's."""
    rows = []
    for given in spec.question.get(name, ()):
        row = {**_PLAIN, "occurred_at": "2000-01-01", **given}
        texts = {key: str(value) for key, value in row.items() if key in schema.names}
        rows.append(_typed(texts, schema))
    return pa.Table.from_pylist(rows, schema)


def _customers(people: list[str]) -> pa.Table:
    rows = [
        {"profile_id": name, "order_count": 0, "revenue": Decimal(0), "tickets_90_days": 0}
        for name in people
    ]
    return pa.Table.from_pylist(rows, CUSTOMERS)


def _typed(row: dict[str, str], schema: pa.Schema) -> Row:
    made: Row = {}
    for name, text in row.items():
        if name == "person" or not text:
            continue
        kind = schema.field(name).type
        value: Any = text
        if pa.types.is_timestamp(kind):
            moment = datetime.fromisoformat(text)
            value = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif pa.types.is_decimal(kind):
            value = Decimal(text).quantize(Decimal("0.0001"))
        elif pa.types.is_floating(kind):
            value = float(text)
        elif pa.types.is_integer(kind):
            value = int(text)
        elif pa.types.is_boolean(kind):
            value = text == "yes"
        made[name] = value
    return made


def question_of(spec: Spec) -> Question:
    """The question of a section that asks for metrics."""
    asked = spec.question
    zone = asked.get("time_zone", "UTC")
    start, end = days(asked["from"], asked["to"], zone)
    return Question(
        metrics=tuple(name for name in spec.expected[0] if name in METRICS),
        start=start,
        end=end,
        grain=asked.get("grain"),
        time_zone=zone,
        dimensions=tuple(asked.get("by", ())),
        filters=tuple(
            Filter(dimension=name, values=tuple(values))
            for name, values in asked.get("only", {}).items()
        ),
        as_of=asked.get("as_known_at"),
    )


def _range(spec: Spec) -> dict[str, Any]:
    asked = spec.question
    zone = asked.get("time_zone", "UTC")
    start, end = days(asked["from"], asked["to"], zone)
    return {"start": start, "end": end, "time_zone": zone}


def _catchment_query(spec: Spec) -> Query:
    start, end = days(spec.question["from"], spec.question["to"], "UTC")
    return catchment_query(start, end)


def _rule(spec: Spec) -> tuple[Rule, datetime]:
    return read_rule(spec.question["rule"]), midnight(spec.question["on"], "UTC")


def _chain_query(spec: Spec) -> Query:
    """The query of a hypothesis or a journey, whose answer is what the engine gives."""
    asked = spec.question
    if "hypothesis" in asked:
        return followed_query(
            read_hypothesis(asked["hypothesis"]), until=midnight(asked["until"], "UTC")
        )
    definition = read_definition(asked["journey"])
    start, until = midnight(asked["from"], "UTC"), midnight(asked["until"], "UTC")
    by = asked.get("by")
    if asked["ask"] == "moves":
        return moves_query(definition, until)
    if asked["ask"] in ("failures", "times", "complaints"):
        weekly = {"failures": failure_query, "times": time_query, "complaints": complaint_query}
        return weekly[asked["ask"]](definition, until=until, by=by)
    if asked["ask"] == "lost":
        return cell_query(definition, start=start, until=until, by=by)
    if asked["ask"] == "funnel":
        return funnel_query(
            definition, start=start, until=until, per_customer=asked.get("per") == "customer"
        )
    plain = {"steps": step_query, "flows": flow_query, "follows": follow_query, "paths": path_query}
    return plain[asked["ask"]](definition, start=start, until=until)


def _site_query(spec: Spec) -> Query:
    asked = spec.question
    scope = SiteScope(
        source="site",
        start=midnight(asked["from"], "UTC"),
        until=midnight(asked["until"], "UTC"),
        **asked["site"],
    )
    if asked["ask"] in _OF_PAGES:
        return _OF_PAGES[asked["ask"]](scope, asked["path"])
    if asked["ask"] == "interests":
        return interest_query(scope, asked["by"])
    return _OF_SITES[asked["ask"]](scope)


_OF_PAGES: dict[str, Callable[[SiteScope, str], Query]] = {
    "elements": element_query,
    "points": point_query,
    "page visits": page_visit_query,
    "scrolling": scroll_query,
}
_OF_SITES: dict[str, Callable[[SiteScope], Query]] = {
    "pages": page_query,
    "searches": search_query,
    "shown": shown_query,
    "totals": totals_query,
    "troubles": trouble_query,
    "used": used_query,
    "usefulness": usefulness_query,
}


def _of_personas(spec: Spec) -> Asked:
    """What is known of customers, what they answered, or when they are in touch."""
    now, zone = midnight(spec.question["on"], "UTC"), spec.question.get("time_zone", "UTC")
    people = spec.question.get("group", ())
    rows = [{"profile_id": name, "segment": "group"} for name in people]
    tables = {**tables_of(spec), "grouped": pa.Table.from_pylist(rows, GROUPED)}
    queries = {
        "facts": lambda: facts_query(now, zone), "answers": lambda: answers_query(now),
        "offers": lambda: offers_query(now), "coupons": lambda: coupons_query(now),
        "day": lambda: day_query(now, zone),
    }  # fmt: skip
    return Asked(query=queries[spec.question["ask"]](), tables=tables)


def asked_of(spec: Spec) -> Asked:
    """The query of a section, and its tables."""
    tables = tables_of(spec)
    kind = spec.question["ask"]
    if kind == "question":
        plan = compile_question(question_of(spec))
        return Asked(query=plan.query, tables={**tables, **plan.tables})
    if kind == "cohorts":
        query, small = cohort_query(**_range(spec))
        return Asked(query=query, tables={**tables, **small})
    if kind == "customers":
        query = customers_query(midnight(spec.question["on"], "UTC"))
        ledger = {
            "profiles": GROUPS, "given_scores": SCORES, "consents": CONSENTS, "personas": PERSONAS,
        }  # fmt: skip
        empty = {name: schema.empty_table() for name, schema in ledger.items()}
        return Asked(query=query, tables={**tables, **empty})
    if kind in _CHAINS:
        return Asked(query=_chain_query(spec), tables=tables)
    if "site" in spec.question:
        return Asked(query=_site_query(spec), tables=tables)
    if kind == "catchment":
        return Asked(query=_catchment_query(spec), tables=tables)
    if kind in ("facts", "answers", "offers", "coupons", "day"):
        return _of_personas(spec)
    rule, now = _rule(spec)
    return Asked(query=members_query(rule, now=now), tables=tables)


def found_by(spec: Spec, lake: Lake) -> list[dict[str, str]]:
    """The answer, written as the specification writes it."""
    tables = tables_of(spec)
    kind = spec.question["ask"]
    if kind == "question":
        question = question_of(spec)
        rows = answer(lake, question, tables=tables).rows()
        return [{name: _written(row[name]) for name in spec.expected[0]} for row in rows]
    if kind == "cohorts":
        triangle = cohort_retention(lake, **_range(spec), tables=tables)
        return [
            {
                "cohort": cohort.period.isoformat(),
                "customers": str(cohort.size),
                **{
                    name: _written(dict(enumerate(cohort.shares)).get(int(name)))
                    for name in spec.expected[0]
                    if name.isdigit()
                },
            }
            for cohort in triangle.cohorts
        ]
    if kind == "customers":
        table = build_customers(lake, midnight(spec.question["on"], "UTC"), tables=tables)
        return [
            {name: _written(row[name]) for name in spec.expected[0]} for row in table.to_pylist()
        ]
    if kind in _CHAINS or kind == "catchment" or "site" in spec.question:
        asked = asked_of(spec)
        rows = lake.ask(asked.query, tables=asked.tables).to_pylist()
        return [{name: _written(row[name]) for name in spec.expected[0]} for row in rows]
    if kind in ("facts", "answers", "offers", "coupons", "day"):
        asked = _of_personas(spec)
        rows = lake.ask(asked.query, tables=asked.tables).to_pylist()
        found = [{name: _written(row[name]) for name in spec.expected[0]} for row in rows]
        return sorted(found, key=lambda row: tuple(row.values()))
    rule, now = _rule(spec)
    found = member_ids(lake, rule, now=now, tables=tables)
    return [{"profile_id": name} for name in found["profile_id"].to_pylist()]


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def digest_of(spec: Spec, lake: Lake) -> str:
    """Digest of what the engine itself answers."""
    asked = asked_of(spec)
    return digest(lake.ask(asked.query, tables=asked.tables))
