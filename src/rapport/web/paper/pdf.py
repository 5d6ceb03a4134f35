"""The board as a PDF file: A4, real text, charts as vectors, the font inside."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import as_file, files

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from rapport.web.paper.content import DrawnBars, DrawnLine, PaperCard, PaperContent
from rapport.web.parts.asked import SaidTable

_PLAIN, _BOLD = "Inter", "Inter-Bold"
_INK, _GREY, _LINE = HexColor("#1c1b1a"), HexColor("#6b6864"), HexColor("#dedad4")
_BLUE, _BAND = HexColor("#1f5fa8"), HexColor("#d6e3f2")
_WIDTH, _HEIGHT = A4
_LEFT, _TOP, _BOTTOM = 48.0, 48.0, 54.0
_INNER = _WIDTH - 2 * _LEFT
_CHART = 92.0

#: From a time's number and a value to a point on the page.
Place = Callable[[int, float], tuple[float, float]]


@cache
def _fonts() -> None:
    """The letters of our languages; they are embedded, so that ő and ű print everywhere."""
    for name, file in ((_PLAIN, "inter-regular.ttf"), (_BOLD, "inter-bold.ttf")):
        with as_file(files("rapport.web.assets") / file) as path:
            font = TTFont(name, str(path))
        font.face.name = name.encode()  # the cut files bear one name, and viewers go by it
        registerFont(font)


def board_pdf(content: PaperContent) -> bytes:
    """The file; the same content gives the same bytes."""
    _fonts()
    target = io.BytesIO()
    page = _Page(Canvas(target, pagesize=A4, invariant=True, lang=content.language), content)
    for card in content.cards:
        _card(page, card)
    page.finish()
    return target.getvalue()


class _Page:
    """Where the next thing is written, from the top down; a full page begins another."""

    def __init__(self, canvas: Canvas, content: PaperContent) -> None:
        self.canvas, self.content, self.number = canvas, content, 1
        canvas.setTitle(f"{content.title} · {content.company}")
        canvas.setAuthor(content.company)
        self.y = _HEIGHT - _TOP
        self.text(content.title, size=20, font=_BOLD, after=4)
        self.text(f"{content.company} · {content.made}", size=9, colour=_GREY, after=14)

    def need(self, height: float) -> None:
        """Begin another page where less than this is left."""
        if self.y - height < _BOTTOM:
            self._foot()
            self.canvas.showPage()
            self.number += 1
            self.y = _HEIGHT - _TOP

    def text(
        self,
        words: str,
        *,
        size: float,
        font: str = _PLAIN,
        colour: Color = _INK,
        after: float = 2,
    ) -> None:
        """A paragraph over the whole width."""
        for line in simpleSplit(words, font, size, _INNER):
            self.need(size + 3)
            self.y -= size
            self.at(_LEFT, line, size=size, font=font, colour=colour)
            self.y -= 3
        self.y -= after

    def at(
        self,
        x: float,
        words: str,
        *,
        size: float,
        font: str = _PLAIN,
        colour: Color = _INK,
        right: bool = False,
        y: float | None = None,
    ) -> None:
        """One line of text at a place; `right`: that ends there."""
        self.canvas.setFont(font, size)
        self.canvas.setFillColor(colour)
        height = self.y if y is None else y
        if right:
            self.canvas.drawRightString(x, height, words)
        else:
            self.canvas.drawString(x, height, words)

    def rule(self) -> None:
        self.canvas.setStrokeColor(_LINE)
        self.canvas.setLineWidth(0.6)
        self.canvas.line(_LEFT, self.y, _WIDTH - _LEFT, self.y)

    def _foot(self) -> None:
        self.at(_LEFT, self.content.link, size=8, colour=_GREY, y=30)
        self.at(_WIDTH - _LEFT, str(self.number), size=8, colour=_GREY, right=True, y=30)

    def finish(self) -> None:
        self._foot()
        self.canvas.save()


def _card(page: _Page, card: PaperCard) -> None:
    page.need(60 + 16 * len(card.figures) + (_CHART if card.drawing else 0))
    page.rule()
    page.y -= 8
    page.text(card.title, size=12, font=_BOLD, after=0)
    if card.scope:
        page.text(card.scope, size=8.5, colour=_GREY, after=4)
    for figure in card.figures:
        page.need(16)
        page.y -= 12
        page.at(_LEFT, _cut(figure.name, 9.5, 190), size=9.5)
        page.at(_LEFT + 300, figure.value, size=11, font=_BOLD, right=True)
        if figure.change:
            page.at(_LEFT + 370, figure.change.text, size=9.5, right=True)
        if figure.compared:
            page.at(_LEFT + 382, _cut(figure.compared, 8.5, 120), size=8.5, colour=_GREY)
        page.y -= 4
    if isinstance(card.drawing, DrawnLine):
        _line(page, card.drawing)
    elif isinstance(card.drawing, DrawnBars):
        _bars(page, card.drawing)
    if card.table is not None:
        _table(page, card.table)
    page.y -= 4
    for note in card.notes:
        page.text(note, size=8, colour=_GREY, after=1)
    page.y -= 10


def _line(page: _Page, drawing: DrawnLine) -> None:
    page.need(_CHART + 20)
    top, bottom = page.y - 10, page.y - _CHART
    known = [value for value in drawing.values if value is not None]
    everything = [*known, *drawing.low, *drawing.high]
    low, high = min(0.0, *everything), max(0.0, *everything)
    steps = max(len(drawing.labels) - 1, 1)

    def place(index: int, value: float) -> tuple[float, float]:
        share = (value - low) / ((high - low) or 1.0)
        return _LEFT + index / steps * _INNER, bottom + share * (top - bottom)

    canvas = page.canvas
    canvas.setStrokeColor(_LINE)
    canvas.setLineWidth(0.6)
    canvas.line(_LEFT, place(0, 0.0)[1], _LEFT + _INNER, place(0, 0.0)[1])
    past = len(drawing.values)
    joint = drawing.values[-1]
    if drawing.forecast and joint is not None:
        ends = [place(past - 1, joint)]
        above = [place(past + i, value) for i, value in enumerate(drawing.high)]
        below = [place(past + i, value) for i, value in enumerate(drawing.low)]
        _path(canvas, [*ends, *above, *reversed(below)], fill=True)
        canvas.setDash(3, 2)
        ahead = [place(past + i, value) for i, value in enumerate(drawing.forecast)]
        _path(canvas, [*ends, *ahead])
        canvas.setDash()
        page.at(ends[0][0], drawing.mark, size=7, colour=_GREY, right=True, y=top + 3)
        canvas.setStrokeColor(_GREY)
        canvas.setLineWidth(0.6)
        canvas.line(ends[0][0], bottom, ends[0][0], top)
    stretch: list[tuple[float, float]] = []
    for index, value in enumerate(drawing.values):
        if value is None:
            _path(canvas, stretch)
            stretch = []
        else:
            stretch.append(place(index, value))
    _path(canvas, stretch)
    _extremes(page, drawing, known, place)
    page.y = bottom - 10
    every = max(1, -(-len(drawing.labels) // 9))
    for index in range(0, len(drawing.labels), every):
        x, label = place(index, low)[0], drawing.labels[index]
        width = stringWidth(label, _PLAIN, 7)
        page.at(min(max(x - width / 2, _LEFT), _LEFT + _INNER - width), label, size=7, colour=_GREY)
    page.y -= 6


def _extremes(page: _Page, drawing: DrawnLine, known: list[float], place: Place) -> None:
    """The highest and the lowest value beside their points: the line has no axis."""
    for value, words in {max(known): drawing.highest, min(known): drawing.lowest}.items():
        x, y = place(drawing.values.index(value), value)
        width = stringWidth(words, _PLAIN, 7)
        x = min(max(x - width / 2, _LEFT), _LEFT + _INNER - width)
        page.at(x, words, size=7, y=y + 3 if value == max(known) else y - 9)


def _path(canvas: Canvas, points: Sequence[tuple[float, float]], *, fill: bool = False) -> None:
    if not points:
        return
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.setStrokeColor(_BLUE)
    canvas.setLineWidth(1.4)
    canvas.setFillColor(_BAND)
    if fill:
        path.close()
    canvas.drawPath(path, stroke=0 if fill else 1, fill=1 if fill else 0)


def _bars(page: _Page, drawing: DrawnBars) -> None:
    longest = max((abs(value) for value in drawing.values), default=0.0) or 1.0
    room = _INNER - 250
    page.y -= 4
    for name, value, words in zip(drawing.names, drawing.values, drawing.written, strict=True):
        page.need(15)
        page.y -= 12
        page.at(_LEFT, _cut(name, 8.5, 130), size=8.5)
        length = abs(value) / longest * room
        page.canvas.setFillColor(_BLUE if value >= 0 else _GREY)
        page.canvas.rect(_LEFT + 140, page.y - 1, length, 8, stroke=0, fill=1)
        page.at(_LEFT + 146 + length, words, size=8.5)
        page.y -= 3
    page.y -= 4


def _table(page: _Page, table: SaidTable) -> None:
    columns = len(table.headings)
    names = 150.0 if columns > 4 else 190.0
    others = (_INNER - names * table.names) / max(columns - table.names, 1)
    page.y -= 4
    for line, cells in enumerate([table.headings, *table.cells]):
        page.need(14)
        page.y -= 11
        for place, cell in enumerate(cells):
            colour = _INK if line else _GREY
            if place < table.names:
                x = _LEFT + names * place
                page.at(x, _cut(cell, 8, names - 8), size=8, colour=colour)
            else:
                x = _LEFT + names * table.names + others * (place - table.names + 1)
                page.at(x, _cut(cell, 8, others - 6), size=8, colour=colour, right=True)
        page.y -= 3
        page.rule()


def _cut(words: str, size: float, width: float) -> str:
    """What fits, with … where something does not."""
    if stringWidth(words, _PLAIN, size) <= width:
        return words
    while words and stringWidth(f"{words}…", _PLAIN, size) > width:
        words = words[:-1]
    return f"{words}…"
