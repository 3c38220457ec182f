"""What an account at OANDA is, for whoever must judge it before it is traded."""

from __future__ import annotations

from dataclasses import dataclass

from oandapyV20.endpoints import accounts

from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.instruments import BrokerInstrument, broker_instruments
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.decimals import read
from market.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """account: its id. balance, equity: in `currency`. margin_rate: of the account; an instrument
    has the larger of this and its own. instruments: that it may trade. offset_s: how far OANDA's
    clock is ahead of this machine's, uncertain by `offset_within_s`. latency_s: of an answer.
    positions: signed units that are held. waiting: the number of orders that wait, exits too.
    """

    account: str
    currency: str
    hedging: bool
    balance: float
    equity: float
    margin_rate: float
    instruments: tuple[BrokerInstrument, ...]
    offset_s: float
    offset_within_s: float
    latency_s: float
    positions: tuple[tuple[str, float], ...]
    waiting: int
    last_transaction: int


def account_facts(connection: OandaConnection) -> AccountFacts:
    """Everything at once. Raises as `OandaConnection.ask`, and DataError."""
    answer = connection.ask(accounts.AccountDetails(quoted(connection.account)))
    instruments = broker_instruments(connection)
    bounds = connection.clock_offset.bounds_ns
    if bounds is None:
        raise DataError("OANDA's answers carry no Date header: its clock cannot be compared")
    with reading("the account"):
        raw = answer["account"]
        return AccountFacts(
            account=str(raw["id"]),
            currency=str(raw["currency"]),
            hedging=bool(raw["hedgingEnabled"]),
            balance=read(raw["balance"]),
            equity=read(raw["NAV"]),
            margin_rate=read(raw["marginRate"]),
            instruments=instruments,
            offset_s=(bounds[0] + bounds[1]) / 2e9,
            offset_within_s=(bounds[1] - bounds[0]) / 2e9,
            latency_s=connection.latency_s,
            positions=tuple(
                (str(one["instrument"]), units)
                for one in raw["positions"]
                if (units := read(one["long"]["units"]) + read(one["short"]["units"]))
            ),
            waiting=len(raw["orders"]),
            last_transaction=int(raw["lastTransactionID"]),
        )
