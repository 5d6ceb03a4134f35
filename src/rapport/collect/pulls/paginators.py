"""Ways of turning pages that services have and dlt has not, under names of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def paginator_of(said: dict[str, Any]) -> Any:
    """What dlt is told of how pages are turned.

    Besides dlt's own types there are

    - ``page_of_items``: pages by number (`page_param` or `page_body_path`, `base_page`), as many
      as `page_size` makes of the number of records at `total_items_path`; for services that show
      the last page again behind it.
    - ``link_while``: the next page's address at `next_url_path`, as long as the answer says at
      `has_more_path` that there is more; for services that always state an address.
    - ``short_page``: pages by number or, with ``by = "offset"``, by the number of the first
      record, until one holds fewer than `page_size`. `template` writes the parameter, with
      ``{value}`` and ``{size}`` in it.
    - ``next_link``: the address at `next_url_path`, for services that name one behind the last
      page too: that is the page at whose `ended_path` is true, or without it an empty one.
    """
    # TOML has no null, which is how dlt is told that an answer states no total.
    options = {name: None if value == "" else value for name, value in said.items()}
    kind = options["type"]
    if kind not in _OUR_OWN:
        return options
    del options["type"]
    return _OUR_OWN[kind](**options)


def _page_of_items(
    *,
    page_size: int,
    total_items_path: str,
    page_param: str | None = None,
    page_body_path: str | None = None,
    base_page: int = 1,
) -> Any:
    from dlt.common import jsonpath  # noqa: PLC0415
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator  # noqa: PLC0415

    class PageOfItems(PageNumberPaginator):
        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            totals = jsonpath.find_values(total_items_path, response.json())
            read = (self.current_value - base_page + 1) * page_size
            self.current_value += 1
            self._has_next_page = bool(data) and bool(totals) and read < int(totals[0])

    return PageOfItems(
        base_page=base_page,
        page_param=page_param,
        page_body_path=page_body_path,
        total_path=None,
    )


def _link_while(*, next_url_path: str, has_more_path: str) -> Any:
    from dlt.common import jsonpath  # noqa: PLC0415
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator  # noqa: PLC0415

    class LinkWhile(JSONLinkPaginator):
        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            super().update_state(response, data)
            more = jsonpath.find_values(has_more_path, response.json())
            if more[:1] != [True]:
                self._next_reference = None  # it alone ends; dlt sets the rest by it anew

    return LinkWhile(next_url_path)


def _short_page(
    *,
    page_size: int,
    page_param: str,
    base_page: int = 1,
    by: str = "page",
    template: str = "{value}",
) -> Any:
    from dlt.sources.helpers.rest_client.paginators import BasePaginator  # noqa: PLC0415

    class ShortPage(BasePaginator):
        def __init__(self) -> None:
            super().__init__()
            self.pages = 0

        def init_request(self, request: Any) -> None:
            self.pages = 0
            self._has_next_page = True
            self.update_request(request)

        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            self.pages += 1
            self._has_next_page = len(data or []) >= page_size

        def update_request(self, request: Any) -> None:
            at = base_page + self.pages * (page_size if by == "offset" else 1)
            written = template.replace("{value}", str(at)).replace("{size}", str(page_size))
            request.params = {**(request.params or {}), page_param: written}

    return ShortPage()


def _next_link(*, next_url_path: str, ended_path: str | None = None) -> Any:
    from dlt.common import jsonpath  # noqa: PLC0415
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator  # noqa: PLC0415

    class NextLink(JSONLinkPaginator):
        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            super().update_state(response, data)
            ended = not data
            if ended_path is not None:
                ended = jsonpath.find_values(ended_path, response.json()) == [True]
            if ended:
                self._next_reference = None  # it alone ends; dlt sets the rest by it anew

    return NextLink(next_url_path=next_url_path)


_OUR_OWN: dict[str, Callable[..., Any]] = {
    "link_while": _link_while,
    "next_link": _next_link,
    "page_of_items": _page_of_items,
    "short_page": _short_page,
}
