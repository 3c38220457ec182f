"""`Requests`: what may be asked of a paper exchange over a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.records import encode, replacement_of, requests_of
from market.accounts import BrokerOrder
from market.errors import FatalError, InvalidError, QuorumError
from market.lines import Failure

PAGE = 2_000
"""The most transactions in one answer."""


class Requests:
    """Answers by verb. The payloads are those of the client; a client of another version is told
    so, and stops nobody.
    """

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self._verbs: dict[str, Callable[[Any, str], object]] = {
            "place_all": self._place_all,
            "find": lambda name, _: exchange.find(name),
            "working": lambda _, __: exchange.working(),
            "cancel": self._cancel,
            "replace": self._replace,
            "close": lambda asked, refuse: exchange.close(*asked, refuse=refuse),
            "reduce": lambda asked, refuse: exchange.reduce(*asked, refuse=refuse),
            "protect": self._protect,
            "account": lambda _, __: exchange.account(),
            "transactions": lambda after, _: exchange.transaction_records(after, PAGE),
            "history": lambda asked, _: exchange.history(*asked),
        }

    def answer(self, verb: str, payload: object, *, refuse: str = "") -> object:
        """The answer, or the refusal as a `Failure`. refuse: a reason to refuse what trades.

        Raises FatalError where the exchange cannot go on.
        """
        asked = self._verbs.get(verb)
        if asked is None:
            known = ", ".join(self._verbs)
            return Failure(InvalidError(f"{verb!r} cannot be asked for; known are {known}"))
        try:
            return asked(payload, refuse)
        except FatalError:
            raise
        except QuorumError as error:
            return Failure(error)
        except (TypeError, ValueError, AttributeError) as error:
            return Failure(
                InvalidError(
                    f"{verb}: the request is not as expected ({error}); client and exchange must "
                    "be of the same version"
                )
            )

    def _place_all(self, orders: bytes, refuse: str) -> bytes:
        return encode(self._exchange.place_all(requests_of(orders), refuse=refuse))

    def _replace(self, asked: bytes, refuse: str) -> BrokerOrder:
        name, order = replacement_of(asked)
        return self._exchange.replace(name, order, refuse=refuse)

    def _protect(
        self, asked: tuple[str, float | None, float | None, float | None], refuse: str
    ) -> None:
        symbol, stop_price, take_profit_price, trailing = asked
        if refuse:
            raise InvalidError(f"{symbol}: the exits stay as they are: {refuse}")
        self._exchange.protect(
            symbol, stop_price=stop_price, take_profit_price=take_profit_price, trailing=trailing
        )

    def _cancel(self, name: str, refuse: str) -> object:
        if refuse:
            raise InvalidError(f"order {name} is not cancelled: {refuse}")
        return self._exchange.cancel(name)
