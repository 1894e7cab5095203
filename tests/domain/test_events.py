"""How an outgoing message is signed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.events import Secret, headers, in_use, key_of, secret_text

# The example of docs.svix.com, where receivers learn to check a signature by hand.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_specification() -> None:
    assert headers("msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, [Secret(SECRET)], NOW) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNED,
    }


def test_a_replaced_secret_signs_beside_the_new_one_until_its_time() -> None:
    new, old = Secret(secret_text(b"n" * 24)), Secret(SECRET, NOW + timedelta(seconds=1))
    both = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, [new, old], NOW)["webhook-signature"].split(" ")
    assert len(both) == 2
    assert both[1] == SIGNED != both[0]
    assert in_use([new, old], NOW) == [new, old]
    assert in_use([new, old], NOW + timedelta(seconds=1)) == [new]


@pytest.mark.parametrize("length", [24, 64])
def test_a_key_and_its_secret(length: int) -> None:
    key = bytes(range(length))
    assert secret_text(key) == "whsec_" + base64.b64encode(key).decode()
    assert key_of(secret_text(key)) == key


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (secret_text(b"x" * 23), "a secret is whsec_ and 24 to 64 bytes in base64"),
        (secret_text(b"x" * 65), "a secret is whsec_ and 24 to 64 bytes in base64"),
        (base64.b64encode(b"x" * 24).decode(), "a secret is whsec_ and 24 to 64 bytes in base64"),
        ("whsec_" + "x" * 33, "the secret is not base64"),
        ("whsec_" + "é" * 32, "."),
        ("whsec_ " + base64.b64encode(b"x" * 24).decode(), "the secret is not base64"),
    ],
)
def test_what_is_no_secret(secret: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        key_of(secret)
