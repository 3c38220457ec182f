"""Which account may be traded, on whose terms, with whose token: told before anything starts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.bootstrap import registry_of
from coordinator.cli.app import run
from coordinator.configuration.settings import Settings
from coordinator.live.brokers.broker_terms import differing_terms, with_broker_terms
from coordinator.live.brokers.choice import broker_named
from coordinator.live.brokers.oanda_access import access_of, token_file_of, tokens_of
from coordinator.live.brokers.preflight import refuse_account, strange_positions
from infra.brokers.oanda.credentials import TOKEN_VARIABLE, TokenFile
from infra.journal.lock import lock
from infra.live.home import DeskHome
from infra.runtime import environment
from market.errors import ConfigError, NoConversionPath
from tests.oanda_facts import ACCOUNT, account, offered

TOKEN = "planted-0123456789abcdef"


@pytest.fixture
def working_folder(tmp_path: Path) -> Iterator[Path]:
    """The process works in a folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    with contextlib.chdir(folder):
        yield folder


def settings(*symbols: str, **sections: Any) -> Settings:
    given: dict[str, Any] = {
        "data": {"instruments": symbols or ("EUR_USD", "USD_JPY")},
        "live": {"broker": "oanda"},
        "oanda": {"environment": "local"},
    }
    return Settings.model_validate(given | sections)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"currency": "EUR"}, "set desk.account_currency to EUR"),
        ({"hedging": True}, "switch hedging off"),
        ({"balance": 0.0}, "pay money in"),
        ({"offset_s": 1.4}, r"OANDA's clock is \+1\.40 s"),
        ({"offset_s": -7.0}, r"OANDA's clock is -7\.00 s"),
        ({"positions": (("EUR_USD", -300.0),)}, "-300 EUR_USD.*--resume"),
        ({"waiting": 2}, "2 orders that this desk did not place.*--resume"),
    ],
)
def test_an_account_that_a_new_desk_cannot_trade_is_refused_with_the_mend(
    changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=f"account {ACCOUNT} cannot be traded.*{said}"):
        refuse_account(account(**changed), "USD", new=True)


def test_everything_that_is_wrong_with_an_account_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"EUR.*hedging.*clock"):
        refuse_account(account(currency="EUR", hedging=True, offset_s=3.0), "USD", new=True)


def test_the_clock_of_a_server_of_ones_own_is_its_markets_and_is_not_compared() -> None:
    refuse_account(account(offset_s=59.0), "USD", new=True, own_clock=True)
    with pytest.raises(ConfigError, match="hedging"):
        refuse_account(account(offset_s=59.0, hedging=True), "USD", new=True, own_clock=True)


def test_what_is_held_keeps_nobody_from_resuming() -> None:
    held = account(positions=(("EUR_USD", 5.0),), waiting=1)
    refuse_account(held, "USD", new=False)
    refuse_account(account(), "USD", new=True)


def test_positions_outside_the_desk_are_named_and_its_own_are_not() -> None:
    held = account(positions=(("EUR_USD", 5.0), ("XAU_USD", -3.0)))
    (said,) = strange_positions(held, ("EUR_USD", "USD_JPY"))
    assert "-3 XAU_USD" in said
    assert "close that position at OANDA" in said


def test_the_brokers_terms_of_what_is_traded_and_of_what_converts_go_into_the_configuration() -> (
    None
):
    instruments = (offered("USD_JPY"), offered("EUR_USD", marginRate="0.05"), offered("EUR_CHF"))
    told, symbols = with_broker_terms(settings("EUR_USD"), account(instruments=instruments))
    assert symbols == ("EUR_USD",)
    entry = told.instruments["EUR_USD"]
    assert (entry.price_increment, entry.unit_increment, entry.margin_rate) == (1e-5, 1.0, 0.05)
    assert registry_of(told)["EUR_USD"].margin_rate == 0.05
    more, symbols = with_broker_terms(
        settings("EUR_CHF"),
        account(instruments=(*instruments, offered("USD_CHF", marginRate="0.01"))),
    )
    assert symbols == ("EUR_CHF", "USD_CHF")
    assert more.instruments["EUR_CHF"].pip == 1e-4


