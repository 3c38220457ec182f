"""OANDA's transactions as the desk's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from infra.brokers.oanda.origins import Origins
from infra.brokers.oanda.translation import MARGIN_CALL, Translation
from infra.brokers.v20.times import SECOND_NS
from market.accounts import Transaction, TransactionKind
from market.errors import DataError, TransientError
from market.orders import Fill
from tests.exchanges import START
from tests.oanda import (
    SYMBOLS,
    Message,
    assert_valid,
    bench,
    cancelled,
    closed,
    created,
    filled,
    opened,
    refused,
    transaction,
)

ACCEPTED, NOTED = TransactionKind.ACCEPTED, TransactionKind.NOTED
FILLED, CANCELLED = TransactionKind.FILLED, TransactionKind.CANCELLED
REJECTED, TRANSFER = TransactionKind.REJECTED, TransactionKind.TRANSFER


class Past:
    """A broker's record in memory, and what was asked of it."""

    def __init__(self, *transactions: Message, trades: Mapping[int, Message] | None = None) -> None:
        self.transactions = {int(raw["id"]): raw for raw in transactions}
        self.trades = dict(trades or {})
        self.asked: list[str] = []

    def transaction(self, number: int) -> Message | None:
        self.asked.append(f"transaction {number}")
        return self.transactions.get(number)

    def trade(self, number: int) -> Message | None:
        self.asked.append(f"trade {number}")
        return self.trades.get(number)

    def before(self, number: int) -> list[Message]:
        self.asked.append(f"before {number}")
        return [self.transactions[one] for one in sorted(self.transactions, reverse=True)]


class Translator:
    """Reads messages that are valid by OANDA's description."""

    def __init__(self, past: Past | None = None, mids: Mapping[str, float] | None = None) -> None:
        self.past = past or Past()
        self._translation = Translation(
            Origins(self.past),
            SYMBOLS,
            decision_mid=lambda name: (mids or {}).get(name, math.nan),
            before=self.past.before,
        )

    def __call__(self, raw: Message, *, valid: bool = True) -> Transaction:
        if valid:
            assert_valid(raw, "Transaction")
        found = self._translation.transaction_of(raw)
        assert (found.id, found.time) == (int(raw["id"]), START + int(raw["id"]) * SECOND_NS)
        return found


def told(found: Transaction) -> tuple[TransactionKind, str, str, str]:
    return found.kind, found.client_order_id, found.symbol, found.reason


def fill(found: Transaction) -> Fill:
    assert found.kind is FILLED
    assert found.fill is not None
    return found.fill


@pytest.mark.parametrize(
    "kind", ["MARKET_ORDER", "LIMIT_ORDER", "STOP_ORDER", "MARKET_IF_TOUCHED_ORDER"]
)
def test_an_order_that_came_is_accepted_under_its_client_id(kind: str) -> None:
    raw = created(7, "a", "100", type=kind)
    if kind != "MARKET_ORDER":
        raw |= {"price": "1.10000", "timeInForce": "GTC"}
    assert told(Translator()(raw)) == (ACCEPTED, "a", "EUR_USD", "")


def test_an_order_without_a_client_id_is_a_strangers() -> None:
    read = Translator()
    assert told(read(created(7, "", "100"))) == (ACCEPTED, "oanda-7", "EUR_USD", "")
    found = read(filled(8, 7, "100", tradeOpened=opened(8, "100", "1.10010")))
    assert fill(found).client_order_id == "oanda-7"
    assert fill(found).reason == "DECISION"


def test_an_opening_fill() -> None:
    raw = filled(
        8, 7, "100", name="a", tradeOpened=opened(8, "100", "1.10020", "a"), halfSpreadCost="0.0100"
    )
    found = Translator(mids={"a": 1.0999})(raw)
    assert (found.amount, found.client_order_id, found.symbol) == (0.0, "a", "EUR_USD")
    assert fill(found) == Fill(
        client_order_id="a",
        sequence=0,
        time=found.time,
        symbol="EUR_USD",
        units=100.0,
        price=1.1002,
        mid=1.1,
        rate=1.0,
        reason="DECISION",
        realised=0.0,
        spread_cost=0.01,
        slippage_cost=pytest.approx(100 * 0.0001),
        slippage_bps=pytest.approx((1.1002 - 1.0999) / 1.1 * 1e4),
    )
    assert math.isnan(fill(Translator()(raw)).slippage_bps)


