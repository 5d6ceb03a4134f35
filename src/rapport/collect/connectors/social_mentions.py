"""Mentions on social media, as listening tools export them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import SOCIAL_MENTIONED, Touchpoint

#: Networks that tools name in several ways; what is not here keeps its name in small letters.
_NETWORKS = {
    "twitter": "x", "x (twitter)": "x", "twitter/x": "x", "x.com": "x", "fb": "facebook",
    "facebook page": "facebook", "ig": "instagram", "yt": "youtube", "linked in": "linkedin",
    "tik tok": "tiktok",
}  # fmt: skip
_MOODS = {
    **dict.fromkeys(("positive", "positief", "positif", "pozitív", "positiv", "pos"), 1.0),
    **dict.fromkeys(("neutral", "neutraal", "neutre", "semleges", "mixed", "gemengd"), 0.0),
    **dict.fromkeys(("negative", "negatief", "négatif", "negatív", "negativ", "neg"), -1.0),
}


def read_mention(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one mention; its author is known by the name on that network alone."""
    (row,) = rows
    written = row.required("network").casefold()
    network = _NETWORKS.get(written, written)
    posted_at = row.required_moment("posted_at")
    text = row.required("text")
    handle, url = row.text("author"), row.text("url")
    said = (network, handle, posted_at, text)
    identifiers = row.identifiers()
    if handle is not None:
        identifiers = (
            Identifier(kind="social_handle", value=handle, namespace=network),
            *identifiers,
        )
    number = row.text("mention_id") or url
    yield row.touchpoint(
        f"mentions:{network}:{number or sha256(repr(said).encode()).hexdigest()[:24]}",
        type=SOCIAL_MENTIONED,
        channel="social",
        occurred_at=posted_at,
        text=text,
        language=row.language(),
        identifiers=identifiers,
        properties={
            "network": network,
            "url": url,
            "title": row.text("title"),
            "reach": row.number("reach"),
            "followers": row.number("followers"),
            "likes": row.number("likes"),
            "comments": row.number("comments"),
            "shares": row.number("shares"),
            "stated_sentiment": _mood(row),
            "tags": row.text("tags"),
        },
    )


def _mood(row: Row) -> float | str | None:
    """From −1 to 1 where it is a word that we know; else as the tool says it."""
    text = row.text("sentiment")
    return None if text is None else _MOODS.get(text.casefold(), text)


CONNECTOR = Connector(
    kind="social_mentions",
    label="Mentions on social media",
    required=("network", "posted_at", "text"),
    optional=(
        *("mention_id", "author", "url", "title", "language", "sentiment", "reach", "followers"),
        *("likes", "comments", "shares", "tags"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_mention,
    file_words=("mention", "social", "említés", "vermelding", "listening"),
    synonyms={
        "network": (
            *("network", "source type", "platform", "media type", "page type", "source", "netwerk"),
            *("réseau", "hálózat", "netzwerk", "content source", "social network"),
        ),
        "posted_at": (
            *("posted at", "published at", "published", "date", "created", "created at", "time"),
            *("gepubliceerd", "publié le", "közzétéve", "veröffentlicht", "datum", "dátum"),
            "date (utc)",
        ),
        "text": (
            *("text", "content", "full text", "message", "snippet", "post", "tekst", "texte"),
            *("szöveg", "hit sentence", "opening text", "mention"),
        ),
        "author": (
            *("author", "author handle", "handle", "username", "user name", "screen name", "from"),
            *("auteur", "szerző", "autor", "author name", "influencer"),
        ),
        "mention_id": ("mention id", "post id", "query id", "resource id", "id"),
        "url": ("url", "link", "permalink", "mention url"),
        "sentiment": ("sentiment", "tone", "polarity", "hangulat", "tonalité", "stemming"),
        "reach": ("reach", "potential reach", "estimated reach", "impressions", "bereik", "elérés"),
        "followers": ("followers", "twitter followers", "author followers", "volgers", "követők"),
        "likes": ("likes", "reactions", "favorites", "vind-ik-leuks", "kedvelések"),
        "comments": ("comment count", "replies", "reacties", "hozzászólások"),
        "shares": ("shares", "retweets", "reposts", "megosztások"),
        "tags": ("tags", "labels", "categories", "címkék"),
    },
)
