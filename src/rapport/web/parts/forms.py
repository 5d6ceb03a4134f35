"""Forms: each field has its label, its hint and its error, tied together for screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon


def form(
    context: PageContext,
    *body: h.Child,
    action: str,
    method: Literal["post", "get"] = "post",
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """A form; one that writes carries the CSRF token."""
    shared = {"class": "form", **(attributes or {}), "action": action, "method": method}
    return h.form(shared, context.csrf_input if method == "post" else None, body)


def field(
    label: h.Child,
    name: str,
    *,
    value: str = "",
    type: str = "text",
    hint: h.Child = None,
    error: h.Child = None,
    required: bool = False,
    autocomplete: str | None = None,
    id: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """A line of text, number, date, e-mail or password (`type` as in HTML).

    `id` is needed where two forms on one page have a field of the same name.
    """
    shared = _shared(
        id or f"field-{name}",
        name,
        hint=hint,
        error=error,
        required=required,
        attributes=attributes,
    )
    control = h.input(
        {
            **shared,
            "type": type,
            "value": None if type == "password" else value,
            "autocomplete": autocomplete,
        }
    )
    return _field(label, shared["id"], control, hint, error)


def text_area(
    label: h.Child,
    name: str,
    *,
    value: str = "",
    hint: h.Child = None,
    error: h.Child = None,
    required: bool = False,
    rows: int = 4,
    id: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """Several lines of text."""
    shared = _shared(
        id or f"field-{name}",
        name,
        hint=hint,
        error=error,
        required=required,
        attributes=attributes,
    )
    # The parser drops one line feed after <textarea>; ours saves the one that was typed.
    control = h.textarea({**shared, "rows": rows}, "\n", value)
    return _field(label, shared["id"], control, hint, error)


def select_field(
    label: h.Child,
    name: str,
    options: Sequence[tuple[str, str]],
    *,
    value: str | None = None,
    hint: h.Child = None,
    error: h.Child = None,
    required: bool = False,
    id: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """One of several (`options` are values and their texts)."""
    shared = _shared(
        id or f"field-{name}",
        name,
        hint=hint,
        error=error,
        required=required,
        attributes=attributes,
    )
    control = h.select(
        shared, (h.option({"value": key, "selected": key == value}, text) for key, text in options)
    )
    return _field(label, shared["id"], control, hint, error)


def checkbox(
    label: h.Child,
    name: str,
    *,
    checked: bool = False,
    value: str = "1",
    hint: h.Child = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """Yes or no; sent only when yes, as browsers do."""
    return h.label(
        {"class": "check"},
        h.input(
            {
                **(attributes or {}),
                "type": "checkbox",
                "name": name,
                "value": value,
                "checked": checked,
            }
        ),
        h.span(label, h.span({"class": "field-hint"}, " ", hint) if hint else None),
    )


def options(
    legend: h.Child,
    name: str,
    choices: Sequence[tuple[str, h.Child, h.Child]],
    *,
    value: str | None = None,
    required: bool = False,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """One of several, each a row to press: value, text and a note (where it comes from)."""
    return h.fieldset(
        {**(attributes or {}), "class": "options"},
        h.legend({"class": "field-label muted"}, legend),
        (
            h.label(
                {"class": "option"},
                h.input(
                    {
                        "type": "radio",
                        "name": name,
                        "value": key,
                        "checked": key == value,
                        "required": required,
                    }
                ),
                h.span(text, " ", h.span({"class": "note"}, note) if note else None),
            )
            for key, text, note in choices
        ),
    )


def _shared(
    id: str,
    name: str,
    *,
    hint: h.Child,
    error: h.Child,
    required: bool,
    attributes: h.Attributes | None,
) -> dict[str, h.Attribute]:
    return {
        **(attributes or {}),
        "class": "input",
        "id": id,
        "name": name,
        "required": required,
        "aria-invalid": "true" if error else None,
        "aria-describedby": [f"{id}-error" if error else None, f"{id}-hint" if hint else None],
    }


def _field(
    label: h.Child, id: h.Attribute, control: h.Markup, hint: h.Child, error: h.Child
) -> h.Markup:
    return h.div(
        {"class": "field"},
        h.label({"for": id}, label),
        control,
        h.p({"class": "field-hint", "id": f"{id}-hint"}, hint) if hint else None,
        h.p({"class": "field-error", "id": f"{id}-error"}, icon("circle-alert", size=14), error)
        if error
        else None,
    )