def test_no_margin_is_below_the_accounts_and_a_larger_one_that_is_configured_stays() -> None:
    strict = account(margin_rate=0.1)
    assert with_broker_terms(settings("EUR_USD"), strict)[0].instruments[
        "EUR_USD"
    ].margin_rate == pytest.approx(0.1)
    own = settings("EUR_USD", instruments={"EUR_USD": {"margin_rate": 0.5, "price_increment": 0.1}})
    entry = with_broker_terms(own, strict)[0].instruments["EUR_USD"]
    assert (entry.margin_rate, entry.price_increment) == (0.5, 1e-5)


def test_sizes_are_multiples_of_the_least_that_may_be_traded() -> None:
    coarse = account(instruments=(offered("EUR_USD", minimumTradeSize="100"),))
    told, _ = with_broker_terms(settings("EUR_USD"), coarse)
    assert told.instruments["EUR_USD"].unit_increment == 100.0


def test_an_instrument_that_is_not_offered_is_refused_by_name_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"does not offer EUR_UST.*did you mean 'EUR_USD'"):
        with_broker_terms(settings("EUR_UST"), account())


def test_profit_that_cannot_reach_the_account_currency_is_refused() -> None:
    with pytest.raises(NoConversionPath, match="from CHF"):
        with_broker_terms(settings("EUR_CHF"), account(instruments=(offered("EUR_CHF"),)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"marginRate": "0.0500"}, "margin_rate is 0.05, planned with 0.0333"),
        ({"displayPrecision": 4}, "price_increment is 0.0001"),
        ({"tradeUnitsPrecision": 1, "minimumTradeSize": "0.1"}, "unit_increment is 0.1"),
    ],
)
def test_terms_that_have_changed_since_the_plan_are_named(
    changed: dict[str, Any], said: str
) -> None:
    told, symbols = with_broker_terms(settings("EUR_USD"), account())
    planned = [registry_of(told)[symbol] for symbol in symbols]
    assert differing_terms(planned, account()) == ()
    (found,) = differing_terms(planned, account(instruments=(offered("EUR_USD", **changed),)))
    assert said in found
    (gone,) = differing_terms(planned, account(instruments=()))
    assert "EUR_USD is not offered any more" in gone


def test_a_margin_that_has_become_less_is_no_reason_to_stop() -> None:
    told, symbols = with_broker_terms(settings("EUR_USD"), account())
    planned = [registry_of(told)[symbol] for symbol in symbols]
    less = account(instruments=(offered("EUR_USD", marginRate="0.0250"),))
    assert differing_terms(planned, less) == ()


def test_a_local_server_needs_no_account_and_practice_does() -> None:
    assert access_of(settings()).account == ACCOUNT
    assert access_of(settings()).said == f"OANDA local, account {ACCOUNT}"
    with pytest.raises(ConfigError, match="name it with --account"):
        access_of(settings(oanda={"environment": "practice"}))
    with pytest.raises(ConfigError, match="expected an account id"):
        access_of(settings(oanda={"environment": "live", "account": "me"}))


def owner_only(path: Path, text: str = TOKEN) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_token_of_the_environment_is_taken_out_of_it_and_does_not_travel(tmp_path: Path) -> None:
    variables = {TOKEN_VARIABLE: TOKEN, "OTHER": "stays"}
    practice = settings(oanda={"environment": "practice", "account": ACCOUNT})
    tokens = tokens_of(practice.oanda, variables)
    assert variables == {"OTHER": "stays"}
    assert tokens.token() == TOKEN
    assert TOKEN not in repr(tokens)
    assert token_file_of(tokens, tmp_path / "handed") == tmp_path / "handed"


def test_a_local_servers_own_token_goes_before_one_of_the_environment(
    tmp_path: Path, working_folder: Path
) -> None:
    file = owner_only(working_folder / "v20-server" / "token", "of-the-server")
    variables = {TOKEN_VARIABLE: TOKEN}
    tokens = tokens_of(settings().oanda, variables)
    assert tokens.token() == "of-the-server"
    assert variables == {}
    assert token_file_of(tokens, tmp_path) == file.resolve()


