"""What v20 says of money that moved without a fill."""

from __future__ import annotations

from collections.abc import Sequence

from infra.brokers.v20_server.books import Books
from infra.brokers.v20_server.money import rounded, shares
from infra.brokers.v20_server.wire import Json
from market.accounts import Transaction


def transfer_facts(one: Transaction, books: Books) -> Json:
    """Fields of a TRANSFER_FUNDS."""
    totals = books.totals
    totals.cash += one.amount
    balance = rounded(totals.cash)
    return {
        "amount": str(balance - totals.balance),
        "fundingReason": "CLIENT_FUNDING",
        "accountBalance": str(balance),
    }


def financing_facts(several: Sequence[Transaction], books: Books) -> Json:
    """Fields of a DAILY_FINANCING: what each instrument was charged, by the units of its trades."""
    totals = books.totals
    positions, before = [], totals.balance
    balance = before
    for one in several:
        totals.cash += one.amount
        amount = rounded(totals.cash) - balance
        balance += amount
        trades = list(books.trades_of(one.symbol))
        parts = shares(amount, [abs(trade.units) for trade in trades])
        positions.append(
            {
                "instrument": one.symbol,
                "financing": str(amount),
                "openTradeFinancings": [
                    {"tradeID": trade.id, "financing": str(part)}
                    for trade, part in zip(trades, parts, strict=True)
                ],
            }
        )
    return {
        "financing": str(balance - before),
        "accountBalance": str(balance),
        "accountFinancingMode": "DAILY",
        "positionFinancings": positions,
    }
