"""Keys that seal a journal, and anchors that are kept elsewhere while the desk trades."""

from __future__ import annotations

import hmac
import json
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

import pytest

from coordinator.configuration.settings import Settings
from coordinator.live.bootstrap import anchors_at, live_plan_of
from coordinator.plan import configuration_json
from infra.journal.anchoring import Anchors, anchor_sink, anchored_at, to_address, to_file
from infra.journal.anchors import Anchor, read_anchors
from infra.journal.chain import Sealer
from infra.journal.key import journal_key
from infra.journal.verify import verify
from infra.live.home import DeskHome
from infra.live.opening import open_books
from market.errors import ConfigError, JournalError, TransientError
from market.live_events import CoordinatorAttached
from tests.live_gateways import started
from tests.meters import RecordingMeters
from tests.tampering import rewritten, stored

KEY = bytes(range(32))
HEAD = bytes(32)


def key_file(folder: Path, text: str = KEY.hex(), mode: int = 0o600) -> Path:
    path = folder / "journal.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_key_comes_from_a_file_of_its_owner_or_from_the_environment(tmp_path: Path) -> None:
    assert journal_key(None, {}) is None
    assert journal_key(key_file(tmp_path, KEY.hex() + "\n"), {}) == KEY
    assert journal_key(None, {"QUORUM_JOURNAL_KEY": KEY.hex()}) == KEY


