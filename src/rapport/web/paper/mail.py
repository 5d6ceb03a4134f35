"""The mail itself: plain text, and HTML that mail programs show alike (tables, styles inline)."""

from __future__ import annotations

from rapport.web import html as h
from rapport.web.paper.content import PaperCard, PaperContent
from rapport.web.parts.asked import SaidFigure, SaidTable

_FONT = "font-family:Inter,'Segoe UI',Helvetica,Arial,sans-serif;color:#1c1b1a"
_GREY = "color:#6b6864;font-size:13px"
_CELL = "padding:5px 12px 5px 0;border-bottom:1px solid #e6e3de;font-size:14px;text-align:"


def text_mail(content: PaperContent) -> str:
    """For who reads mail as text."""
    lines = [f"{content.title} · {content.company}", content.made, ""]
    for card in content.cards:
        lines += [card.title, card.scope] if card.scope else [card.title]
        lines += [f"  {each.name}: {each.value}{_against(each)}" for each in card.figures]
        lines += [f"  {note}" for note in card.notes] + [""]
    return "\n".join([*lines, f"{content.link_words}: {content.link}", "", content.why, ""])


def _against(figure: SaidFigure) -> str:
    said = [figure.change.text if figure.change else "", figure.compared or ""]
    return f" ({', '.join(filter(None, said))})" if any(said) else ""


def html_mail(content: PaperContent) -> str:
    """The whole message; it fetches nothing."""
    body = h.element("html")(
        {"lang": content.language},
        h.element("head")(
            h.element("meta")({"charset": "utf-8"}), h.element("title")(content.title)
        ),
        h.element("body")(
            {"style": f"{_FONT};background:#ffffff;margin:0;padding:24px;max-width:680px"},
            h.h1({"style": "font-size:22px;margin:0"}, content.title),
            h.p({"style": f"{_GREY};margin:4px 0 20px"}, content.company, " · ", content.made),
            (_card(card) for card in content.cards),
            h.p(h.a({"href": content.link, "style": "color:#1f5fa8"}, content.link_words)),
            h.p({"style": _GREY}, content.why),
        ),
    )
    return f"<!doctype html>{body}"


def _card(card: PaperCard) -> h.Markup:
    return h.div(
        {"style": "border-top:2px solid #1c1b1a;padding:12px 0 20px"},
        h.h2({"style": "font-size:16px;margin:0"}, card.title),
        h.p({"style": f"{_GREY};margin:2px 0 10px"}, card.scope) if card.scope else None,
        h.table(
            {"role": "presentation", "style": "border-collapse:collapse"},
            (
                h.tr(
                    h.td({"style": f"{_CELL}left"}, each.name),
                    h.td({"style": f"{_CELL}right;font-weight:700"}, each.value),
                    h.td({"style": f"{_CELL}right"}, each.change.text if each.change else ""),
                    h.td({"style": f"{_CELL}left;{_GREY}"}, each.compared or ""),
                )
                for each in card.figures
            ),
        ),
        _table(card.table) if card.table else None,
        (h.p({"style": f"{_GREY};margin:8px 0 0"}, note) for note in card.notes),
    )


def _table(table: SaidTable) -> h.Markup:
    sides = ["left" if i < table.names else "right" for i in range(len(table.headings))]
    return h.table(
        {"style": "border-collapse:collapse;margin-top:12px"},
        h.tr(
            h.th({"style": f"{_CELL}{side};{_GREY}"}, heading)
            for side, heading in zip(sides, table.headings, strict=True)
        ),
        (
            h.tr(
                h.td({"style": f"{_CELL}{side}"}, cell)
                for side, cell in zip(sides, cells, strict=True)
            )
            for cells in table.cells
        ),
    )
