"""The pictures of the sandbox's articles."""

from __future__ import annotations

from xml.etree import ElementTree

from flask import Flask
from flask.testing import FlaskClient

from sandbox import pictures
from sandbox.catalogue import ITEMS


def _client() -> FlaskClient:
    app = Flask("pictures")
    app.register_blueprint(pictures.pages)
    return app.test_client()


def test_each_article_has_a_picture_of_its_own() -> None:
    client, seen = _client(), set()
    for item in ITEMS:
        answer = client.get(pictures.address("http://127.0.0.1:9000/shopify", item.number).removeprefix("http://127.0.0.1:9000"))
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
        root = ElementTree.fromstring(answer.data)  # noqa: S314 -- drawn here
        assert (root.get("width"), root.get("height")) == ("160", "160")
        seen.add(answer.data)
    assert len(seen) == len(ITEMS)


def test_there_is_no_picture_of_what_is_not_sold() -> None:
    client = _client()
    assert [client.get(f"/pictures/{number}.svg").status_code for number in (0, 99)] == [404, 404]
