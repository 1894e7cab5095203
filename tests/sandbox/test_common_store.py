"""The journal: what was acknowledged is there again, whatever happened to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sandbox import store as store_module
from sandbox.store import JournalUnreadable, Store

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from sandbox.store import Store

store = Store(Path(sys.argv[1]))
for number in range(1_000_000):
    with store.together():
        store.put("left", str(number), {"number": number, "padding": "x" * 2000})
        store.put("right", str(number), {"number": number})
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


def test_documents_come_back_in_order_after_a_restart(path: Path) -> None:
    store = Store(path)
    for key in ("b", "a", "c"):
        store.put("shop.order", key, {"key": key, "title": "Ciré « jaune » 🌊"})
    store.put("shop.order", "b", {"key": "b", "title": "changed"})
    store.delete("shop.order", "a")
    store.delete("shop.order", "never there")
    assert [document["key"] for document in Store(path).all("shop.order")] == ["b", "c"]
    assert Store(path).get("shop.order", "b") == {"key": "b", "title": "changed"}
    assert Store(path).get("shop.order", "a") is None
    assert Store(path).count("shop.order") == 2


def test_what_is_handed_out_is_a_copy(path: Path) -> None:
    store = Store(path)
    mine = {"lines": [1]}
    store.put("k", "1", mine)
    mine["lines"].append(2)
    read = store.get("k", "1")
    assert read is not None
    read["lines"].append(3)
    store.all("k")[0]["lines"].append(4)
    assert store.get("k", "1") == {"lines": [1]}


def test_a_sequence_never_gives_a_number_twice(path: Path) -> None:
    assert [Store(path).next_id("order", 1001) for _ in range(3)] == [1001, 1002, 1003]


def test_what_is_no_json_changes_nothing(path: Path) -> None:
    store = Store(path)
    for wrong in ({"a": object()}, {"a": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            store.put("k", "1", wrong)
    assert store.get("k", "1") is None
    assert Store(path).count("k") == 0


def test_changes_made_together_are_taken_back_together(path: Path) -> None:
    store = Store(path)
    store.put("k", "kept", {"n": 1})

    def half() -> None:
        with store.together():
            store.put("k", "kept", {"n": 2})
            store.put("k", "new", {"n": 3})
            store.delete("k", "kept")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        half()
    for seen in (store, Store(path)):
        assert seen.all("k") == [{"n": 1}]


def test_a_torn_last_line_is_left_out_and_the_journal_goes_on(path: Path) -> None:
    Store(path).put("k", "1", {"n": 1})
    with path.open("ab") as file:
        file.write(b'[["k","2",')
    again = Store(path)
    assert again.all("k") == [{"n": 1}]
    again.put("k", "3", {"n": 3})
    assert Store(path).all("k") == [{"n": 1}, {"n": 3}]


def test_an_unreadable_line_before_the_last_is_named(path: Path) -> None:
    Store(path).put("k", "1", {"n": 1})
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(JournalUnreadable, match=r"Line 1 .* Move the file away"):
        Store(path)


def test_a_killed_writer_loses_nothing_it_acknowledged(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer, writer.stdout:
        acknowledged = [writer.stdout.readline() for _ in range(200)]
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.readlines()
    complete = [line for line in acknowledged if line.endswith("\n")]
    again = Store(path)
    left, right = again.all("left"), again.all("right")
    assert len(left) >= len(complete) >= 200
    assert [document["number"] for document in left] == [document["number"] for document in right] == list(range(len(left)))


def test_threads_do_not_lose_each_others_changes(path: Path) -> None:
    store = Store(path)
    store.put("k", "sum", {"n": 0})

    def add() -> None:
        for _ in range(100):
            with store.together():
                document = store.get("k", "sum")
                assert document is not None
                store.put("k", "sum", {"n": document["n"] + 1})
                store.next_id("k")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("k", "sum") == {"n": 800}
    assert Store(path).next_id("k") == 801


def test_the_journal_is_compacted_while_running_and_at_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_COMPACT_AFTER_CHANGES", 50)
    store = Store(path)
    for number in range(500):
        store.put("k", str(number % 3), {"n": number})
    assert len(path.read_bytes().splitlines()) <= 60
    again = Store(path)
    assert again.all("k") == [{"n": 498}, {"n": 499}, {"n": 497}]
    assert len(path.read_bytes().splitlines()) == 3


def test_a_full_disk_is_reported_and_leaves_memory_and_journal_equal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(path)
    store.put("k", "1", {"n": 1})
    whole = os.write
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "write", lambda file, line: whole(file, line[:7]))
        with pytest.raises(OSError, match="is the disk full"):
            store.put("k", "1", {"n": 2})
    store.put("k", "2", {"n": 2})
    assert store.all("k") == Store(path).all("k") == [{"n": 1}, {"n": 2}]


def test_a_closed_store_takes_no_more_changes(path: Path) -> None:
    store = Store(path)
    store.close()
    with pytest.raises(OSError, match="descriptor"):
        store.put("k", "1", {"n": 1})
    assert store.get("k", "1") is None


def test_heads_follow_every_change(path: Path) -> None:
    store = Store(path)
    store.put("order", "1", {"number": 1, "long": "x"})
    store.put("order", "2", {"number": 2, "long": "x"})
    assert store.heads("order", _number) == [1, 2]
    store.put("order", "1", {"number": 11})
    store.put("order", "3", {"number": 3})
    store.delete("order", "2")
    assert store.heads("order", _number) == [11, 3]
    with pytest.raises(ValueError, match="JSON compliant"):
        _put_and_fail(store)
    assert store.heads("order", _number) == [11, 3]
    assert store.heads("nothing", _number) == []


def _number(document: dict[str, int]) -> int:
    return document["number"]


def _put_and_fail(store: Store) -> None:
    with store.together():
        store.put("order", "3", {"number": 33})
        store.put("order", "4", {"number": float("nan")})