def test_one_fill_closes_reduces_and_opens_trades_at_a_price_of_each() -> None:
    raw = filled(
        20,
        19,
        "-600",
        name="b",
        tradesClosed=[
            closed(8, "-100", "1.10000", "1.0000"),
            closed(9, "-200", "1.10100", "2.0000"),
        ],
        tradeReduced=closed(10, "-50", "1.10200", "-0.5000"),
        tradeOpened=opened(20, "-250", "1.10300", "b"),
        pl="2.5000",
        price="9.99999",
    )
    found = fill(Translator()(raw))
    weighted = (100 * 1.1 + 200 * 1.101 + 50 * 1.102 + 250 * 1.103) / 600
    assert found.price == pytest.approx(weighted, rel=1e-15)
    assert (found.units, found.realised, found.client_order_id) == (-600.0, 2.5, "b")


@pytest.mark.parametrize(("pl", "rate"), [("3.0000", 0.0066), ("-3.0000", 0.0068), ("0", 0.0066)])
def test_the_rate_is_that_of_a_gain_or_of_a_loss(pl: str, rate: float) -> None:
    factors = {
        "gainQuoteHomeConversionFactor": "0.0066",
        "lossQuoteHomeConversionFactor": "0.0068",
    }
    parts = {"tradesClosed": [closed(5, "-100", "150.001", pl)], "pl": pl}
    raw = filled(8, 7, "-100", name="a", symbol="USD_JPY", **factors, **parts)
    assert fill(Translator()(raw)).rate == rate


def test_the_rate_is_also_read_as_newer_messages_tell_it() -> None:
    raw = filled(8, 7, "100", name="a", tradeOpened=opened(8, "100", "1.10010"))
    del raw["gainQuoteHomeConversionFactor"], raw["lossQuoteHomeConversionFactor"]
    raw["homeConversionFactors"] = {"gainQuoteHome": {"factor": "0.5"}}
    assert fill(Translator()(raw, valid=False)).rate == 0.5
    del raw["homeConversionFactors"]
    with pytest.raises(DataError, match="rate"):
        Translator()(raw, valid=False)


EXITS = [
    ("STOP_LOSS_ORDER", "STOP_LOSS"),
    ("TRAILING_STOP_LOSS_ORDER", "TRAILING_STOP"),
    ("TAKE_PROFIT_ORDER", "TAKE_PROFIT"),
    ("MARKET_ORDER_MARGIN_CLOSEOUT", "MARGIN_CLOSEOUT"),
    ("MARKET_ORDER_DELAYED_TRADE_CLOSE", "MARGIN_CLOSEOUT"),
]


@pytest.mark.parametrize(("reason", "word"), EXITS)
def test_an_exit_fills_under_the_order_that_opened_its_trade(reason: str, word: str) -> None:
    past = Past()
    read = Translator(past, mids={"a": 1.1})
    read(created(7, "a", "100"))
    read(filled(8, 7, "100", name="a", tradeOpened=opened(8, "100", "1.10010", "a")))
    parts = [closed(8, "-100", "1.09000", "-1.0000")]
    found = fill(read(filled(30, 29, "-100", reason=reason, tradesClosed=parts, pl="-1.0000")))
    assert (found.client_order_id, found.reason, found.price) == ("a", word, 1.09)
    assert math.isnan(found.slippage_bps)
    assert past.asked == []


@pytest.mark.parametrize("by", ["its fill", "its fill, a stranger's", "the trade", "nothing"])
def test_the_opener_of_a_trade_from_before_is_asked_for_once(by: str) -> None:
    opening = filled(8, 7, "100", tradeOpened=opened(8, "100", "1.10010"))
    past = {
        "its fill": Past(opening | {"clientOrderID": "a"}),
        "its fill, a stranger's": Past(opening),
        "the trade": Past(trades={8: {"id": "8", "clientExtensions": {"id": "a"}}}),
        "nothing": Past(trades={8: {"id": "8"}}),
    }[by]
    read = Translator(past)
    part = closed(8, "-50", "1.09000")
    for number in (30, 31):
        raw = filled(number, 29, "-50", reason="STOP_LOSS_ORDER", tradeReduced=part)
        expected = {"its fill, a stranger's": "oanda-7", "nothing": "oanda-8"}.get(by, "a")
        assert fill(read(raw)).client_order_id == expected
    assert past.asked.count("transaction 8") == 1