def test_without_a_server_in_the_folder_it_is_said_how_to_start_one(working_folder: Path) -> None:
    del working_folder
    with pytest.raises(ConfigError, match="Start `quorum v20-server` in this folder"):
        tokens_of(settings().oanda, {})


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = owner_only(tmp_path / "token")
    file.chmod(0o640)
    chosen = settings(oanda={"environment": "local", "token_file": str(file)})
    with pytest.raises(ConfigError, match="chmod 600") as error:
        tokens_of(chosen.oanda, {})
    assert TOKEN not in str(error.value)


def test_a_new_token_in_the_file_is_used_without_a_restart(tmp_path: Path) -> None:
    file = owner_only(tmp_path / "token")
    tokens = TokenFile(file)
    assert tokens.token() == TOKEN
    owner_only(file, "the-next-one")
    assert tokens.token() == "the-next-one"


def test_a_token_of_the_environment_lies_in_the_desks_home_only_while_it_is_at_work(
    tmp_path: Path,
) -> None:
    home = DeskHome(folder=tmp_path / "desk")
    practice = settings(oanda={"environment": "practice", "account": ACCOUNT})
    choice = broker_named(practice, {TOKEN_VARIABLE: TOKEN})
    with choice.handed_over(home):
        assert not home.broker_token.exists(), "nobody has asked for it yet"
    choice._tokens(practice)  # type: ignore[attr-defined]
    with choice.handed_over(home):
        assert home.broker_token.read_text() == TOKEN
        assert home.broker_token.stat().st_mode & 0o777 == 0o600
    assert not home.broker_token.exists()


@pytest.mark.parametrize("broker", ["file", "paper", "variable"])
def test_a_token_that_a_killed_command_left_is_removed_at_the_next_start(
    tmp_path: Path, broker: str
) -> None:
    home = DeskHome(folder=tmp_path / "desk")
    left = [
        owner_only(home.broker_token, "left"),
        owner_only(home.broker_token.with_suffix(".new"), "left"),
    ]
    oanda = {"environment": "practice", "account": ACCOUNT}
    variables = {}
    if broker == "file":
        oanda["token_file"] = str(owner_only(tmp_path / "token"))
    elif broker == "variable":
        variables[TOKEN_VARIABLE] = TOKEN
    chosen = Settings() if broker == "paper" else settings(oanda=oanda)
    choice = broker_named(chosen, variables)
    if broker != "paper":
        choice._tokens(chosen)  # type: ignore[attr-defined]
    with choice.handed_over(home):
        said = {file.read_text() for file in left if file.exists()}
        assert said == ({TOKEN} if broker == "variable" else set())
    assert not any(file.exists() for file in left)


def test_the_token_of_a_desk_at_work_is_not_taken_away_by_another_command(tmp_path: Path) -> None:
    home = DeskHome(folder=tmp_path / "desk")
    owner_only(home.broker_token)
    held = lock(home.journal)
    try:
        with broker_named(Settings(), {}).handed_over(home):
            assert home.broker_token.exists()
    finally:
        os.close(held)
    with broker_named(Settings(), {}).handed_over(home):
        assert not home.broker_token.exists()


def test_ray_is_started_without_a_token_in_its_environment() -> None:
    with environment({TOKEN_VARIABLE: TOKEN}):
        with environment({TOKEN_VARIABLE: None}):
            assert TOKEN_VARIABLE not in os.environ
        assert os.environ[TOKEN_VARIABLE] == TOKEN
    assert TOKEN_VARIABLE not in os.environ


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--environment", "local"), "--environment belongs to --broker oanda"),
        (("--broker", "oanda", "--feed", "ticks"), "--feed belongs to --broker paper"),
        (
            ("--broker", "oanda", "--account", ACCOUNT, "--speed", "2"),
            "live.speed is 2, and OANDA's time runs as it does",
        ),
        (
            ("--broker", "oanda", "--environment", "local", "--bar", "1s"),
            "OANDA's shortest candles are of 5 s",
        ),
        (("--broker", "other"), "live.broker: Input should be 'paper' or 'oanda'"),
        (("--broker", "oanda"), "name it with --account"),
        (
            ("--broker", "oanda", "--environment", "local", "--granted-by", "practice"),
            "every desk begins on paper; leave it out",
        ),
    ],
)
def test_flags_that_do_not_go_together_are_refused_before_anything_is_asked(
    working_folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    del working_folder
    assert run(["trade", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
