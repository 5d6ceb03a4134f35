"""The frame of every page: left bar, top bar with the one search, and the content."""

from __future__ import annotations

import msgspec

from rapport.web import html as h
from rapport.web.assets import asset_url
from rapport.web.parts.context import CSRF_HEADER, PageContext, Theme
from rapport.web.parts.htmx import load
from rapport.web.parts.icons import icon, logo
from rapport.web.words import LANGUAGES

# htmx evaluates no text as code, adds no inline style, and swaps error answers too, so that a
# slow card shows its own error.
HTMX_SETTINGS = msgspec.json.encode(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "allowScriptTags": False,
        "selfRequestsOnly": True,
        # Pages hold personal data: none of it goes to the browser's storage, "back" asks again.
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "scrollBehavior": "instant",
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "[45]..", "swap": True, "error": True},
        ],
    }
).decode()
# The policy these pages are written for; the application sends it as a header.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
THEME_ICONS: dict[Theme, str] = {"light": "sun", "dark": "moon", "system": "sun-moon"}


def page(
    context: PageContext,
    title: str,
    *body: h.Child,
    subtitle: h.Child = None,
    tools: h.Child = None,
    lead: h.Child = None,
    heading: bool = True,
) -> h.Markup:
    """A whole page of the application.

    Parameters
    ----------
    context : PageContext
    title : str
        Heading of the page and, with the product's name, of the browser tab.
    body : children
        Usually cards in a ``div`` of class ``grid``.
    subtitle : child, optional
        One line under the heading: what is compared, how fresh.
    tools : child, optional
        Right of the heading: period choice, buttons.
    lead : child, optional
        Left of the heading: an avatar.
    heading : bool
        False where the body brings its own ``h1``.
    """
    top = None
    if heading:
        top = h.div(
            {"class": "page-head"},
            lead,
            h.div(
                {"class": "page-title"},
                h.h1(title),
                h.div({"class": "page-subtitle"}, subtitle) if subtitle else None,
            ),
            h.div({"class": "page-tools"}, tools) if tools else None,
        )
    return _document(
        context,
        title,
        h.a({"class": "skip", "href": "#content"}, context.t("frame.skip")),
        _left_bar(context),
        h.div(
            {"class": "frame"},
            _top_bar(context),
            h.main(
                {"id": "content", "class": "content", "tabindex": "-1"}, top, _flash(context), body
            ),
        ),
    )


def bare_page(context: PageContext, title: str, *body: h.Child) -> h.Markup:
    """A page outside the application (sign in, set-up, errors): the mark and one card."""
    return _document(
        context,
        title,
        h.div(
            {"class": "bare"},
            h.header(
                {"class": "bare-head"},
                h.a({"class": "brand", "href": "/"}, logo(28), context.t("frame.product")),
                h.div({"class": "top-tools"}, _theme_menu(context), _language_menu(context)),
            ),
            h.main(
                {"id": "content", "class": "bare-card card", "tabindex": "-1"},
                h.h1(title),
                _flash(context),
                body,
            ),
        ),
    )


def _document(context: PageContext, title: str, *body: h.Child) -> h.Markup:
    product = context.t("frame.product")
    return h.document(
        h.html(
            {
                "lang": context.language,
                "data-theme": None if context.theme == "system" else context.theme,
            },
            h.head(
                h.meta({"charset": "utf-8"}),
                h.meta({"name": "viewport", "content": "width=device-width, initial-scale=1"}),
                h.meta({"name": "color-scheme", "content": "light dark"}),
                h.meta({"name": "referrer", "content": "same-origin"}),
                h.title(f"{title} · {product}" if title != product else product),
                h.link(
                    {
                        "rel": "preload",
                        "href": asset_url("inter.woff2"),
                        "as": "font",
                        "type": "font/woff2",
                        "crossorigin": "",
                    }
                ),
                h.link({"rel": "stylesheet", "href": asset_url("rapport.css")}),
                h.link({"rel": "icon", "href": asset_url("logo.svg"), "type": "image/svg+xml"}),
                h.meta({"name": "htmx-config", "content": HTMX_SETTINGS}),
                h.meta({"name": "csrf", "content": context.csrf_token, "data-header": CSRF_HEADER})
                if context.csrf_token
                else None,
                h.script({"src": asset_url("htmx.js"), "defer": True}),
                h.script({"src": asset_url("rapport-ui.js"), "defer": True}),
            ),
            h.body(
                {
                    "data-failure-title": context.t("frame.failure.title"),
                    "data-failure-detail": context.t("frame.failure.detail"),
                },
                body,
            ),
        )
    )


def _flash(context: PageContext) -> h.Markup:
    # Always there, so that messages which arrive later are read out.
    return h.div({"id": "flash", "class": "flash-list", "role": "status"}, context.flash)


