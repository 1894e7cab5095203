"""Who gets in, what each role may do, and that every act is written down."""

from __future__ import annotations

import re

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from connector.db.tables import audit, sign_ins, staff
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step
from connector.domain.staff import Role, may
from connector.flow import staff as story
from connector.flow.picking import assign
from desk.roles import LEAST
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town, order

PASSWORD = "correct horse battery"
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def token(page: str) -> str:
    return re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD, path: str = "/sign-in"):  # type: ignore[no-untyped-def]
    page = client.get("/sign-in").get_data(as_text=True)
    return client.post(path, data={"csrf_token": token(page), "name": name, "password": password})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose; these tests are not about that."""
    monkeypatch.setattr(story, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def people(engine: Engine) -> dict[Role, int]:
    return {role: story.add(engine, role.value.title(), role, PASSWORD) for role in Role}


class TestSigningIn:
    def test_without_staff_the_desk_is_open_on_this_machine_and_says_so(self, app: Flask, town: Town) -> None:
        client = app.test_client()
        assert "connector staff add NAME --role owner" in client.get("/orders").get_data(as_text=True)

    @pytest.mark.parametrize(
        "elsewhere",
        [
            {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
            {"headers": {"X-Forwarded-For": "192.0.2.7"}},
            {"headers": {"Forwarded": "for=192.0.2.7"}},
            {"headers": {"Host": "desk.example"}},
        ],
    )
    def test_without_staff_nobody_gets_in_from_elsewhere(self, app: Flask, town: Town, elsewhere: dict[str, object]) -> None:
        answer = app.test_client().get("/orders", **elsewhere)  # type: ignore[arg-type]
        assert answer.status_code == 403
        assert "no staff yet" in answer.get_data(as_text=True)

    def test_as_soon_as_there_is_one_everyone_signs_in(self, app: Flask, people: dict[Role, int]) -> None:
        client = app.test_client()
        assert client.get("/orders?state=new").location == "/sign-in?next=/orders?state%3Dnew"
        answer = sign_in(client, "PICKER", path="/sign-in?next=/orders?state%3Dnew")
        assert answer.location == "/orders?state=new"
        assert client.get("/orders").status_code == 200

    @pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
    def test_nobody_is_led_away(self, app: Flask, people: dict[Role, int], away: str) -> None:
        assert sign_in(app.test_client(), "Picker", path=f"/sign-in?next={away}").location == "/orders"

    def test_after_five_tries_it_is_closed_even_for_the_right_password(self, app: Flask, people: dict[Role, int]) -> None:
        client = app.test_client()
        answers = [sign_in(client, "Owner", "wrong").status_code for _ in range(6)]
        assert answers == [401] * 5 + [429]
        assert sign_in(client, "Owner").status_code == 429
        assert sign_in(client, "Picker").status_code == 303  # a colleague is not locked out

    def test_the_lock_opens_after_a_quarter_of_an_hour(self, app: Flask, people: dict[Role, int], engine: Engine) -> None:
        client = app.test_client()
        for _ in range(5):
            sign_in(client, "Owner", "wrong")
        with engine.begin() as conn:
            conn.execute(update(sign_ins).values(at=sign_ins.c.at - story.LOCKED))
        assert sign_in(client, "Owner").status_code == 303

    def test_an_unknown_name_is_answered_like_a_wrong_password(self, app: Flask, people: dict[Role, int]) -> None:
        client = app.test_client()
        known, unknown = sign_in(client, "Owner", "wrong"), sign_in(client, "Nobody", "wrong")
        assert known.status_code == unknown.status_code == 401
        assert [sign_in(client, "Nobody", "wrong").status_code for _ in range(5)] == [401] * 4 + [429]

    def test_sign_out_disabling_and_a_new_password_end_a_session(
        self, app: Flask, people: dict[Role, int], engine: Engine
    ) -> None:
        client = app.test_client()
        ends = (
            (
                PASSWORD,
                lambda: client.post("/sign-out", data={"csrf_token": token(client.get("/orders").get_data(as_text=True))}),
            ),
            (PASSWORD, lambda: story.set_password(engine, "picker", PASSWORD + "!")),
            (PASSWORD + "!", lambda: story.set_enabled(engine, "Picker", False)),
        )
        for password, end in ends:
            with client.session_transaction() as session:
                session.clear()
            sign_in(client, "Picker", password)
            assert client.get("/orders").status_code == 200
            end()
            assert client.get("/orders").status_code == 302

    def test_a_session_of_someone_else_s_making_is_none(self, app: Flask, people: dict[Role, int]) -> None:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update(staff=people[Role.OWNER], stamp=17)
        assert client.get("/orders").status_code == 302


class TestPasswords:
    def test_are_kept_as_argon2id(self, engine: Engine, people: dict[Role, int]) -> None:
        with engine.connect() as conn:
            assert all(hashed.startswith("$argon2id$") for hashed in conn.execute(select(staff.c.password_hash)).scalars())

    @pytest.mark.parametrize(("name", "password"), [("Zoé", "short"), ("", PASSWORD), ("owner", PASSWORD), ("a\nb", PASSWORD)])
    def test_what_is_refused(self, engine: Engine, people: dict[Role, int], name: str, password: str) -> None:
        with pytest.raises(Rejected):
            story.add(engine, name, Role.PICKER, password)

    def test_the_last_owner_stays(self, engine: Engine, people: dict[Role, int]) -> None:
        with pytest.raises(Rejected, match="only owner"):
            story.set_enabled(engine, "Owner", False)


ARGUMENTS = {"step": "pack", "box": "inbox", "kind": "slip", "act": "test", "filename": "desk.css"}


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of every route of the desk, with ids that exist nowhere."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        return [
            (rule.endpoint, method, adapter.build(rule.endpoint, {name: ARGUMENTS.get(name, 987654) for name in rule.arguments}))
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith("desk.")
            for method in sorted((rule.methods or set()) & (UNSAFE | {"GET"}))
        ]


def test_every_route_names_its_least_role_and_no_other_is_named(app: Flask) -> None:
    assert {endpoint for endpoint, _, _ in routes(app)} == set(LEAST)


@pytest.mark.parametrize("role", [None, *Role])
def test_each_route_lets_in_exactly_the_roles_it_names(app: Flask, people: dict[Role, int], role: Role | None) -> None:
    client = app.test_client()
    app.config["WTF_CSRF_METHODS"] = set()  # whether a form is ours is another test
    if role is not None:
        assert sign_in_without_token(client, role.value).status_code == 303
    for endpoint, method, path in routes(app):
        if endpoint == "desk.sign_out":
            continue
        answer = client.open(path, method=method)
        answer.close()
        least = LEAST[endpoint]
        if role is None and least is not None:
            assert (answer.status_code, endpoint) == (302 if method == "GET" else 401, endpoint)
            if method == "GET":
                assert answer.location.startswith("/sign-in")
        else:
            refused = role is not None and least is not None and not may(role, least)
            assert (answer.status_code == 403, endpoint) == (refused, endpoint)


def sign_in_without_token(client: FlaskClient, name: str):  # type: ignore[no-untyped-def]
    return client.post("/sign-in", data={"name": name, "password": PASSWORD})


def test_no_unsafe_route_does_anything_without_our_token(app: Flask, town: Town) -> None:
    client = app.test_client()
    unsafe = [(method, path) for _, method, path in routes(app) if method in UNSAFE]
    assert len(unsafe) > 10
    for method, path in unsafe:
        assert (client.open(path, method=method).status_code, path) == (400, path)


def test_every_act_is_written_down_before_it_is_done_with_who_did_it(app: Flask, town: Town, people: dict[Role, int]) -> None:
    app.config["WTF_CSRF_METHODS"] = set()
    client = app.test_client()
    sign_in_without_token(client, "Owner")
    acts = [(endpoint, path) for endpoint, method, path in routes(app) if method in UNSAFE and "sign_" not in endpoint]
    for _, path in acts:
        client.post(path)
    with town.engine.connect() as conn:
        rows = conn.execute(select(audit.c.act, audit.c.actor, audit.c.outcome).order_by(audit.c.id)).all()
    assert [row.act for row in rows] == [endpoint for endpoint, _ in acts]
    assert {row.actor for row in rows} == {"Owner"}
    assert "begun" not in {row.outcome for row in rows}


def test_what_staff_do_bears_their_name(app: Flask, town: Town, people: dict[Role, int]) -> None:
    reader = Reader(app.test_client())
    sign_in(reader.client, "Picker")
    order_id = town.place(order(("BK-001", 1)))
    assign(town.engine, town.parts(order_id)[0], people[Role.PICKER], NOW, actor="Picker")
    reader.get(f"/orders/{order_id}")
    reader.send(f"/{Step.PACK}")
    assert "· Picker" in reader.page
    assert "Assigned to Picker." in reader.page
    reader.get(f"/orders?staff={people[Role.PICKER]}")
    assert reader.page.count('class="open"') == 1


def test_the_owner_s_page_adds_and_disables_and_shows_the_acts(reader: Reader, engine: Engine) -> None:
    reader.get("/staff")
    assert reader.send('"/staff"', name="Inès", password=PASSWORD).status_code == 200
    assert "Inès can sign in now." in reader.page
    assert reader.send('"/staff"', name="Paul", password=PASSWORD, role="viewer").status_code == 200
    assert reader.send('"/staff"', name="paul", password=PASSWORD, role="viewer").status_code == 422
    assert "This name is taken." in reader.page
    with engine.connect() as conn:
        paul = conn.execute(select(staff.c.id).where(staff.c.name == "Paul")).scalar_one()
    reader.send(f"/staff/{paul}")
    assert "Paul can no longer sign in." in reader.page
    assert "Added a colleague" in reader.page
