"""Charts: round axes, marks where the values are, and the same values in the data table."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.cohort import Cohort, cohort_grid
from rapport.web.charts.deciles import decile_bars
from rapport.web.charts.figure import Chart, chart_card, chart_figure
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.charts.line import Forecast, Line, line_chart
from rapport.web.charts.reasons import Reason, reason_bars
from rapport.web.charts.sankey import SankeyFlow, SankeyNode, sankey_chart
from rapport.web.charts.scale import Scale, label_places, scale_of
from rapport.web.charts.share_bar import Part, share_bar
from rapport.web.charts.sparkline import sparkline
from rapport.web.parts.context import PageContext

CTX = PageContext()
VALUES = st.lists(
    st.one_of(
        st.none(),
        st.integers(-(10**9), 10**9),
        st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-6),
    ),
    max_size=30,
)


@given(VALUES, st.booleans())
def test_ticks_are_even_round_few_and_around_all_values(
    values: list[float | None], from_zero: bool
) -> None:
    scale = scale_of(values, from_zero=from_zero)
    steps = [b - a for a, b in zip(scale.ticks, scale.ticks[1:], strict=False)]
    assert 2 <= len(scale.ticks) <= 8
    assert all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)
    leading = steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-9)
    assert any(math.isclose(leading, factor, rel_tol=1e-6) for factor in (1, 2, 2.5, 5, 10))
    slack = steps[0] * 1e-6
    assert all(scale.low - slack <= v <= scale.high + slack for v in values if v is not None)
    if from_zero:
        assert scale.low <= 0 <= scale.high
        assert 0 in scale.ticks


@pytest.mark.parametrize(
    ("values", "from_zero", "ticks"),
    [
        ([1.42, 1.96], False, (1.4, 1.6, 1.8, 2.0)),
        ([-2210, 4260], True, (-4000, -2000, 0, 2000, 4000, 6000)),
        ([0.1, 0.3], True, (0.0, 0.1, 0.2, 0.3)),
        ([], True, (0.0, 0.25, 0.5, 0.75, 1.0)),
        ([0, 0], True, (0.0, 0.25, 0.5, 0.75, 1.0)),
        ([7], True, (0, 2, 4, 6, 8)),
    ],
)
def test_ticks_of_known_cases(
    values: list[float], from_zero: bool, ticks: tuple[float, ...]
) -> None:
    assert scale_of(values, from_zero=from_zero).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(1, (0, 1)), (3, (0, 1, 2, 3)), (10, (0, 5, 10)), (100, (0, 25, 50, 75, 100))],
)
def test_an_axis_of_counts_has_whole_ticks(highest: int, ticks: tuple[float, ...]) -> None:
    assert scale_of([0, highest], from_zero=True, whole=True).ticks == ticks


@given(st.integers(0, 200), st.integers(1, 20))
def test_labels_start_at_the_first_and_keep_their_distance(count: int, longest: int) -> None:
    places = label_places(count, longest)
    assert places[:1] == ([0] if count else [])
    assert all(0 <= place < count for place in places)
    assert len(places) * (longest * 6 + 14) <= 660 + 2 * (longest * 6 + 14)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def paths(chart: Chart | h.Markup, name: str) -> list[str]:
    plot = chart.plot if isinstance(chart, Chart) else chart
    return re.findall(rf'<path class="{name}[^"]*" d="([^"]*)"', plot)


def line(values: list[float | None], forecast: Forecast | None = None) -> Chart:
    labels = [str(i) for i in range(len(values) + (len(forecast.values) if forecast else 0))]
    return line_chart(
        CTX,
        labels=labels,
        lines=[Line(name="Actual", values=values)],
        forecast=forecast,
        written=lambda value: f"{value:g}",
        sentence="It rises.",
    )


def test_a_line_goes_from_edge_to_edge_and_up_where_values_rise() -> None:
    [path] = paths(line([10, 20, 30]), "series-line")
    places = points(path)
    assert [x for x, _ in places] == [0, 50, 100]
    assert places[0][1] > places[1][1] > places[2][1]
    assert places[0][1] == 100  # 10 is a tick, and the lowest
    assert places[2][1] == 0


def test_a_line_breaks_where_nothing_is_known() -> None:
    [path] = paths(line([10, None, 30, 20]), "series-line")
    assert path.count("M") == 2
    assert len(points(path)) == 3


def test_a_forecast_opens_at_the_last_known_value_and_its_band_encloses_it() -> None:
    chart = line([10, 20], Forecast(values=[21, 22], low=[18, 16], high=[24, 28]))
    dashed, actual = paths(chart, "series-line")
    [band] = paths(chart, "series-band")
    joint = points(actual)[-1]
    assert points(dashed)[0] == joint
    assert points(band)[0] == points(band)[-1] == joint
    assert len(points(band)) == 6
    assert band.endswith("Z")
    assert "forecast →" in chart.plot
    middle = points(dashed)[1:]
    upper, lower = points(band)[1:3], points(band)[3:5][::-1]
    for (x, y), (x_high, y_high), (x_low, y_low) in zip(middle, upper, lower, strict=True):
        assert x == x_high == x_low
        assert y_high < y < y_low


def test_a_chart_says_where_its_axis_starts_unless_that_is_zero() -> None:
    assert line([10, 20, 30]).note == "The axis starts at 10."
    assert line([0, 20, 30]).note is None
    assert line([-10, 30]).note is None


def test_lines_of_wrong_length_or_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values, 3 labels"):
        line_chart(
            CTX,
            labels=["a", "b", "c"],
            lines=[Line(name="x", values=[1, 2])],
            written=str,
            sentence="",
        )
    with pytest.raises(ValueError, match="one to four"):
        line_chart(
            CTX,
            labels=["a"],
            lines=[Line(name="x", values=[1])] * 5,
            written=str,
            sentence="",
        )


def bars(chart: Chart) -> list[list[tuple[float, float, float, float]]]:
    """Left, from, to and width of each bar, series by series."""
    return [
        [
            (float(x), float(y0), float(y1), float(width))
            for x, y0, y1, width in re.findall(
                r"M([\d.]+) ([\d.]+)V([\d.]+)h([\d.]+)V[\d.]+Z", path
            )
        ]
        for path in paths(chart, "series-bar")
    ]


def test_bars_start_at_zero_and_diverge_on_the_same_place() -> None:
    chart = bar_chart(
        labels=["a", "b"],
        series=[Bars(name="won", values=[4, 2]), Bars(name="lost", values=[-2, -4])],
        arrange="diverging",
        written=str,
        sentence="",
    )
    won, lost = bars(chart)
    assert [bar[0] for bar in won] == [bar[0] for bar in lost]
    assert {bar[1] for bar in won + lost} == {50.0}  # zero is in the middle of −4 to 4
    assert all(bar[2] < 50 for bar in won)
    assert all(bar[2] > 50 for bar in lost)


def test_grouped_bars_stand_beside_each_other_and_gaps_stay_empty() -> None:
    chart = bar_chart(
        labels=["a", "b"],
        series=[Bars(name="web", values=[4, None]), Bars(name="shop", values=[2, 3])],
        written=str,
        sentence="",
    )
    web, shop = bars(chart)
    assert len(web) == 1
    assert len(shop) == 2
    assert shop[0][0] == pytest.approx(web[0][0] + web[0][3], abs=0.02)
    assert chart.columns[0].cells == ["4", None]


def test_the_data_table_holds_every_value_the_lines_show() -> None:
    chart = line([10, 20.5], Forecast(values=[21], low=[18], high=[24]))
    page = chart_figure(CTX, chart, csv_href="/x.csv")
    assert [column.name for column in chart.columns] == [
        "Actual",
        "Forecast",
        "Low (80%)",
        "High (80%)",
    ]
    assert '<th scope="row">1</th><td class="num">20.5</td>' in page
    assert '<th scope="row">2</th><td class="num"></td><td class="num">21</td>' in page
    assert 'href="/x.csv"' in page
    assert "It rises." in page


def test_names_in_charts_are_escaped() -> None:
    chart = hbar_chart([NamedBar(name="<i>", value=1, note="<u>")], written=str, sentence="<b>")
    page = chart_card(CTX, "<s>", chart)
    assert not re.search(r"<(i|u|b|s)>", page.replace("<b>1", "").replace("<i class", ""))


def test_horizontal_bars_share_one_zero() -> None:
    chart = hbar_chart(
        [NamedBar(name="a", value=30), NamedBar(name="b", value=-10)], written=str, sentence=""
    )
    placed = re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", chart.plot)
    assert placed == [("25.0", "75.0"), ("0.0", "25.0")]


def test_the_highest_share_is_darkest_and_unknown_cells_are_blank() -> None:
    chart = cohort_grid(
        CTX,
        [
            Cohort(name="May", size=100, shares=[0.6, None, 0.01]),
            Cohort(name="June", size=90, shares=[0.3]),
        ],
        columns=["+1", "+2", "+3"],
        sentence="",
    )
    assert re.findall(r"heat-(\d)", chart.plot) == ["7", "1", "4"]
    assert chart.plot.count("<td></td>") == 4  # the corner, one unknown, two yet to come
    assert "60.0% of 100 customers of May, +1" in chart.plot


def test_a_cohort_grid_of_nothing_but_zero_has_the_lightest_step() -> None:
    chart = cohort_grid(
        CTX, [Cohort(name="May", size=5, shares=[0.0])], columns=["+1"], sentence=""
    )
    assert "heat-1" in chart.plot


def test_a_sparkline_ends_in_a_dot_at_its_last_value() -> None:
    drawn = sparkline([1, None, 3, 2])
    [path] = paths(drawn, "series-line")
    x, y = points(path)[-1]
    assert f"left:{x:.1f}%;top:{y:.1f}%" in drawn
    assert len(points(path)) == 3


@pytest.mark.parametrize("values", [[], [1], [None, 2, None]])
def test_a_course_of_fewer_than_two_values_is_not_drawn(values: list[float | None]) -> None:
    assert sparkline(values) == ""


def test_shares_are_of_the_sum_and_parts_are_never_negative() -> None:
    chart = share_bar(CTX, [Part(name="a", value=3), Part(name="b", value=1)], sentence="")
    assert "flex-grow:0.7500" in chart.plot
    assert "75%" in chart.plot
    with pytest.raises(ValueError, match="negative"):
        share_bar(CTX, [Part(name="a", value=-1)], sentence="")


def test_reasons_say_in_words_which_way_they_push() -> None:
    drawn = reason_bars(
        CTX, [Reason(text="late", contribution=3), Reason(text="loyal", contribution=-1)]
    )
    assert "--zero:25.0%" in drawn
    assert re.findall(r"left:([\d.]+)%;width:([\d.]+)%", drawn) == [
        ("25.0", "75.0"),
        ("0.0", "25.0"),
    ]
    assert drawn.index("raises it") < drawn.index("lowers it")


def test_calibration_bars_and_lines_share_one_height() -> None:
    chart = decile_bars(CTX, predicted=[0.2, 0.5], observed=[0.1, 1.0], written=str, sentence="")
    assert re.findall(r"height:([\d.]+)%", chart.plot) == ["10.0", "100.0"]
    assert re.findall(r"bottom:([\d.]+)%", chart.plot) == ["20.0", "50.0"]
    with pytest.raises(ValueError, match="argument"):
        decile_bars(CTX, predicted=[0.2], observed=[], written=str, sentence="")


def test_a_scale_places_values_between_its_ends() -> None:
    scale = Scale(ticks=(0, 50, 100))
    assert (scale.down(100), scale.down(0), scale.along(25)) == (0, 100, 25)


# ── flows ──────────────────────────────────────────────────────────────────────────────────────


def sankey(nodes: list[SankeyNode], flows: list[SankeyFlow]) -> Chart:
    return sankey_chart(
        nodes, flows, written=str, flow_name=lambda one, other: f"{one} → {other}",
        value_name="Journeys", sentence="What goes where.",
    )  # fmt: skip


SANKEY_NODES = [
    SankeyNode(key="a", name="Look", at=0.0),
    SankeyNode(key="b", name="Buy", at=0.5),
    SankeyNode(key="c", name="Stopped", at=0.6, lane=2),
    SankeyNode(key="d", name="Nobody", at=1.0),
]


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=2))
def test_ribbons_are_as_wide_as_their_flows_and_fill_their_nodes(sizes: list[int]) -> None:
    chart = sankey(
        SANKEY_NODES,
        [
            SankeyFlow(source="a", target="b", value=sizes[0]),
            SankeyFlow(source="a", target="c", value=sizes[1]),
        ],
    )
    heights = [float(found) for found in re.findall(r'height="([\d.]+)"', chart.plot)]
    look, buy, stopped = heights  # Nobody has no flow, so it is not drawn
    assert max(heights) <= 100
    scale = look / sum(sizes)
    for drawn, size in ((buy, sizes[0]), (stopped, sizes[1])):
        assert drawn == pytest.approx(max(size * scale, 0.35), abs=0.02)
    for number in map(
        float, re.findall(r"[\d.]+", " ".join(re.findall(r' d="([^"]*)"', chart.plot)))
    ):
        assert 0 <= number <= 101


def test_flows_stand_in_the_data_table_and_say_themselves() -> None:
    chart = sankey(SANKEY_NODES, [SankeyFlow(source="a", target="b", value=7)])
    assert list(chart.names) == ["Look → Buy"]
    assert chart.columns[0].cells == ["7"]
    assert "<title>Look → Buy: 7</title>" in chart.plot
    assert "Nobody" not in chart.plot


def test_a_flow_without_its_node_or_to_the_left_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no node"):
        sankey(SANKEY_NODES, [SankeyFlow(source="a", target="x", value=1)])
    with pytest.raises(ValueError, match="to the left"):
        sankey(SANKEY_NODES, [SankeyFlow(source="b", target="a", value=1)])
