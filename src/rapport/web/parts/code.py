"""Text to be pasted elsewhere, as it is, with a button that copies it."""

from __future__ import annotations

from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.context import PageContext

_STYLE = (
    "overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--sunken);"
    "padding:12px;border-radius:6px;margin:0"
)


def code_block(context: PageContext, text: str, *, name: str) -> h.Markup:
    """The text, and the button.

    Parameters
    ----------
    name : str
        Its id in the page, by which the button finds it.
    """
    return h.div(
        {"class": "stack tight"},
        h.pre(
            {"class": "small", "tabindex": "0", "style": _STYLE}, "\n", h.code({"id": name}, text)
        ),
        h.div(
            button(
                context.t("tracker.copy"),
                icon_name="copy",
                type="button",
                # The word changes once it is done; without a script the button would do nothing.
                attributes={
                    "data-copy": name, "data-copied": context.t("tracker.copied"), "hidden": True
                },
            )
        ),
    )  # fmt: skip