def test_a_position_closed_by_the_desk_fills_under_its_own_id() -> None:
    read = Translator()
    making = created(
        29, "c", "-100", reason="POSITION_CLOSEOUT",
        longPositionCloseout={"instrument": "EUR_USD", "units": "ALL"},
    )  # fmt: skip
    assert told(read(making)) == (ACCEPTED, "c", "EUR_USD", "")
    raw = filled(
        30, 29, "-100", name="c", reason="MARKET_ORDER_POSITION_CLOSEOUT",
        tradesClosed=[closed(8, "-60", "1.09"), closed(9, "-40", "1.09")],
    )  # fmt: skip
    found = fill(read(raw))
    assert (found.client_order_id, found.reason, found.price) == ("c", "DECISION", 1.09)


@pytest.mark.parametrize(
    ("reason", "kind", "word"),
    [
        ("CLIENT_REQUEST", CANCELLED, "CLIENT_REQUEST"),
        ("INSUFFICIENT_MARGIN", CANCELLED, "INSUFFICIENT_MARGIN"),
        ("MARKET_HALTED", CANCELLED, "MARKET_HALTED"),
        ("BOUNDS_VIOLATION", CANCELLED, "PRICE_BOUND"),
        ("TIME_IN_FORCE_EXPIRED", TransactionKind.EXPIRED, "TIME_IN_FORCE_EXPIRED"),
    ],
)
def test_the_end_of_an_order_and_its_reason(reason: str, kind: TransactionKind, word: str) -> None:
    for past, known in ((Past(), True), (Past(created(7, "a", "100")), False)):
        read = Translator(past)
        if known:
            read(created(7, "a", "100"))
        assert told(read(cancelled(9, 7, reason, "a"))) == (kind, "a", "EUR_USD", word)


def test_a_replaced_order_names_the_one_in_its_place_before_that_came() -> None:
    making = created(10, "b", "50", type="LIMIT_ORDER", price="1.1", replacesOrderID="7")
    read = Translator(Past(created(7, "a", "100", type="LIMIT_ORDER"), making))
    raw = cancelled(9, 7, "CLIENT_REQUEST_REPLACED", "a", replacedByOrderID="10")
    assert told(read(raw)) == (TransactionKind.REPLACED, "a", "EUR_USD", "b")
    assert told(read(making | {"reason": "REPLACEMENT"})) == (ACCEPTED, "b", "EUR_USD", "")


def test_an_order_that_nobody_can_tell_of_cannot_be_read() -> None:
    with pytest.raises(DataError, match=r"transaction 9.*order 7"):
        Translator()(cancelled(9, 7, "CLIENT_REQUEST"))


def test_exits_that_hang_on_a_trade_are_only_noted() -> None:
    read = Translator()
    stop = transaction(
        9, "STOP_LOSS_ORDER", tradeID="8", price="1.09", distance="0.01", timeInForce="GTC",
        reason="ON_FILL",
    )  # fmt: skip
    assert told(read(stop)) == (NOTED, "", "", "STOP_LOSS_ORDER")
    assert told(read(cancelled(12, 9, "CLIENT_REQUEST")))[0] is NOTED
    assert told(read(cancelled(13, 999, "LINKED_TRADE_CLOSED")))[0] is NOTED


def test_the_brokers_own_close_out_makes_no_order_of_the_desk() -> None:
    why = {"reason": "MARGIN_CHECK_VIOLATION"}
    making = created(29, "", "-100", reason="MARGIN_CLOSEOUT", marginCloseout=why)
    assert told(Translator()(making)) == (NOTED, "", "", "MARKET_ORDER: MARGIN_CLOSEOUT")


