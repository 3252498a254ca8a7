"""Charts and pages are valid XML, escape all text, and load nothing."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.report.charts.bars import bar_chart
from lab.report.charts.lines import Series, line_chart
from lab.report.charts.svg import WIDTH
from lab.report.charts.ticks import format_number, scale_for
from lab.report.page import Section, render_page
from lab.report.tables import Table

NASTY = "<script>alert(\"1\")</script> & 'x'"
SVG = "{http://www.w3.org/2000/svg}"
values = st.just(0.0) | st.floats(1e-12, 1e15) | st.floats(1e-9, 1)


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_text_that_looks_like_markup_is_escaped():
    bars = bar_chart(NASTY, [(NASTY, 1.0)], unit=NASTY)
    lines = line_chart(NASTY, [Series(NASTY, [(1, 2)])], x_label=NASTY, y_label=NASTY)
    for chart in (bars, lines):
        root = ET.fromstring(chart.svg)
        assert root.get("aria-label") == NASTY
        assert not list(root.iter(f"{SVG}script"))
    page = render_page(NASTY, [Section(NASTY, [NASTY], [bars, lines], Table([NASTY], [[NASTY]]))])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


@given(st.lists(st.tuples(values, values), max_size=6), st.booleans(), st.booleans())
def test_marks_stay_inside_the_image(points, log_x, log_y):
    series = [Series("measured", points, 0, "circle"), Series("formula", points, 1)]
    chart = line_chart("t", series, x_label="x", y_label="y", log_x=log_x, log_y=log_y)
    root = ET.fromstring(chart.svg)
    height = float(root.get("viewBox").split()[3])
    for path in root.iter(f"{SVG}path"):
        for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path.get("d")):
            assert -0.1 <= float(x) <= WIDTH + 0.1
            assert -0.1 <= float(y) <= height + 0.1


@given(st.lists(st.tuples(st.text("abc", max_size=40), values), max_size=9), st.booleans())
def test_bars_leave_room_for_their_values(bars, log):
    root = ET.fromstring(bar_chart("t", bars, log=log).svg)
    for rect in root.iter(f"{SVG}rect"):
        assert float(rect.get("width")) >= 0
        assert float(rect.get("x")) + float(rect.get("width")) <= WIDTH - 8


def test_longer_bars_are_larger_values():
    root = ET.fromstring(bar_chart("t", [("a", 1), ("b", 3), ("c", 0)]).svg)
    widths = [float(rect.get("width")) for rect in root.iter(f"{SVG}rect")]
    assert widths[1] == pytest.approx(3 * widths[0], abs=0.3)
    assert widths[2] == 0


@given(st.lists(values, max_size=5), st.booleans())
def test_ticks_of_any_scale_are_few_and_inside(found, log):
    scale = scale_for(found, log=log)
    ticks = [value for value, _ in scale.ticks()]
    assert 1 <= len(ticks) <= 8
    slack = (scale.high - scale.low) * 1e-9
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in ticks)


def test_legend_when_a_series_has_no_label_leaves_it_out():
    chart = line_chart(
        "t", [Series("shown", [(1, 1)]), Series("", [(2, 2)], 0, "cross")], x_label="", y_label=""
    )
    assert texts(chart.svg).count("shown") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0625, "0.0625"),
        (5, "5"),
        (12_500, "12,500"),
        (2.5e6, "2.5M"),
        (3.52e12, "3.52e+12"),
    ],
)
def test_formatted_number_is_short(value, text):
    assert format_number(value) == text


def test_table_aligns_columns_of_numbers_right():
    table = Table(["strategy", "codes/s", "safe"], [["range", 1_200_000, True], ["x", 9, False]])
    assert table.as_text().splitlines() == [
        "strategy    codes/s  safe",
        "--------  ---------  ----",
        "range     1,200,000  yes",
        "x                 9  no",
    ]
    page = render_page("t", [Section("s", table=table)])
    assert '<td class="number">1,200,000</td>' in page
    assert '<td class="word">range</td>' in page


def test_table_without_rows_is_its_heading():
    assert Table(["a", "b"], []).as_text() == "a  b\n-  -"


class Asked(HTMLParser):
    """Finds what makes a browser load something, and tags left open."""

    def __init__(self):
        super().__init__()
        self.asked: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in {"script", "link", "img", "iframe"}:
            self.asked.append(tag)
        self.asked += [value for name, value in attrs if name in {"src", "href", "style"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_loads_nothing_and_is_well_formed():
    chart = bar_chart("speed", [("range", 10.0)])
    page = render_page("t", [Section("s", ["p"], [chart], Table(["a"], [[1]])), Section("empty")])
    parser = Asked()
    parser.feed(page)
    assert parser.asked == []
    assert parser.open == []
    assert "url(" not in page
    assert "@import" not in page