def _left_bar(context: PageContext) -> h.Markup:
    # A popover below 1024 px (it opens, closes with Escape and on a press beside it without any
    # script); above, the style sheet shows it always.
    return h.aside(
        {"id": "bar", "class": "bar", "popover": True},
        h.div(
            {"class": "bar-head"},
            h.a({"class": "brand", "href": "/"}, logo(), context.t("frame.product")),
            h.button(
                {
                    "class": "button quiet square bar-close",
                    "type": "button",
                    "popovertarget": "bar",
                    "popovertargetaction": "hide",
                    "aria-label": context.t("frame.nav.close"),
                },
                icon("x"),
            ),
        ),
        h.nav(
            {"aria-label": context.t("frame.nav.label")},
            (
                h.div(
                    {"class": "nav-group"},
                    h.h2({"class": "nav-label"}, group.label),
                    h.ul(
                        h.li(
                            h.a(
                                {
                                    "class": "nav-entry",
                                    "href": entry.href,
                                    "aria-current": "page"
                                    if _is_here(entry.href, context.path)
                                    else None,
                                },
                                icon(entry.icon),
                                h.span({"class": "clip"}, entry.label),
                                _badge(context, entry.count),
                            )
                        )
                        for entry in group.entries
                    ),
                )
                for group in context.nav
            ),
        ),
        _user_menu(context),
    )


def _is_here(href: str, path: str) -> bool:
    return path == href or (href != "/" and path.startswith(href + "/"))


def _badge(context: PageContext, count: int | None) -> h.Markup | None:
    if not count:
        return None
    return h.span(
        {"class": "badge"},
        h.span({"aria-hidden": True}, context.n.count(count)),
        h.span({"class": "sr"}, context.t("frame.nav.waiting", count=count)),
    )


def _user_menu(context: PageContext) -> h.Markup | None:
    if context.user is None:
        return None
    return h.details(
        {"class": "menu menu-up user", "data-menu": True},
        h.summary(
            {"class": "user-summary"},
            h.span({"class": "avatar small", "aria-hidden": True}, context.user.initials),
            h.span(
                {"class": "user-text"},
                h.span({"class": "sr"}, context.t("frame.user.label")),
                h.span({"class": "clip"}, context.user.name),
                h.span({"class": "clip note"}, context.user.role),
            ),
        ),
        h.form(
            {"class": "menu-list", "method": "post", "action": "/sign-out"},
            context.csrf_input,
            h.a(
                {"class": "menu-item", "href": "/account"},
                icon("user"),
                context.t("frame.user.label"),
            ),
            h.button(
                {"class": "menu-item", "type": "submit"},
                icon("log-out"),
                context.t("frame.user.sign_out"),
            ),
        ),
    )


def _top_bar(context: PageContext) -> h.Markup:
    return h.header(
        {"class": "top"},
        h.button(
            {
                "class": "button square bar-open",
                "type": "button",
                "popovertarget": "bar",
                "aria-label": context.t("frame.nav.open"),
            },
            icon("menu"),
        ),
        h.search(
            {"class": "search"},
            h.form(
                {"action": "/customers", "method": "get", "class": "search-form"},
                icon("search"),
                h.input(
                    {
                        "id": "search",
                        "type": "search",
                        "name": "q",
                        "autocomplete": "off",
                        "spellcheck": "false",
                        "maxlength": 200,
                        "placeholder": context.t("frame.search.hint"),
                        "aria-label": context.t("frame.search.label"),
                        "aria-controls": "search-results",
                        **load(
                            "/search",
                            target="#search-results",
                            swap="innerHTML",
                            trigger="input changed delay:120ms",
                        ),
                    }
                ),
                h.kbd({"aria-hidden": True}, "/"),
            ),
            h.div(
                {
                    "id": "search-results",
                    "class": "suggestions",
                    "role": "region",
                    "aria-live": "polite",
                    "aria-label": context.t("frame.search.results"),
                }
            ),
        ),
        h.div({"class": "top-tools"}, _theme_menu(context), _language_menu(context)),
    )


def _theme_menu(context: PageContext) -> h.Markup:
    return _preference_menu(
        context,
        name="theme",
        label=context.t("frame.theme.label"),
        shown=icon(THEME_ICONS[context.theme]),
        current=context.theme,
        choices=[
            ("light", context.t("frame.theme.light")),
            ("dark", context.t("frame.theme.dark")),
            ("system", context.t("frame.theme.system")),
        ],
    )


def _language_menu(context: PageContext) -> h.Markup:
    return _preference_menu(
        context,
        name="language",
        label=context.t("frame.language.label"),
        shown=h.span({"aria-hidden": True}, context.language.upper()),
        current=context.language,
        choices=list(LANGUAGES.items()),
    )


def _preference_menu(
    context: PageContext,
    *,
    name: str,
    label: str,
    shown: h.Markup,
    current: str,
    choices: list[tuple[str, str]],
) -> h.Markup:
    return h.details(
        {"class": "menu", "data-menu": True},
        h.summary(
            {"class": "button quiet square", "title": label},
            shown,
            h.span({"class": "sr"}, label),
        ),
        h.form(
            {"class": "menu-list", "method": "post", "action": "/preferences"},
            context.csrf_input,
            h.input({"type": "hidden", "name": "back", "value": context.here}),
            (
                h.button(
                    {
                        "class": "menu-item",
                        "type": "submit",
                        "name": name,
                        "value": value,
                        "lang": value if name == "language" else None,
                        "aria-current": True if value == current else None,
                    },
                    icon("check") if value == current else h.span({"class": "icon"}),
                    text,
                )
                for value, text in choices
            ),
        ),
    )
