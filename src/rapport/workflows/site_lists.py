"""What a company says is on its site: a site map, or pages and features one a line.

So that pages and features which nobody ever used can be found too: no tracker tells of those.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from xml.parsers import expat

import msgspec
from msgspec import Struct
from sqlalchemy import insert

from rapport.errors import InvalidInput
from rapport.understand.site.unused import Known
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company, read_choice, write_choice
from rapport.workflows.site_rows import selector

#: Entries of one site; a shop's whole catalogue of products is no list of features.
MOST = 5_000
LARGEST = 2_000_000  # bytes
_LONGEST = 500


class SiteList(Struct, frozen=True, kw_only=True):
    """The list of one site."""

    known: tuple[Known, ...] = ()
    author: str | None = None


def site_list(company: Company, source: str) -> SiteList:
    """What the company listed of a site; empty before it did."""
    stored = company.choice("site_lists").get(source, {})
    return msgspec.convert(stored, SiteList)


def known_of(company: Company, source: str) -> tuple[Known, ...]:
    """The pages and elements that the company listed."""
    return site_list(company, source).known


def save_site_list(company: Company, source: str, content: str, *, author: str) -> SiteList:
    """Keep what `read_list` reads in place of the list before; an empty one takes it back."""
    known = read_list(content)
    kept = SiteList(known=known, author=author)
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "setting")
        lists: dict[str, Any] = dict(read_choice(connection, "site_lists"))
        lists[source] = msgspec.to_builtins(kept)
        write_choice(company.ledger, connection, "site_lists", lists)
        connection.execute(
            insert(audit).values(
                at=company.clock(), actor=author, action="site_list_saved", subject=source,
                details={"entries": len(known)},
            )
        )  # fmt: skip
    return kept


def read_list(content: str) -> tuple[Known, ...]:
    """Pages and features as a company writes them.

    Parameters
    ----------
    content : str
        A sitemap.xml, or lines: a path or address, and after a space the element on it as a CSS
        selector, and after a bar what to call it: ``/checkout [data-rapport=pay] | Pay``.

    Raises
    ------
    InvalidInput
        Naming the first line that cannot be read.
    """
    if len(content.encode()) > LARGEST:
        raise InvalidInput(f"A list has {LARGEST // 1_000_000} MB at most; leave products out")
    is_xml = content.lstrip().startswith("<")
    known = _of_sitemap(content) if is_xml else _of_lines(content)
    if len(known) > MOST:
        raise InvalidInput(
            f"A list has {MOST} pages and features at most, not {len(known)}; leave products out"
        )
    return known


def written_list(known: tuple[Known, ...]) -> str:
    """The list as lines, as `save_site_list` reads them."""
    return "\n".join(
        " ".join(filter(None, (each.path, each.element))) + (f" | {each.name}" if each.name else "")
        for each in known
    )


def _of_lines(content: str) -> tuple[Known, ...]:
    found: dict[tuple[str, str | None], Known] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        where, _, name = line.partition("|")
        address, _, element = where.strip().partition(" ")
        path = _path(address)
        if path is None or max(len(path), len(element)) > _LONGEST:
            raise InvalidInput(
                f"Line {number}, {line.strip()[:80]!r}, begins with no page; "
                "write a path such as /checkout, and after a space the element on it"
            )
        feature = selector(element.strip()) or None
        found[path, feature] = Known(
            path=path, element=feature, name=name.strip()[:_LONGEST] or None
        )
    return tuple(found.values())


def _of_sitemap(content: str) -> tuple[Known, ...]:
    places: list[str] = []
    inside: list[str] = []

    def opened(name: str, _attributes: dict[str, str]) -> None:
        inside.append(name.rpartition(" ")[2])
        if inside[-2:] == ["url", "loc"]:
            places.append("")

    def closed(_name: str) -> None:
        inside.pop()

    def text(said: str) -> None:
        if inside[-2:] == ["url", "loc"]:
            places[-1] += said

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.CharacterDataHandler = text
    # Entities of a document's own could make a small file a huge one.
    parser.EntityDeclHandler = _refuse_entities
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InvalidInput(f"The site map is no XML that can be read: {error}") from error
    paths = dict.fromkeys(path for place in places if (path := _path(place.strip())))
    if not paths:
        raise InvalidInput(
            "The site map lists no pages (<url><loc>…); of an index of site maps take one of those "
            "that it names"
        )
    return tuple(Known(path=path) for path in paths)


def _refuse_entities(*_: Any) -> None:
    raise InvalidInput("The site map declares entities, which none needs; save it without them")


def _path(address: str) -> str | None:
    """The path of an address; None where it is neither that nor a path."""
    try:
        url = urlsplit(address)
    except ValueError:
        return None
    if url.scheme in ("http", "https") and url.netloc:
        return url.path or "/"
    return address if address.startswith("/") else None
