"""`quorum doctor --broker oanda` and `quorum data download`, before a v20 server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coordinator.cli.app import run
from coordinator.live.brokers.choice import broker_named
from coordinator.live.trading import plan_for
from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from infra.brokers.v20_server.running import V20Server
from infra.feeds.files import FileFeed
from infra.live.home import DeskHome
from market.errors import ConfigError, InvalidError, TransientError
from tests.v20_desks import INSTRUMENTS, served, through

TOKEN = "of-the-server-0123456789"
FLAGS = ("--environment", "local", "--token-file")


@dataclass(frozen=True, slots=True)
class At:
    """A server, and a folder with a configuration that names it."""

    server: V20Server
    token: Path

    def doctor(self, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
        """Exit code and findings by subject."""
        capsys.readouterr()
        code = run(["doctor", "--broker", "oanda", *FLAGS, str(self.token), "--json", *more])
        told = json.loads(capsys.readouterr().out)
        assert told["well"] is (code == 0)
        return code, {one["subject"]: one for one in told["findings"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[V20Server]:
    with served(tmp_path_factory.mktemp("server"), TOKEN) as one:
        yield one


@pytest.fixture
def at(server: V20Server, tmp_path: Path) -> Iterator[At]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    listed = ", ".join(f'"{symbol}"' for symbol in INSTRUMENTS)
    (tmp_path / "quorum.toml").write_text(
        f'[oanda]\nurl = "{server.url}"\n[data]\ninstruments = [{listed}]\nbar = "5s"\n'
    )
    with contextlib.chdir(tmp_path):
        yield At(server, token)
    server.inject(FaultPlan())


def test_an_account_that_is_well_passes_every_line(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = at.doctor(capsys)
    assert code == 0, found
    assert list(found) == [
        "account named", "token found", "address", "token accepted", "account", "permissions",
        "account state", "instruments", "price stream", "transaction stream", "latency", "clock",
        "rate limit",
    ]  # fmt: skip
    assert {one["state"] for one in found.values()} == {"pass"}
    assert "10,000,000.00" in found["account state"]["found"]
    assert TOKEN not in json.dumps(found)


def test_a_wrong_token_fails_its_line_and_what_depends_on_it_is_not_tried(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    at.token.write_text("another-token")
    code, found = at.doctor(capsys)
    assert code == 1
    assert found["address"]["state"] == "pass"
    assert found["token accepted"]["state"] == "fail"
    assert "401" in found["token accepted"]["found"]
    assert "new token" in found["token accepted"]["mend"]
    assert found["account"]["found"] == "not tried"
    assert found["account"]["mend"] == "mend 'token accepted' first"
    assert found["price stream"]["found"] == "not tried"
    assert "another-token" not in json.dumps(found)


def test_a_token_that_others_can_read_fails_before_anything_is_asked(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    at.token.chmod(0o644)
    code, found = at.doctor(capsys)
    assert code == 1
    assert "chmod 600" in found["token found"]["found"]
    assert "address" not in found


def test_another_account_and_an_unknown_instrument_fail_by_name(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = at.doctor(capsys, "--account", "001-001-0000009-001")
    assert code == 1
    assert "not among those of this token: 001-001-0000001-001" in found["account"]["found"]
    Path("quorum.toml").write_text(Path("quorum.toml").read_text().replace("GBP_USD", "GBP_UST"))
    code, found = at.doctor(capsys)
    assert code == 1
    assert "did you mean 'GBP_USD'" in found["instruments"]["found"]
    assert found["transaction stream"]["state"] == "pass"


def test_a_server_that_fails_or_is_not_there_is_told_with_the_address_to_check(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    at.server.inject(FaultPlan(faults=(Fault(kind=FaultKind.HTML_ERROR, on="GET", times=None),)))
    code, found = at.doctor(capsys)
    assert code == 1
    assert found["address"]["state"] == "fail"
    assert "status.oanda.com" in found["address"]["mend"]
    assert found["clock"]["found"] == "not tried"


def test_a_stream_that_is_silent_fails_its_line_alone(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    drop = Fault(kind=FaultKind.SERVER_ERROR, on="/pricing/stream", times=None)
    at.server.inject(FaultPlan(faults=(drop,)))
    code, found = at.doctor(capsys)
    assert code == 1
    assert [name for name, one in found.items() if one["state"] == "fail"] == ["price stream"]


def test_history_is_fetched_into_files_that_the_feeds_read_and_gone_on_with(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "download", *FLAGS, str(at.token), "--granularity", "S5", "--out", "prices"]
    command += ["--instruments", "EUR_USD,USD_JPY", "--from", "2020-01-01"]
    assert run(command) == 0
    told = capsys.readouterr().out
    assert "quorum replay --data prices/S5 --instruments EUR_USD,USD_JPY" in told
    bars = FileFeed(Path("prices/S5"), symbols=("EUR_USD", "USD_JPY")).load()
    assert len(bars) > 300
    assert run(command) == 0
    assert len(FileFeed(Path("prices/S5"), symbols=("EUR_USD", "USD_JPY")).load()) >= len(bars)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--granularity", "S1", "--from", "2024-01-01"), "unknown granularity 'S1'"),
        (("--from", "01.02.2024"), "--from: expected a day such as 2024-01-31"),
        (("--from", "2024-01-02", "--to", "2024-01-01"), "a beginning before the end"),
        (("--from", "2024-01-01", "--broker", "paper"), "expected oanda, found 'paper'"),
    ],
)
def test_what_cannot_be_fetched_is_told_in_one_paragraph(
    at: At, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    assert run(["data", "download", *FLAGS, str(at.token), *more]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_plan_takes_the_accounts_balance_and_terms(at: At) -> None:
    settings = through(at.server.url, oanda={"token_file": str(at.token)})
    assert settings.desk.initial_balance == 10_000_000.0
    wrong = settings.model_copy(
        update={"desk": settings.desk.model_copy(update={"initial_balance": 5.0})}
    )
    home, choice = DeskHome(folder=Path("desk")), broker_named(wrong)
    plan = plan_for(wrong, home, choice, resume=False)
    assert plan.desk.initial_balance == 10_000_000.0
    assert plan.settings.instruments["USD_JPY"].price_increment == 0.001
    assert not Path("desk").exists(), "nothing is written before it is started"
    venue = choice.venue(plan, home)
    assert venue.exchange is None
    assert not venue.real
    assert venue.absent_after_s == 10.0


@pytest.mark.parametrize(
    ("sections", "error", "said"),
    [
        ({"desk": {"account_currency": "EUR"}}, ConfigError, "the account is in USD"),
        ({"data": {"instruments": ["EUR_XXX"]}}, ConfigError, "does not offer EUR_XXX"),
        ({"oanda": {"account": "001-001-0000009-001"}}, InvalidError, "refused"),
        ({"oanda": {"url": "http://127.0.0.1:9"}}, TransientError, "not sent|refused"),
    ],
)
def test_an_account_that_cannot_be_traded_is_refused_before_anything_is_started(
    at: At, sections: dict[str, Any], error: type[Exception], said: str
) -> None:
    oanda = {"token_file": str(at.token), **sections.get("oanda", {})}
    settings = through(at.server.url, **{**sections, "oanda": oanda})
    with pytest.raises(error, match=said):
        plan_for(settings, DeskHome(folder=Path("desk")), broker_named(settings), resume=False)
    assert not Path("desk").exists()
