"""Forms of mystery shoppers: what a visit scored in all and on each criterion.

The shopper is hired and no customer: their code is kept, and no profile is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from rapport.collect.cell_values import read_decimal, read_yes_no
from rapport.collect.connector import Columns, Connector
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import MYSTERY_VISIT_SCORED, Touchpoint

#: Fields of a wide table that are criteria begin so; the rest is the criterion's name.
_CRITERION = "criterion_"
_NOT_ASKED = frozenset({"n/a", "na", "nvt", "n.v.t.", "-", "s.o.", "n.é.", "entfällt", "x/x"})


def read_visit(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one visit: one row, or the rows of its criteria.

    Raises
    ------
    RowError
        If a criterion is scored outside its scale, or nothing was scored.
    """
    first = rows[0]
    visited_at = first.required_moment("visited_at")
    place = first.required("place")
    criteria = _of_rows(rows) if "criterion" in first.reading.mapping.columns else _of_row(first)
    stated = first.number("score")
    total = _share(stated, first.number("scale_max") or 100.0) if stated is not None else None
    if total is None:
        if not criteria:
            raise RowError("missing_field", "the visit has neither `score` nor any criterion")
        weight = sum(weight for _, weight in criteria.values())
        if weight <= 0:
            raise RowError("score_out_of_range", "the weights of the criteria sum to nothing")
        total = sum(share * each for share, each in criteria.values()) / weight
    visit = first.text("visit_id")
    said = (place, visited_at, first.text("shopper"), sorted(criteria), total)
    texts = [text for row in rows if (text := row.text("text")) is not None]
    yield first.touchpoint(
        f"mystery:{visit or sha256(repr(said).encode()).hexdigest()[:24]}",
        type=MYSTERY_VISIT_SCORED,
        channel="store",
        occurred_at=visited_at,
        score=round(total, 2),
        scale_min=0.0,
        scale_max=100.0,
        question="mystery_visit",
        text="\n".join(dict.fromkeys(texts)) or None,
        language=first.language(),
        identifiers=(),
        properties={
            "criteria": {name: round(share, 2) for name, (share, _) in criteria.items()} or None,
            "shopper": first.text("shopper"),
            "scenario": first.text("scenario"),
            "staff": first.text("staff"),
        },
    )


def _of_row(row: Row) -> dict[str, tuple[float, float]]:
    """Name → share of what could be reached, 0 to 100, and weight; criteria are columns."""
    highest = float(row.reading.constants.get("criteria_max", "100"))
    found = {}
    for field in row.reading.free_fields:
        if field.startswith(_CRITERION):
            score = _score(row, field, highest)
            if score is not None:
                found[field.removeprefix(_CRITERION)] = (_share(score, highest), 1.0)
    return found


