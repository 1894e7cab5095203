"""A small picture of each article, drawn from its name: what the three shops' catalogues give as its picture."""

from __future__ import annotations

from urllib.parse import urljoin

from flask import Blueprint, Response, abort

from sandbox.catalogue import ITEMS, CatalogueItem

pages = Blueprint("pictures", __name__)
_BY_NUMBER = {item.number: item for item in ITEMS}
_DRAWN = """<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160" viewBox="0 0 160 160">
<rect width="160" height="160" fill="hsl({hue} 55% 86%)"/>
<circle cx="{sun}" cy="46" r="26" fill="hsl({hue} 70% 72%)"/>
<path d="M0 118q20-{swell} 40 0t40 0 40 0 40 0v42H0z" fill="hsl({hue} 45% 42%)"/>
<text x="80" y="100" font-family="sans-serif" font-size="58" font-weight="700" text-anchor="middle" \
fill="hsl({hue} 60% 24%)">{letters}</text>
</svg>
"""


def address(base_url: str, number: int) -> str:
    """Where the picture of this article lies, on the host of a shop's address."""
    return urljoin(base_url, f"/pictures/{number}.svg")


@pages.get("/pictures/<int:number>.svg", endpoint="picture")
def _picture(number: int) -> Response:
    item = _BY_NUMBER.get(number) or abort(404)
    headers = {
        "Cache-Control": "public, max-age=3600",
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(drawn(item), mimetype="image/svg+xml", headers=headers)


def drawn(item: CatalogueItem) -> str:
    """The picture: colours and waves by the article's number, with the first letters of its name."""
    words = [word for word in item.title.split() if word[0].isalnum()]
    letters = "".join(word[0] for word in words[:2]).upper()
    return _DRAWN.format(
        hue=item.number * 47 % 360, sun=36 + item.number * 29 % 90, swell=8 + item.number % 5 * 4, letters=letters
    )
