"""What OANDA or the desk refuses: said with the broker's code and what to do, nothing half-done."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from coordinator.live.brokers.oanda import OandaChoice
from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.codes import in_words
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.records import Records
from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from infra.live.home import DeskHome
from market.accounts import OrderState
from market.errors import ConfigError, InvalidError, TransientError
from market.events import OrderCancelled
from market.orders import OrderRequest
from tests.exchanges import TERMS, limit, order, stop_entry
from tests.live_gateways import approved, open_gateway
from tests.v20_bench import TOKEN, V20Bench, v20_bench
from tests.v20_desks import through

MINIMUM = 100.0
HALT = Fault(kind=FaultKind.MARKET_HALT, symbols=("EUR_USD",))


@pytest.fixture
def v20(tmp_path: Path) -> Iterator[V20Bench]:
    minimum = {"EUR_USD": MINIMUM}
    with v20_bench(tmp_path / "server", fills="at once", minimum_units=minimum) as made:
        made.market("EUR_USD", 1.1, 0.0002)
        yield made


def kinds(v20: V20Bench, after: int) -> list[str]:
    """What OANDA has recorded since."""
    return [str(raw["type"]) for raw in Records(v20.connection).since(after)]


def last(v20: V20Bench) -> int:
    return v20.broker.account().last_transaction


def untouched(v20: V20Bench) -> bool:
    """No order waits, and nothing is held."""
    account = v20.broker.account()
    return v20.broker.working() == () and not account.units.any() and not account.working.any()


@contextmanager
def reached(
    v20: V20Bench, *, token: str = TOKEN, account: str = "", currency: str = "USD"
) -> Iterator[OandaBroker]:
    """The same server as another would reach it."""
    connection = OandaConnection(
        environment=environment("local", v20.server.url),
        account=account or v20.server.account,
        tokens=TokenText(token),
    )
    with closing(connection):
        yield OandaBroker(
            connection, instruments=TERMS.instruments, account_currency=currency, interval_s=60
        )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"token": "no-token-of-this"}, r"refused \(401.*the token is not accepted; make a new"),
        ({"account": "001-001-0000009-001"}, r"refused \(403.*belongs to this environment.*user"),
    ],
)
def test_a_wrong_token_or_account_is_refused_and_no_order_comes_of_it(
    v20: V20Bench, wrong: dict[str, str], said: str
) -> None:
    before = last(v20)
    with reached(v20, **wrong) as broker:
        with pytest.raises(InvalidError, match=said) as caught:
            broker.place(order("a", 1_000.0))
        assert "no-token-of-this" not in str(caught.value)
        with pytest.raises(InvalidError, match=said):
            broker.account()
    assert (last(v20), untouched(v20)) == (before, True)


REFUSED = {
    "an unknown instrument": (order("a", 1_000.0, "EUR_QQQ"), "INSTRUMENT_UNKNOWN", "MARKET"),
    "units below the least": (order("a", MINIMUM - 1.0), "UNITS_MIMIMUM_NOT_MET", "MARKET"),
    "units off the increment": (order("a", 1_000.5), "UNITS_PRECISION_EXCEEDED", "MARKET"),
    "no units": (order("a", 0.0), "UNITS_INVALID", "MARKET"),
    "more units than one order may have": (order("a", 2e8), "UNITS_LIMIT_EXCEEDED", "MARKET"),
    "a limit off the increment": (
        order("a", 1_000.0, entry=limit(1.0512345)), "PRICE_PRECISION_EXCEEDED", "LIMIT",
    ),
    "a stop off the increment": (
        order("a", -1_000.0, entry=stop_entry(1.0512345)), "PRICE_PRECISION_EXCEEDED", "STOP",
    ),
    "a price of nothing": (order("a", 1_000.0, entry=limit(0.0)), "PRICE_INVALID", "LIMIT"),
}  # fmt: skip


@pytest.mark.parametrize(("wish", "code", "kind"), REFUSED.values(), ids=REFUSED)
def test_an_order_that_cannot_be_is_refused_with_the_brokers_code(
    v20: V20Bench, wish: OrderRequest, code: str, kind: str
) -> None:
    before = last(v20)
    with pytest.raises(InvalidError, match=f"order a was refused: {code}: {in_words(code)}"):
        v20.broker.place(wish)
    assert in_words(code)
    assert kinds(v20, before) == [f"{kind}_ORDER_REJECT"]
    found = v20.broker.find("a")
    assert found is not None
    assert (found.state, found.reason) == (OrderState.REJECTED, code)
    assert found.transaction == last(v20) == before + 1
    assert untouched(v20)


NOT_FILLED = {
    "the market is closed": (HALT, order("a", 1_000.0), "MARKET_HALTED"),
    "no margin is free": (None, order("a", 9e7), "INSUFFICIENT_MARGIN"),
    "the price is worse than allowed": (None, order("a", 1e3, bounds=(0.0, 1.05)), "PRICE_BOUND"),
}


@pytest.mark.parametrize(("fault", "wish", "code"), NOT_FILLED.values(), ids=NOT_FILLED)
def test_an_order_that_the_market_or_the_account_does_not_allow_ends_with_the_brokers_code(
    v20: V20Bench, fault: Fault | None, wish: OrderRequest, code: str
) -> None:
    if fault is not None:
        v20.server.inject(FaultPlan(faults=(fault,)))
    before = last(v20)
    answer = v20.broker.place(wish)
    assert (answer.state, answer.reason, answer.filled) == (OrderState.CANCELLED, code, 0.0)
    assert kinds(v20, before) == ["MARKET_ORDER", "ORDER_CANCEL"]
    assert answer.transaction == last(v20) == before + 2
    assert untouched(v20)
    v20.server.inject(FaultPlan())
    assert v20.broker.place(order("b", 1_000.0)).state is OrderState.FILLED


@pytest.mark.parametrize(
    ("units", "fault", "code"),
    [
        (MINIMUM - 1.0, None, "UNITS_MIMIMUM_NOT_MET"),
        (1_000.5, None, "UNITS_PRECISION_EXCEEDED"),
        (1_000.0, HALT, "MARKET_HALTED"),
        (9e7, None, "INSUFFICIENT_MARGIN"),
    ],
)
def test_a_desk_books_the_refusal_with_the_brokers_code_and_goes_on(
    v20: V20Bench, tmp_path: Path, units: float, fault: Fault | None, code: str
) -> None:
    desk = open_gateway(v20, tmp_path)
    try:
        if fault is not None:
            v20.server.inject(FaultPlan(faults=(fault,)))
        desk.execute(approved("EUR_USD", units))
        desk.gateway.catch_up()
        (ended,) = desk.events(OrderCancelled)
        assert code in ended.cancellation.reason
        assert desk.state.orders == {}
        v20.server.inject(FaultPlan())
        assert desk.execute(approved("EUR_USD", 1_000.0), sequence=1).sent == 1
        desk.gateway.catch_up()
        assert desk.gateway.compare() == ""
        assert desk.state.ledger.units[0] == 1_000.0
    finally:
        desk.stream.close()
        desk.gateway.books.close()


def test_an_account_in_another_currency_is_never_taken_for_the_desks(v20: V20Bench) -> None:
    with (
        reached(v20, currency="EUR") as broker,
        pytest.raises(InvalidError, match="is in USD and the desk in EUR; trade an account"),
    ):
        broker.account()


def prepare(v20: V20Bench, folder: Path, **sections: Any) -> None:
    """All that is looked at before a desk is started."""
    token = folder / "token"
    token.write_text(sections.pop("token", TOKEN))
    token.chmod(0o600)
    oanda = {"token_file": token, **sections.pop("oanda", {})}
    settings = through(v20.server.url, oanda=oanda, **sections)
    home = DeskHome(folder=folder / "home")
    OandaChoice({}).prepared(settings, home, resume=False)
    assert not home.folder.exists()


EUR_ALONE = {"bar": "5s", "instruments": ["EUR_USD"]}
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "another currency": (
        {"desk": {"account_currency": "EUR"}},
        "the account is in USD, the desk in EUR: set desk.account_currency to USD",
    ),
    "an unknown instrument": (
        {"data": {"bar": "5s", "instruments": ["EUR_USDD"]}},
        "OANDA does not offer EUR_USDD on this account, did you mean 'EUR_USD'",
    ),
    "a wrong token": ({"token": "no-token-of-this"}, "401.*the token is not accepted"),
    "a wrong account": ({"oanda": {"account": "001-001-0000009-001"}}, "403"),
}


@pytest.mark.parametrize(("sections", "said"), UNFIT.values(), ids=UNFIT)
def test_a_desk_that_does_not_fit_its_account_is_refused_before_anything_of_it_is_made(
    v20: V20Bench, tmp_path: Path, sections: dict[str, Any], said: str
) -> None:
    before = last(v20)
    prepare(v20, tmp_path, data=EUR_ALONE)
    with pytest.raises((ConfigError, InvalidError), match=said):
        prepare(v20, tmp_path, **{"data": EUR_ALONE, **sections})
    assert not (tmp_path / "home").exists()
    assert last(v20) == before


def test_a_hedging_account_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with v20_bench(tmp_path / "server", hedging=True) as v20:
        v20.market("EUR_USD", 1.1, 0.0002)
        before = last(v20)
        with pytest.raises(ConfigError, match=r"hedging is on: .*switch hedging off at OANDA"):
            prepare(v20, tmp_path, data=EUR_ALONE)
        assert (last(v20), (tmp_path / "home").exists()) == (before, False)


def test_a_local_server_that_is_not_there_is_told_with_how_to_start_it(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    with socket.socket() as nobody:  # bound, so that nobody listens there meanwhile
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        settings = through(url, oanda={"token_file": token}, data=EUR_ALONE)
        with pytest.raises(TransientError, match="start it: quorum v20-server"):
            OandaChoice({}).prepared(settings, DeskHome(folder=tmp_path / "home"), resume=False)
