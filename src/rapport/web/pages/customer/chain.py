"""How the records of a person hang together, as a picture: records are boxes, links are lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rapport.unify.explain import LinkShown, RecordShown
from rapport.web import html as h

#: More boxes say nothing to the eye.
MOST_RECORDS = 40
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _EDGE = 196, 42, 46, 12, 1
_LONGEST = 25
_text = h.element("text")
_DRAWN = frozenset({"likeness", "must_link"})


def chain_picture(
    records: Sequence[RecordShown],
    links: Sequence[LinkShown],
    *,
    said: str,
    names: Mapping[str, str],
    sources: Mapping[str, str],
) -> h.Markup:
    """The links that made one person of these records.

    Parameters
    ----------
    said : str
        What the picture shows, for those who do not see it.
    names, sources : mapping of atom id to str
        What stands in the box of each record.
    """
    beside: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for link in links:
        a, b = link.a.atom_id, link.b.atom_id
        beside[a].append((b, link.kind))
        beside[b].append((a, link.kind))
    places: dict[str, tuple[int, int]] = {}
    edges: list[tuple[str, str, str]] = []
    row = 0

    def place(atom: str, depth: int, before: str | None) -> int:
        """Put a record and all behind it; returns its row, halfway between its own."""
        nonlocal row
        rows = []
        for other, kind in sorted(beside[atom], key=lambda each: (names[each[0]], each[0])):
            if other == before or other in places:
                continue
            places[other] = (depth + 1, 0)
            edges.append((atom, other, kind))
            rows.append(place(other, depth + 1, atom))
        if rows:
            mine = (rows[0] + rows[-1]) // 2
        else:
            mine = row
            row += 2
        places[atom] = (depth, mine)
        return mine

    # The record with most links stands in front.
    for record in sorted(records, key=lambda r: (-len(beside[r.atom_id]), names[r.atom_id])):
        if record.atom_id not in places:
            places[record.atom_id] = (0, 0)
            place(record.atom_id, 0, None)

    def corner(atom: str) -> tuple[int, int]:
        depth, at = places[atom]
        return (
            depth * (_WIDTH + _GAP_X) + _EDGE,
            at * (_HEIGHT + _GAP_Y) // 2 + _EDGE,
        )

    width = max(x for x, _ in map(corner, places)) + _WIDTH + _EDGE
    height = max(y for _, y in map(corner, places)) + _HEIGHT + _EDGE
    return h.div(
        {"class": "table-scroll", "tabindex": 0, "role": "region", "aria-label": said},
        h.svg(
            {
                "class": "chain", "width": width, "height": height,
                "viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": said,
            },
            (_edge(corner(a), corner(b), kind) for a, b, kind in edges),
            (
                _node(corner(r.atom_id), names[r.atom_id], sources[r.atom_id])
                for r in records
            ),
        ),
    )  # fmt: skip


def _edge(start: tuple[int, int], end: tuple[int, int], kind: str) -> h.Markup:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    to_x, to_y = end[0], end[1] + _HEIGHT // 2
    middle = (x + to_x) // 2
    return h.path(
        {
            "class": ["chain-edge", kind if kind in _DRAWN else None],
            "d": f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}",
        }
    )


def _node(corner: tuple[int, int], name: str, source: str) -> h.Markup:
    x, y = corner
    return h.g(
        h.title(f"{name}, {source}"),
        h.rect(
            {"class": "chain-node", "x": x, "y": y, "width": _WIDTH, "height": _HEIGHT, "rx": 6}
        ),
        _text({"x": x + 10, "y": y + 18}, _short(name)),
        _text({"class": "chain-note", "x": x + 10, "y": y + 33}, _short(source)),
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
