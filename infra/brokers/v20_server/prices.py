"""What can be traded at, as v20 tells it."""

from __future__ import annotations

from infra.brokers.v20.times import rfc3339
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.wire import Json

LIQUIDITY = 10_000_000


def client_price(
    listed: Listed,
    *,
    time: int,
    bid: float,
    ask: float,
    tradeable: bool,
) -> Json:
    """A `ClientPrice`. time: of the quote, UTC ns."""
    return {
        "type": "PRICE",
        "instrument": listed.symbol,
        "status": "tradeable" if tradeable else "non-tradeable",
        "tradeable": tradeable,
        **price_alone(listed, time=time, bid=bid, ask=ask),
    }


def price_alone(listed: Listed, *, time: int, bid: float, ask: float) -> Json:
    """The same as an order's fill tells it."""
    sold, bought = listed.price(bid), listed.price(ask)
    return {
        "time": rfc3339(time),
        "bids": [{"price": sold, "liquidity": LIQUIDITY}],
        "asks": [{"price": bought, "liquidity": LIQUIDITY}],
        "closeoutBid": sold,
        "closeoutAsk": bought,
    }
