"""`connector` on links, files, settings and published stock, against the sandbox's Shopify over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import queue
from jobs.environment import Environment
from sandbox import shopify, woocommerce
from sandbox.assembly import assemble, close
from sandbox.linking import demo
from tests.jobs.commanding import Run, as_json, run
from tests.serving import serve

__all__ = ["run"]


@pytest.fixture
def linked(run: Run, tmp_path: Path) -> Iterator[Run]:
    """A Shopify and a WooCommerce shop of the sandbox, with one item of ours."""
    app = assemble(tmp_path, (shopify.build, woocommerce.build))
    with serve(app) as url:
        for place in demo(url).locations:
            assert run("locations", "add", place["code"], place["name"]).exit_code == 0
        assert run("items", "add", "MAR-TS-S", "Marinière S").exit_code == 0
        assert run("stock", "count", "depot", "MAR-TS-S", 7).exit_code == 0
        for shop in demo(url).shops[:2]:
            options = [word for name, text in shop.options.items() for word in (f"--{name.replace('_', '-')}", text)]
            assert run("shops", "add", shop.platform, *options, "--name", shop.platform).exit_code == 0
        yield run
    close(app)


@pytest.fixture(autouse=True)
def _private_shops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_PRIVATE_SHOPS", "true")


@pytest.fixture
def environment(environment: Environment) -> Environment:
    """With the real platforms, allowed to call the sandbox."""
    from dataclasses import replace

    from platforms import registry
    from platforms.http import Http

    return replace(environment, platforms=registry.platforms(Http(private_allowed=True)))


def test_a_catalogue_is_read_and_its_problems_are_listed_with_what_to_do(linked: Run, environment: Environment) -> None:
    assert queue.queue(environment.redis, "link").count == 2
    listed = as_json(linked("items", "links", "shopify", "--read", "--json"))
    assert len(listed) == 24
    assert [row["item"] for row in listed if row["sku"] == "MAR-TS-S"] == ["MAR-TS-S"]
    problems = as_json(linked("items", "links", "shopify", "--problems", "--json"))
    assert len(problems) == 23
    assert {row["problem"] for row in problems} == {"unknown"}
    assert all(row["meaning"] and row["remedy"] for row in problems)


def test_items_are_imported_from_the_shop_after_a_look(linked: Run) -> None:
    looked = as_json(linked("items", "import", "shopify", "--dry-run", "--json"))
    assert len(looked) == 23
    assert len(as_json(linked("items", "list", "--json"))) == 1
    assert as_json(linked("items", "import", "shopify", "--json")) == looked
    assert len(as_json(linked("items", "list", "--json"))) == 24
    assert [row["problem"] for row in as_json(linked("items", "links", "shopify", "--problems", "--json"))] == ["untracked"]


def test_a_link_is_made_by_hand_and_taken_back(linked: Run) -> None:
    linked("items", "links", "shopify", "--read")
    assert as_json(linked("items", "link", "shopify", "gid://shopify/ProductVariant/5002", "MAR-TS-S", "--json"))["linked"] == 2
    assert as_json(linked("items", "link", "shopify", "gid://shopify/ProductVariant/5002", "-", "--json"))["linked"] == 1
    refused = linked("items", "link", "shopify", "nope", "MAR-TS-S")
    assert (refused.exit_code, "no variant" in refused.stderr) == (1, True)


def test_settings_are_listed_with_their_meaning_and_changed_within_what_is_allowed(linked: Run) -> None:
    listed = {row["name"]: row for row in as_json(linked("shops", "settings", "woocommerce", "--json"))}
    assert listed["publish_stock"] == {
        "name": "publish_stock",
        "value": False,
        "default": False,
        "changed": False,
        "allowed": "yes or no",
        "meaning": "Whether the shop is kept showing what is available here.",
    }
    assert "notify_customer" not in listed
    assert as_json(linked("shops", "set", "woocommerce", "stock_buffer=2", "status_packed=processing", "--json")) == {
        "stock_buffer": 2,
        "status_packed": "processing",
    }
    for wrong, said in (
        ("stock_buffer=-1", "a whole number"),
        ("report_parts=half", "one of whole, each"),
        ("status_packed=nonsense", "processing"),
        ("colour=blue", "There are report_parts"),
    ):
        refused = linked("shops", "set", "woocommerce", wrong)
        assert refused.exit_code == 1
        assert said in refused.stderr
    assert linked("shops", "set", "woocommerce", "stock_buffer").exit_code == 2


def test_a_first_push_is_looked_at_and_asked_for(linked: Run) -> None:
    linked("items", "links", "shopify", "--read")
    looked = as_json(linked("stock", "publish", "shopify", "--dry-run", "--json"))
    assert looked["differences"] == []
    assert sorted(looked["unlinked_locations"]) == ["Boutique Canebière", "Boutique Vieux-Port", "Dépôt Arenc"]
    assert linked("locations", "link", "shopify", "gid://shopify/Location/1003", "depot").exit_code == 0
    looked = as_json(linked("stock", "publish", "shopify", "--dry-run", "--json"))
    assert [(row["sku"], row["shows"], row["wanted"]) for row in looked["differences"]] == [("MAR-TS-S", 300, 7)]
    assert "MAR-TS-S" in linked("stock", "publish", "shopify", "--dry-run").stdout
    refused = linked("stock", "publish", "shopify")
    assert (refused.exit_code, "publish_stock=yes" in refused.stderr) == (1, True)
    assert linked("shops", "set", "shopify", "publish_stock=yes").exit_code == 0
    assert as_json(linked("stock", "publish", "shopify", "--all", "--json")) == {"shop": "shopify", "publishing": True}
    (row,) = as_json(linked("stock", "published", "shopify", "--json"))
    assert (row["sku"], row["published"], row["waiting"]) == ("MAR-TS-S", None, True)


def test_a_shop_with_one_quantity_shows_the_sum_of_the_places_behind_it(linked: Run) -> None:
    linked("items", "links", "woocommerce", "--read")
    assert linked("stock", "count", "canebiere", "MAR-TS-S", 2).exit_code == 0
    assert linked("locations", "link", "woocommerce", "*", "depot", "canebiere").exit_code == 0
    looked = as_json(linked("stock", "publish", "woocommerce", "--dry-run", "--json"))
    assert [(row["shows"], row["wanted"]) for row in looked["differences"]] == [(420, 9)]
    assert looked["unlinked_locations"] == []


def test_files_go_out_and_come_in(linked: Run, tmp_path: Path) -> None:
    file = tmp_path / "levels.csv"
    assert linked("csv", "export", "levels", str(file)).exit_code == 0
    assert file.read_bytes() == b"sku,location,on_hand\r\nMAR-TS-S,depot,7\r\n"
    file.write_text("sku;location;on_hand\nMAR-TS-S;depot;9\n")
    assert "1 would change" in linked("csv", "import", "levels", str(file), "--dry-run").stdout
    assert as_json(linked("csv", "import", "levels", str(file), "--json"))["changed"] == 1
    file.write_text("sku;location;on_hand\nMAR-TS-S;depot;nine\n")
    refused = linked("csv", "import", "levels", str(file))
    assert refused.exit_code == 1
    assert "line 2, on_hand: 'nine' is no number" in refused.stderr
    assert json.loads(linked("csv", "import", "levels", str(file), "--json").stdout)["faults"][0]["line"] == 2
    assert linked("csv", "export", "links").exit_code == 2
    assert linked("csv", "export", "items").stdout.splitlines() == ["sku,title,barcode,supplier", "MAR-TS-S,Marinière S,,"]


def test_every_command_explains_itself(run: Run) -> None:
    for words in (
        ("items", "links"),
        ("items", "link"),
        ("items", "import"),
        ("stock", "publish"),
        ("stock", "published"),
        ("csv",),
        ("csv", "import"),
        ("csv", "export"),
        ("shops", "settings"),
        ("shops", "set"),
    ):
        shown = run(*words, "--help")
        assert shown.exit_code == 0
        assert len(shown.stdout.splitlines()) > 5