@pytest.mark.parametrize(
    ("text", "mode", "environment", "told"),
    [
        (KEY.hex(), 0o640, {}, "chmod 600"),
        ("00" * 31, 0o600, {}, "at least 64 hexadecimal digits"),
        ("not a key", 0o600, {}, "at least 64 hexadecimal digits"),
        ("ü", 0o600, {}, "is no text"),
        (KEY.hex(), 0o600, {"QUORUM_JOURNAL_KEY": KEY.hex()}, "given twice"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused_and_never_told(
    tmp_path: Path, text: str, mode: int, environment: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as refusal:
        journal_key(key_file(tmp_path, text, mode), environment)
    assert text == "ü" or text not in str(refusal.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        journal_key(tmp_path / "nowhere", {})
    with pytest.raises(ConfigError, match="QUORUM_JOURNAL_KEY holds no key"):
        journal_key(None, {"QUORUM_JOURNAL_KEY": "secret"})


@pytest.mark.parametrize("length", [1, 32, 64, 65, 200])
def test_a_seal_is_the_hmac_that_anybody_can_compute(length: int) -> None:
    key = bytes(range(length))
    said = bytes(32) + HEAD + struct.pack("<d", 1.5)
    assert Sealer(key)(None, HEAD, 1.5) == hmac.digest(key, said, "sha256")
    said = KEY + HEAD + struct.pack("<d", 2.5)
    assert Sealer(key)(KEY, HEAD, 2.5) == hmac.digest(key, said, "sha256")


class Sink:
    """Keeps anchors in memory; each can be waited for."""

    def __init__(self) -> None:
        self.kept: Queue[Anchor] = Queue()

    def __call__(self, anchor: Anchor) -> None:
        self.kept.put(anchor)

    def next(self) -> int:
        return self.kept.get(timeout=10.0).count


def test_anchors_are_kept_at_the_start_then_so_often_and_at_the_end() -> None:
    now = [0.0]
    sink = Sink()
    anchors = Anchors(sink, every_s=60.0, clock=lambda: now[0])
    anchors.offer(1, HEAD, None)
    assert sink.next() == 1
    for second in (1.0, 59.9):
        now[0] = second
        anchors.offer(2, HEAD, None)
    now[0] = 60.0
    anchors.offer(3, HEAD, KEY)
    assert sink.next() == 3
    anchors.close(4, HEAD, KEY)
    assert sink.next() == 4
    assert sink.kept.empty()


def test_a_slow_sink_holds_nobody_up_and_gets_the_newest() -> None:
    entered, release = threading.Event(), threading.Event()
    kept: list[int] = []

    def slow(anchor: Anchor) -> None:
        entered.set()
        release.wait(10.0)
        kept.append(anchor.count)

    anchors = Anchors(slow, every_s=0.0)
    anchors.offer(1, HEAD, None)
    assert entered.wait(10.0)
    for count in range(2, 100):
        anchors.offer(count, HEAD, None)
    assert kept == []
    release.set()
    anchors.close(100, HEAD, None)
    assert kept[0] == 1
    assert kept[-1] == 100
    assert len(kept) <= 3


def test_what_cannot_be_anchored_is_counted_and_told_and_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    meters = RecordingMeters()
    where = tmp_path / "gone" / "anchors.jsonl"
    anchors = Anchors(
        to_file(where), every_s=0.0, tell=lambda text, **_: said.append(text), meters=meters
    )
    anchors.offer(1, HEAD, None)
    anchors.close(1, HEAD, None)
    assert anchors.failures == len(said) >= 1
    assert meters.counted["quorum_anchor_failures", ""] == anchors.failures
    assert "1 events could not be anchored" in said[0]
    where.parent.mkdir()
    again = Anchors(to_file(where), every_s=0.0)
    again.close(2, HEAD, None)
    assert [anchor.count for anchor in read_anchors(where)] == [2]


def test_a_file_of_anchors_is_its_owners_and_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    sink = to_file(path)
    sink(Anchor(count=1, head="a", seal=None, at=1.5))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("ab") as file:
        file.write(b'{"count": 2, "he')
    assert [anchor.count for anchor in read_anchors(path)] == [1]
    sink(Anchor(count=3, head="c", seal=None, at=3.5))
    assert [anchor.count for anchor in read_anchors(path)] == [1, 3], "and the desk starts again"
    path.write_bytes(b"{}\n")
    with pytest.raises(JournalError, match="line 1 is no anchor"):
        read_anchors(path)
    assert anchored_at(str(tmp_path / "none yet")) == []


@contextmanager
def web(answer: int) -> Iterator[tuple[str, Queue[bytes]]]:
    """A web server that takes posts and answers so."""
    posted: Queue[bytes] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", "/login")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/anchors?token=hidden", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_anchors_are_posted_to_an_address() -> None:
    with web(200) as (address, posted):
        anchors = Anchors(to_address(address), every_s=0.0)
        anchors.close(7, HEAD, KEY)
        told = json.loads(posted.get(timeout=10.0))
    assert (told["count"], told["head"], told["seal"]) == (7, HEAD.hex(), KEY.hex())
    assert anchors.failures == 0


def test_an_address_that_refuses_or_is_dead_fails_without_telling_its_token() -> None:
    said: list[str] = []
    with web(503) as (address, _):
        anchors = Anchors(
            to_address(address), every_s=0.0, tell=lambda text, **_: said.append(text)
        )
        anchors.close(7, HEAD, None)
    dead = Anchors(to_address(address), every_s=0.0, tell=lambda text, **_: said.append(text))
    dead.close(7, HEAD, None)
    assert (anchors.failures, dead.failures) == (1, 1)
    assert "answered 503" in said[0]
    assert "cannot be reached" in said[1]
    assert "hidden" not in "".join(said)


def test_an_answer_that_is_no_http_is_a_failure_like_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            caller, _ = door.accept()
            with caller:
                caller.recv(65_536)
                caller.sendall(b"no http at all\r\n\r\n")

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        post = to_address(f"http://127.0.0.1:{door.getsockname()[1]}/anchors")
        with pytest.raises(TransientError, match="cannot be reached"):
            post(Anchor(count=1, head="00", seal=None, at=0.0))
        answering.join()


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 404])
def test_an_address_that_sends_the_anchor_on_has_not_taken_it(answer: int) -> None:
    said: list[str] = []
    with web(answer) as (address, _):
        anchors = Anchors(
            to_address(address), every_s=0.0, tell=lambda text, **_: said.append(text)
        )
        anchors.close(7, HEAD, None)
    assert anchors.failures == 1
    assert f"answered {answer}" in said[0]


@pytest.mark.parametrize("where", ["ftp://somewhere/x", "https://", "postgres://user:pw@host/"])
def test_an_address_of_another_kind_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match="expected a file or an http"):
        anchor_sink(where)


def test_a_desk_with_a_key_seals_and_anchors_across_restarts(tmp_path: Path) -> None:
    journal, kept = tmp_path / "journal.sqlite", tmp_path / "anchors.jsonl"

    def trade(epoch: int, key: bytes | None = KEY) -> None:
        books = open_books(
            journal,
            started(),
            8,
            ("one",),
            lambda: (1, 1e5),
            key=key,
            anchors=Anchors(to_file(kept), every_s=60.0),
            anchored=anchored_at(str(kept)),
        )
        assert books.state.epoch == epoch - 1
        books.record(CoordinatorAttached(time=epoch, epoch=epoch))
        books.durable()
        books.close()

    trade(1)
    trade(2)
    found = verify(journal, KEY, read_anchors(kept))
    assert (found.holds, found.sealed_from) == (True, 0)
    assert found.anchors >= 2
    with pytest.raises(ConfigError, match=r"sealed and no key was given.*journal\.key_file"):
        trade(3, None)
    with pytest.raises(ConfigError, match="sealed and no key was given"):
        trade(3, None)  # and the lock was let go of
    rewritten(journal, stored(journal)[:-1])
    with pytest.raises(JournalError, match=r"no event .*, which was anchored"):
        trade(3)
    journal.unlink()
    with pytest.raises(JournalError, match=r"is gone, and .* events of it were anchored"):
        trade(1)


def test_a_wall_time_that_was_changed_keeps_a_desk_from_starting(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    books = open_books(journal, started(), 8, ("one",), lambda: (1, 1e5), key=KEY)
    books.durable()
    books._journal.close()  # without a snapshot
    rows = stored(journal)
    rewritten(journal, [(*row[:4], row[4] + 3600.0, row[5]) for row in rows])
    with pytest.raises(JournalError, match=r"event 0 \(SessionStarted\) does not bear the seal"):
        open_books(journal, started(), 8, ("one",), lambda: (1, 1e5), key=KEY)


def test_a_damaged_snapshot_is_passed_over_for_an_older_one_or_the_beginning(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "journal.sqlite"

    def opened() -> tuple[int, int]:
        books = open_books(journal, started(), 8, ("one",), lambda: (1, 1e5), key=KEY)
        found = books.state.epoch, len(books)
        books.record(CoordinatorAttached(time=1, epoch=found[0] + 1))
        books.close()
        return found

    opened()
    opened()
    epoch, count = opened()
    for damaged in (1, 2):
        kept = stored(journal, "snapshots")
        spoiled = [(*row[:1], row[1] + b"x", *row[2:]) for row in kept[-damaged:]]
        rewritten(journal, [*kept[:-damaged], *spoiled], "snapshots")
        assert opened() == (epoch + damaged, count + damaged)


def with_journal(**journal: object) -> Settings:
    return Settings.model_validate({"journal": journal})


def test_a_bad_key_or_address_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        live_plan_of(with_journal(key_file=key_file(tmp_path, mode=0o644)), opened="now")
    with pytest.raises(ConfigError, match="expected a file or an http"):
        live_plan_of(with_journal(anchors="ftp://somewhere"), opened="now")


def test_a_desk_is_anchored_in_its_home_unless_told_otherwise(tmp_path: Path) -> None:
    home = DeskHome(folder=tmp_path)
    assert anchors_at(with_journal(), home) == str(home.anchors)
    address = "https://example.org/anchors"
    assert anchors_at(with_journal(anchors=address), home) == address


def test_how_a_journal_is_sealed_leaves_no_trace_in_what_decisions_depend_on() -> None:
    sealed = with_journal(anchors="https://example.org/anchors", anchor_every_s=1.0)
    assert configuration_json(sealed) == configuration_json(with_journal())
