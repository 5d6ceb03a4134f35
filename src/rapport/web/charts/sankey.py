"""Flows between stages: a node per stage, a ribbon per flow, as wide as it is large."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart, DataColumn
from rapport.web.charts.scale import Colour

#: Of the drawing's width and height, in percent.
_NODE, _GAP = 0.75, 6.0
#: So thin that it can still be seen and pointed at.
_LEAST = 0.35
#: What is lower than this share of the drawing has no room for words: it is in the data table, and
#: says itself when pointed at.
_SAID = 1.6
_LABEL = 9.0


class SankeyNode(msgspec.Struct, frozen=True, kw_only=True):
    """A stage or an end.

    `at` is its place from left to right, 0 to 1; nodes of a higher `lane` stand lower, so that
    ends do not lie among stages.
    """

    key: str
    name: str
    at: float
    lane: int = 0
    colour: Colour = "cgrey"
    href: str | None = None


class SankeyFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What goes from one node to another, further right."""

    source: str
    target: str
    value: int
    colour: Colour = "cgrey"


class _Placed(msgspec.Struct, kw_only=True):
    node: SankeyNode
    value: int
    top: float = 0.0
    height: float = 0.0
    out: float = 0.0
    into: float = 0.0


def sankey_chart(
    nodes: Sequence[SankeyNode],
    flows: Sequence[SankeyFlow],
    *,
    written: Callable[[int], str],
    flow_name: Callable[[str, str], str],
    value_name: str,
    sentence: str,
    height: int = 360,
) -> Chart:
    """Nodes from left to right with ribbons between them.

    Parameters
    ----------
    nodes : sequence of SankeyNode
        Those without any flow are left out.
    flows : sequence of SankeyFlow
    written : callable
        From a size to text.
    flow_name : callable
        From two names to one, such as "Look → Buy".
    value_name : str
        What is counted, for the data table.
    sentence : str
        What the picture shows, in words.
    height : int, in px

    Raises
    ------
    ValueError
        If a flow names a node that there is not, or goes to the left.
    """
    known = {node.key: node for node in nodes}
    for flow in flows:
        if not {flow.source, flow.target} <= known.keys():
            raise ValueError(f"Flow {flow.source!r} → {flow.target!r} has no node; name both.")
        if known[flow.source].at >= known[flow.target].at:
            raise ValueError(f"Flow {flow.source!r} → {flow.target!r} goes to the left.")
    placed = _placed(nodes, flows)
    drawn = [
        _ribbon(
            flow,
            placed,
            f"{flow_name(known[flow.source].name, known[flow.target].name)}: {written(flow.value)}",
        )
        for flow in _from_above(flows, placed)
    ]
    bars = [
        h.rect(
            {
                "class": ["sankey-node", each.node.colour],
                "x": f"{_left(each.node):.2f}",
                "y": f"{each.top:.2f}",
                "width": f"{_NODE:.2f}",
                "height": f"{max(each.height, _LEAST):.2f}",
            },
            h.title(f"{each.node.name}: {written(each.value)}"),
        )
        for each in placed.values()
    ]
    plot = h.div(
        {"class": "sankey-scroll", "tabindex": 0, "role": "img", "aria-label": sentence},
        h.div(
            {"class": "sankey", "style": f"--plot-height:{height}px"},
            h.svg({"viewBox": "0 0 100 100", "preserveAspectRatio": "none"}, drawn, bars),
            (_label(each, written) for each in placed.values() if each.height >= _SAID),
        ),
    )
    ordered = sorted(flows, key=lambda flow: -flow.value)
    return Chart(
        plot=plot,
        sentence=sentence,
        names=[flow_name(known[f.source].name, known[f.target].name) for f in ordered],
        columns=[DataColumn(name=value_name, cells=[written(flow.value) for flow in ordered])],
    )


def _left(node: SankeyNode) -> float:
    return node.at * (100 - _NODE)


def _placed(nodes: Sequence[SankeyNode], flows: Sequence[SankeyFlow]) -> dict[str, _Placed]:
    """Nodes with their places from the top; lanes never meet."""
    found: dict[str, _Placed] = {}
    for node in nodes:
        out = sum(flow.value for flow in flows if flow.source == node.key)
        into = sum(flow.value for flow in flows if flow.target == node.key)
        if max(out, into):
            found[node.key] = _Placed(node=node, value=max(out, into))
    lanes = sorted({each.node.lane for each in found.values()})
    columns: dict[int, dict[float, list[_Placed]]] = {lane: {} for lane in lanes}
    for each in found.values():
        columns[each.node.lane].setdefault(each.node.at, []).append(each)
    tallest = {
        lane: max(sum(each.value for each in column) for column in columns[lane].values())
        for lane in lanes
    }
    stacked = max((len(column) for lane in lanes for column in columns[lane].values()), default=1)
    room = 100 - _GAP * (len(lanes) - 1 + (stacked - 1) * 0.5)
    scale = room / sum(tallest.values()) if tallest else 1.0
    top = 0.0
    for lane in lanes:
        for column in columns[lane].values():
            down = top
            for each in column:
                each.top, each.height = down, each.value * scale
                # Two labels of two lines each need their room.
                down += max(each.height, _LABEL if each.height >= _SAID else 0.0) + _GAP / 2
        top += tallest[lane] * scale + _GAP
    return found


def _from_above(flows: Sequence[SankeyFlow], placed: dict[str, _Placed]) -> list[SankeyFlow]:
    """In the order in which ribbons leave and arrive without crossing more than they must."""
    return sorted(
        flows,
        key=lambda flow: (
            placed[flow.source].node.at,
            placed[flow.source].node.lane,
            placed[flow.target].node.lane,
            -placed[flow.target].node.at,
        ),
    )


def _ribbon(flow: SankeyFlow, placed: dict[str, _Placed], title: str) -> h.Markup:
    source, target = placed[flow.source], placed[flow.target]
    width = flow.value / source.value * source.height
    x0, x1 = _left(source.node) + _NODE, _left(target.node)
    y0, y1 = source.top + source.out, target.top + target.into
    source.out += width
    target.into += width
    bend = (x0 + x1) / 2
    thick = max(width, _LEAST)
    return h.path(
        {
            "class": ["sankey-flow", flow.colour],
            "d": f"M{x0:.2f} {y0:.2f}C{bend:.2f} {y0:.2f} {bend:.2f} {y1:.2f} {x1:.2f} {y1:.2f}"
            f"V{y1 + thick:.2f}C{bend:.2f} {y1 + thick:.2f} {bend:.2f} {y0 + thick:.2f} "
            f"{x0:.2f} {y0 + thick:.2f}Z",
        },
        h.title(title),
    )


def _label(each: _Placed, written: Callable[[int], str]) -> h.Markup:
    node = each.node
    last = node.at > 0.93
    text: list[h.Child] = [node.name, " ", h.b(written(each.value))]
    place = 100 - _left(node) if last else _left(node) + _NODE
    return h.span(
        {
            "class": ["sankey-label", "flip" if last else None],
            "style": f"{'right' if last else 'left'}:{place:.2f}%;"
            f"top:{each.top + each.height / 2:.2f}%",
            "aria-hidden": None if node.href else True,
        },
        h.a({"href": node.href}, text) if node.href else text,
    )
