"""An account at OANDA as the desk sees it, and whether it is the desk's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.live.brokers.oanda import account_differs
from coordinator.live.brokers.oanda_access import OandaAccess
from infra.brokers.oanda.account import account_state
from infra.brokers.oanda.checks import account_checks
from infra.brokers.oanda.facts import AccountFacts, account_facts
from infra.brokers.oanda.instruments import broker_instrument
from market.errors import DataError, InvalidError
from market.instruments import Registry
from tests.oanda import ACCOUNT, PREFIX, SYMBOLS, Message, assert_valid, connected
from tests.scripted_http import Reply, scripted

DESK = [Registry()[symbol] for symbol in SYMBOLS]


def side(units: str = "0", average: str = "", trades: tuple[str, ...] = ()) -> Message:
    told: Message = {"units": units, "pl": "0.0000", "tradeIDs": list(trades)}
    return told | ({"averagePrice": average} if average else {})


def position(symbol: str, long: Message | None = None, short: Message | None = None) -> Message:
    return {"instrument": symbol, "long": long or side(), "short": short or side()}


def trade(number: int, units: str, price: str, symbol: str = "EUR_USD", **orders: str) -> Message:
    return {
        "id": str(number), "instrument": symbol, "price": price, "currentUnits": units,
        "initialUnits": units, "state": "OPEN", **orders,
    }  # fmt: skip


def waiting(number: int, kind: str, **fields: Any) -> Message:
    return {"id": str(number), "type": kind, "state": "PENDING", **fields}


def account(**fields: Any) -> Message:
    told: Message = {
        "id": ACCOUNT,
        "currency": "USD",
        "balance": "100000.1234",
        "NAV": "100010.5000",
        "marginUsed": "36.6300",
        "marginRate": "0.0333",
        "hedgingEnabled": False,
        "lastTransactionID": "42",
        "positions": [],
        "trades": [],
        "orders": [],
    }
    return told | fields


def test_an_account_is_told_whole() -> None:
    raw = account(
        positions=[
            position("EUR_USD", long=side("300", "1.10050", ("8", "9"))),
            position("USD_JPY", short=side("-50", "150.100", ("11",))),
            position("XAU_USD", long=side("1", "2000.000", ("12",))),
        ],
        trades=[
            trade(8, "100", "1.10000", stopLossOrderID="20"),
            trade(9, "200", "1.10075", stopLossOrderID="21", trailingStopLossOrderID="22"),
            trade(11, "-50", "150.100", "USD_JPY", stopLossOrderID="23", takeProfitOrderID="24"),
        ],
        orders=[
            waiting(20, "STOP_LOSS", tradeID="8", price="1.09000"),
            waiting(21, "STOP_LOSS", tradeID="9", price="1.08000"),
            waiting(22, "TRAILING_STOP_LOSS", tradeID="9", distance="1", trailingStopValue="1.095"),
            waiting(23, "STOP_LOSS", tradeID="11", distance="0.500"),
            waiting(24, "TAKE_PROFIT", tradeID="11", price="149.000"),
            waiting(30, "LIMIT", instrument="EUR_USD", units="70", price="1.05"),
            waiting(31, "STOP", instrument="EUR_USD", units="-20", price="1.05"),
            waiting(32, "LIMIT", instrument="XAU_USD", units="5", price="1900"),
        ],
    )
    assert_valid(raw, "Account")
    found = account_state(raw, SYMBOLS)
    assert found.last_transaction == 42
    assert (found.cash, found.equity, found.margin_used) == (100_000.1234, 100_010.5, 36.63)
    assert list(found.units) == [300.0, -50.0]
    assert list(found.average_price) == [1.1005, 150.1]
    assert list(found.working) == [50.0, 0.0]
    assert list(found.stop_price) == pytest.approx([1.09, 150.6])


def test_one_trade_without_a_stop_leaves_the_position_without() -> None:
    bare = trade(9, "200", "1.1")
    new = trade(10, "5", "1.1", trailingStopLossOrderID="22")
    for other in (bare, new):
        raw = account(
            positions=[position("EUR_USD", long=side("300", "1.1"))],
            trades=[trade(8, "100", "1.1", stopLossOrderID="20"), other],
            orders=[
                waiting(20, "STOP_LOSS", tradeID="8", price="1.09"),
                waiting(22, "TRAILING_STOP_LOSS", tradeID="10", distance="0.01"),
            ],
        )
        assert np.isnan(account_state(raw, SYMBOLS).stop_price).all()


def test_an_account_that_holds_nothing() -> None:
    found = account_state(account(positions=[position("EUR_USD")]), SYMBOLS)
    assert not found.units.any()
    assert np.isnan(found.average_price).all()
    assert np.isnan(found.stop_price).all()


def test_opposite_positions_are_refused() -> None:
    both = position("EUR_USD", side("5", "1.1"), side("-3", "1.2"))
    with pytest.raises(InvalidError, match="hedging"):
        account_state(account(positions=[both]), SYMBOLS)


@pytest.mark.parametrize(
    "broken",
    [
        {"balance": None},
        {"NAV": "nan"},
        {"positions": [{"instrument": "EUR_USD"}]},
        {"trades": [{"instrument": "EUR_USD"}]},
        {"orders": [{"id": "1", "type": "LIMIT"}]},
        {"lastTransactionID": "x"},
    ],
)
def test_an_account_that_cannot_be_read_is_no_account(broken: Message) -> None:
    with pytest.raises(DataError):
        account_state(account(**broken), SYMBOLS)


def instrument(symbol: str = "EUR_USD", **fields: Any) -> Message:
    yen = symbol.endswith("JPY")
    told: Message = {
        "name": symbol,
        "type": "CURRENCY",
        "displayName": symbol.replace("_", "/"),
        "pipLocation": -2 if yen else -4,
        "displayPrecision": 3 if yen else 5,
        "tradeUnitsPrecision": 0,
        "minimumTradeSize": "1",
        "maximumTrailingStopDistance": "100.000" if yen else "1.00000",
        "minimumTrailingStopDistance": "0.050" if yen else "0.00050",
        "maximumPositionSize": "0",
        "maximumOrderUnits": "100000000",
        "marginRate": "0.0333",
    }
    return told | fields


def test_an_instrument_is_as_the_broker_says() -> None:
    assert_valid(instrument(), "Instrument")
    found = broker_instrument(instrument())
    assert found.instrument == Registry()["EUR_USD"]
    assert found.minimum_units == 1.0
    share = broker_instrument(
        instrument("DE30_EUR", type="CFD", pipLocation=0, displayPrecision=1, tradeUnitsPrecision=1)
    )
    made = share.instrument
    assert (made.symbol, made.asset_class, made.pip) == ("DE30_EUR", "equity", 1.0)
    assert (made.price_increment, made.unit_increment) == (0.1, 0.1)
    assert broker_instrument(instrument(pipLocation=1)).instrument.pip == 10.0
    with pytest.raises(DataError, match="EUR_USD"):
        broker_instrument(instrument(marginRate=None))


def facts(**fields: Any) -> AccountFacts:
    told: dict[str, Any] = {
        "account": ACCOUNT,
        "currency": "USD",
        "hedging": False,
        "balance": 100.0,
        "equity": 100.0,
        "margin_rate": 0.0333,
        "instruments": tuple(broker_instrument(instrument(symbol)) for symbol in SYMBOLS),
        "offset_s": 0.2,
        "offset_within_s": 0.1,
        "latency_s": 0.01,
        "positions": (),
        "waiting": 0,
        "last_transaction": 4,
    }
    return AccountFacts(**(told | fields))


def test_an_account_that_fits_passes_every_check() -> None:
    assert all(check.holds for check in account_checks(facts(), "USD"))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (facts(currency="EUR"), ["in EUR", "account_currency"]),
        (facts(hedging=True), ["hedging is on", "switch hedging off"]),
        (facts(offset_s=-1.2), ["-1.20 s", "NTP"]),
        (facts(offset_s=math.nan), ["clock"]),
    ],
)
def test_what_does_not_fit_is_told_with_what_to_mend(found: AccountFacts, words: list[str]) -> None:
    (wrong,) = [str(check) for check in account_checks(found, "USD") if not check.holds]
    for word in words:
        assert word in wrong


def test_a_server_of_ones_own_may_have_another_clock() -> None:
    checks = account_checks(facts(offset_s=-6e7), "USD", clock=False)
    assert all(check.holds for check in checks)


@pytest.mark.parametrize(("held", "said"), [("EUR_USD", ""), ("XAU_USD", "-30 XAU_USD")])
def test_a_desk_that_is_taken_up_again_learns_of_positions_that_are_not_its_own(
    tmp_path: Path, held: str, said: str
) -> None:
    raw = account(positions=[position(held, short=side("-30", "1.1"))])
    token = tmp_path / "token"
    token.write_text("planted")
    token.chmod(0o600)
    with scripted(PREFIX) as server:
        server.on("GET ", Reply(body={"account": raw, "lastTransactionID": "42"}))
        server.on("GET /instruments", Reply(body={"instruments": [*map(instrument, SYMBOLS)]}))
        access = OandaAccess(environment="local", url=server.url, account=ACCOUNT, timeout_s=5.0)
        found = account_differs(access=access, file=token, instruments=DESK, account_currency="USD")
    if said:
        assert said in found
        assert "somebody else trades the account" in found
    else:
        assert found == ""


def test_the_facts_are_asked_of_the_broker() -> None:
    raw = account(
        positions=[position("EUR_USD", short=side("-30", "1.1")), position("USD_JPY")],
        orders=[waiting(30, "LIMIT", instrument="EUR_USD", units="70")],
    )
    told = {"instruments": [instrument("USD_JPY"), instrument()], "lastTransactionID": "42"}
    with scripted(PREFIX) as server:
        server.on("GET ", Reply(body={"account": raw, "lastTransactionID": "42"}))
        server.on("GET /instruments", Reply(body=told))
        connection = connected(server)
        found = account_facts(connection)
        connection.close()
    assert (found.account, found.currency, found.hedging) == (ACCOUNT, "USD", False)
    assert found.positions == (("EUR_USD", -30.0),)
    assert (found.waiting, found.last_transaction) == (1, 42)
    assert [one.symbol for one in found.instruments] == ["EUR_USD", "USD_JPY"]
    assert abs(found.offset_s) <= 1.0