def _of_rows(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """As `_of_row`; criteria are rows, each with its own scale and weight."""
    found = {}
    for row in rows:
        highest = row.number("max_score") or float(row.reading.constants.get("criteria_max", "100"))
        score = _score(row, "criterion_score", highest)
        if score is None:
            continue
        name = row.required("criterion")
        if name in found:
            raise RowError("duplicate_key", "a criterion is scored twice in one visit")
        weight = row.number("weight")
        found[name] = (_share(score, highest), 1.0 if weight is None else weight)
    return found


def _score(row: Row, field: str, highest: float) -> float | None:
    """The points, of yes and no all or none; None where the question was not asked."""
    text = row.text(field)
    if text is None or text.casefold() in _NOT_ASKED:
        return None
    try:
        return float(read_decimal(row.cell(field), row.reading.decimal_mark))
    except ValueError:
        answer = read_yes_no(text)
    if answer is None:
        raise RowError("wrong_type", f"`{field[:60]}` is neither a number nor yes or no")
    return highest if answer else 0.0


def _share(score: float, highest: float) -> float:
    if highest <= 0 or not 0 <= score <= highest:
        raise RowError("score_out_of_range", "a score is below 0 or above its scale")
    return 100 * score / highest


def _criteria(columns: Columns, fields: dict[str, str]) -> dict[str, str]:
    """Columns that nothing else explains and that hold points or yes and no."""
    if "criterion" in fields:
        return {}
    taken = set(fields.values())
    found = {}
    for name, cells in columns.items():
        said = [cell for cell in cells if cell not in (None, "")]
        if name not in taken and said and all(_is_score(cell) for cell in said):
            found[_CRITERION + name.strip()] = name
    return found


def _is_score(cell: object) -> bool:
    text = str(cell).strip().casefold()
    if text in _NOT_ASKED or read_yes_no(text) is not None:
        return True
    try:
        return 0 <= read_decimal(cell) <= 100
    except ValueError:
        try:
            return 0 <= read_decimal(cell, ",") <= 100
        except ValueError:
            return False


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """The scale must be known where a total is made of the criteria."""
    stated = {*mapping.columns, *mapping.constants}
    mistakes = []
    criteria = [
        field for field in stated if field.startswith(_CRITERION) and (field != "criterion_score")
    ]
    if "criterion" in stated and "criterion_score" not in stated:
        mistakes.append("criteria that are rows need `criterion_score`")
    if not ({"score", "criterion"} & stated or criteria):
        mistakes.append(
            "a visit needs `score`, or its criteria: map each as criterion_NAME, or `criterion` "
            "and `criterion_score` where they are rows"
        )
    if ("criterion" in stated or criteria) and not {"max_score", "criteria_max"} & stated:
        mistakes.append("state `criteria_max`, the most points of a criterion, under [constants]")
    try:
        if float(mapping.constants.get("criteria_max", "1")) <= 0:
            raise ValueError
    except ValueError:
        mistakes.append("the constant `criteria_max` must be a number above 0")
    return mistakes


def _group_by(mapping: Mapping) -> str | None:
    return "visit_id" if {"criterion", "visit_id"} <= set(mapping.columns) else None


CONNECTOR = Connector(
    kind="mystery_shopping",
    label="Mystery visits",
    required=("visited_at", "place"),
    optional=(
        *("visit_id", "score", "scale_max", "criterion", "criterion_score", "max_score", "weight"),
        *("text", "language", "shopper", "scenario", "staff", "criteria_max"),
        *(field for field in PLACE_FIELDS if field != "place"),
    ),
    read=read_visit,
    group_by=_group_by,
    mapping_mistakes=mapping_mistakes,
    more_fields=_criteria,
    asks=("criteria_max",),
    file_words=("mystery", "shopper", "próbav", "mystère", "testkauf"),
    synonyms={
        "visited_at": (
            *("visited at", "visit date", "date of visit", "date", "bezoekdatum", "datum bezoek"),
            *("date de visite", "látogatás dátuma", "besuchsdatum", "datum", "dátum"),
        ),
        "visit_id": ("visit id", "visit", "form id", "bezoeknummer", "id", "response id"),
        "score": (
            *("total", "total score", "overall score", "score", "totaalscore", "score total"),
            *("összpontszám", "összesen", "gesamtpunktzahl"),
        ),
        "criterion": (
            *("criterion", "question", "item", "criterium", "vraag", "critère", "szempont"),
            "kriterium",
        ),
        "criterion_score": ("points", "answer", "criterion score", "punten", "pontszám", "punkte"),
        "max_score": ("max", "max points", "max score", "maximum", "maximumpunten"),
        "weight": ("weight", "gewicht", "poids", "súly", "gewichtung"),
        "shopper": (
            *("shopper", "shopper code", "shopper id", "mystery shopper", "bezoeker", "visiteur"),
            *("próbavásárló", "testkäufer", "evaluator"),
        ),
        "scenario": ("scenario", "scénario", "forgatókönyv", "szenario"),
        "staff": ("staff", "employee", "medewerker", "vendeur", "eladó", "mitarbeiter"),
        "text": ("comments", "remarks", "opmerkingen", "commentaires", "megjegyzések", "notes"),
    },
)