def test_a_refused_order_is_rejected_with_its_reason() -> None:
    raw = refused(9, "a", "UNITS_PRECISION_EXCEEDED", "0.5")
    assert told(Translator()(raw)) == (REJECTED, "a", "EUR_USD", "UNITS_PRECISION_EXCEEDED")


@pytest.mark.parametrize(
    "reason", ["CLIENT_ORDER_ID_ALREADY_EXISTS", "CLIENT_TRADE_ID_ALREADY_EXISTS"]
)
def test_a_refused_repetition_does_not_end_the_order_that_has_the_id(reason: str) -> None:
    found = told(Translator()(refused(9, "a", reason)))
    assert found == (NOTED, "", "", f"MARKET_ORDER_REJECT: {reason}")


def test_a_refused_stop_is_noted_with_its_reason() -> None:
    raw = transaction(
        9, "STOP_LOSS_ORDER_REJECT", tradeID="8", price="1.2", timeInForce="GTC",
        reason="CLIENT_ORDER", rejectReason="TRADE_DOESNT_EXIST",
    )  # fmt: skip
    assert told(Translator()(raw)) == (
        NOTED, "", "", "STOP_LOSS_ORDER_REJECT: TRADE_DOESNT_EXIST"
    )  # fmt: skip


def test_financing_is_told_by_instrument() -> None:
    parts = [
        {"instrument": "EUR_USD", "financing": "-0.1234", "openTradeFinancings": []},
        {"instrument": "XAU_USD", "financing": "-1.0000", "openTradeFinancings": []},
        {"instrument": "USD_JPY", "financing": "0.2000", "openTradeFinancings": []},
    ]
    raw = transaction(
        9, "DAILY_FINANCING", financing="-0.9234", accountBalance="99.0",
        accountFinancingMode="DAILY", positionFinancings=parts,
    )  # fmt: skip
    found = Translator()(raw)
    assert (found.kind, found.amount) == (TransactionKind.FINANCING, -0.9234)
    assert found.parts == (("EUR_USD", -0.1234), ("USD_JPY", 0.2))
    one = Translator()(raw | {"financing": "-0.1234", "positionFinancings": parts[:1]})
    assert (one.symbol, one.amount, one.parts) == ("EUR_USD", -0.1234, ())


def test_money_that_came_and_went() -> None:
    raw = transaction(
        9, "TRANSFER_FUNDS", amount="-250.5000", fundingReason="CLIENT_FUNDING",
        accountBalance="749.5",
    )  # fmt: skip
    found = Translator()(raw)
    assert told(found) == (TRANSFER, "", "", "CLIENT_FUNDING")
    assert found.amount == -250.5


@pytest.mark.parametrize("kind", ["MARGIN_CALL_ENTER", "MARGIN_CALL_EXTEND", "MARGIN_CALL_EXIT"])
def test_a_margin_call_is_noted_so_that_a_person_hears_of_it(kind: str) -> None:
    raw = transaction(9, kind, **({"extensionNumber": 1} if kind.endswith("EXTEND") else {}))
    found = Translator()(raw)
    assert found.kind is NOTED
    assert found.reason.startswith(MARGIN_CALL)
    assert "margin call" in found.reason


@pytest.mark.parametrize("kind", ["CREATE", "CLIENT_CONFIGURE", "ORDER_CANCEL_REJECT"])
def test_what_a_desk_keeps_no_account_of_is_noted(kind: str) -> None:
    found = Translator()(transaction(9, kind))
    assert found.kind is NOTED
    assert found.reason.startswith(kind)


def test_costs_of_a_fill_are_told_beside_its_profit() -> None:
    raw = filled(
        8, 7, "100", name="a", tradeOpened=opened(8, "100", "1.1"),
        financing="-0.1000", commission="0.5000", guaranteedExecutionFee="0.0200",
    )  # fmt: skip
    assert Translator()(raw).amount == pytest.approx(-0.62, abs=1e-15)


def test_what_the_balance_tells_counts_where_a_fill_does_not_explain_it() -> None:
    read = Translator()
    read(filled(8, 7, "100", name="a", accountBalance="1000.0000", tradeOpened=opened(8, "1", "1")))
    read(created(9, "b", "-100"))
    part = {"tradesClosed": [closed(8, "-100", "1.1", "5.0000")], "pl": "5.0000"}
    found = read(filled(10, 9, "-100", name="b", accountBalance="1004.7500", **part))
    assert (fill(found).realised, found.amount) == (5.0, -0.25)
    assert "-0.2500" in found.reason
    plain = read(filled(11, 9, "-100", name="b", accountBalance="1009.7500", **part))
    assert (plain.amount, plain.reason) == (0.0, "")


def test_an_unknown_kind_that_moved_the_balance_is_a_transfer() -> None:
    dividend = transaction(9, "DIVIDEND_ADJUSTMENT", accountBalance="1003.5000")
    for past, before in (
        (Past(), True),
        (Past(filled(5, 4, "1", accountBalance="1000.0000"), created(6, "a", "1")), False),
    ):
        read = Translator(past)
        if before:
            read(filled(7, 6, "1", accountBalance="1000.0", tradeOpened=opened(7, "1", "1")))
            read(created(8, "a", "1"))
        found = read(dividend, valid=False)
        assert told(found) == (TRANSFER, "", "", "DIVIDEND_ADJUSTMENT")
        assert found.amount == 3.5
    still = Translator(Past(filled(5, 4, "1", accountBalance="1003.5000")))
    assert still(dividend, valid=False).kind is NOTED


def test_an_account_has_nothing_before_its_first_balance_only_where_all_of_it_was_read() -> None:
    gift = transaction(9, "DIVIDEND_ADJUSTMENT", accountBalance="3.5000")
    begun = Translator(Past(transaction(1, "CREATE"), created(6, "a", "1")))
    assert begun(gift, valid=False).amount == 3.5
    for short in (Past(), Past(created(6, "a", "1"))):
        with pytest.raises(TransientError, match="balance before transaction 9 is not known"):
            Translator(short)(gift, valid=False)


def test_a_balance_from_long_ago_is_read_back_to_and_nothing_newer_is_asked_for() -> None:
    with bench() as oanda:
        oanda.record(transaction(3, "TRANSFER_FUNDS", amount="100.0000", accountBalance="100.0000"))
        gift = transaction(7_000, "DIVIDEND_ADJUSTMENT", accountBalance="103.5000")
        oanda.record(gift, transaction(13_000, "CLIENT_CONFIGURE"))
        found = oanda.broker.transaction_of(gift)
        assert (found.kind, found.amount) == (TRANSFER, 3.5)
        asked = [int(one.query["to"]) for one in oanda.server.asked if "idrange" in one.path]
        assert asked == [*range(6_999, 0, -1_000)]


def test_a_fill_of_an_instrument_that_the_desk_does_not_trade_is_a_strangers() -> None:
    read = Translator()
    assert read(created(7, "x", "1", "XAU_USD")).kind is NOTED
    raw = filled(
        8, 7, "1", name="x", symbol="XAU_USD", pl="12.0000", commission="0.5000",
        tradesClosed=[closed(3, "1", "2000.000", "12.0000")],
    )  # fmt: skip
    found = read(raw)
    assert (found.kind, found.amount, found.fill) == (TransactionKind.STRANGER, 11.5, None)
    assert found.symbol == "XAU_USD"
    assert "XAU_USD" in found.reason
    assert read(cancelled(9, 7, "CLIENT_REQUEST", "x")).kind is NOTED
    assert read(refused(10, "x", "INSUFFICIENT_MARGIN", symbol="XAU_USD")).kind is REJECTED


@pytest.mark.parametrize(
    "broken",
    [
        {"units": "x"},
        {"units": None},
        {"pl": "NaN"},
        {"orderID": "x"},
        {"tradesClosed": "x"},
        {"tradeOpened": {"tradeID": "8"}},
        {"fullPrice": 7},
        {"accountBalance": "1e"},
        {"time": "yesterday"},
    ],
)
def test_a_fill_that_cannot_be_read_is_told_by_its_number(broken: dict[str, Any]) -> None:
    raw = filled(8, 7, "100", name="a", tradeOpened=opened(8, "100", "1.1")) | broken
    with pytest.raises(DataError, match="transaction 8"):
        Translator()._translation.transaction_of(raw)
