"""The last steps of a decision: the broker's answers, fills, and what came of the trade."""

from __future__ import annotations

from coordinator.explain.chain import NOTHING_SENT
from coordinator.explain.record import BrokerAnswer, DecisionRecord
from coordinator.explain.step import Step, figure, minute, order
from coordinator.explain.trade import TradeTold, trade_of
from coordinator.report.grid import Grid, columns
from coordinator.report.markup import in_words, number
from coordinator.results.trades import OPEN
from market.live_events import OrderAccepted, OrderUnknown
from market.orders import Cancellation, Fill

BY_DECISION = "DECISION"
DAY = len("2001-03-05")
TRANSACTION = "Transaction"
SLIPPAGE = (
    "Slippage is measured from the mid at the decision: it holds the move until the fill, the "
    "spread and the slippage charged; a cost is positive."
)


def broker_step(record: DecisionRecord, column: int) -> Step | None:
    """What the broker answered; None where nobody asked it, as in a replay."""
    intent = record.order(record.symbols[column])
    if intent is None:
        return None
    answers = [a for a in record.answers if a.client_order_id == intent.client_order_id]
    if not answers:
        return None
    first: dict[str, str] = {}  # the broker may say a thing twice: at once, and in its record
    for answer in answers:
        first.setdefault(_answered(answer), minute(answer.time))
    rows = tuple((at, said) for said, at in first.items())
    return Step(
        title="Broker",
        says=f"{rows[-1][1]}.",
        grid=Grid(columns("Time", "Answer"), rows) if len(rows) > 1 else Grid((), ()),
    )


def fill_step(record: DecisionRecord, column: int) -> Step:
    """What the broker made of the order, and what that cost."""
    intent = record.order(record.symbols[column])
    if intent is None:
        return Step(title="Fill", says=NOTHING_SENT)
    fills, cancelled = entries_of(record, column), cancellations_of(record, column)
    ended = "".join(
        f"{' The rest was c' if fills else 'C'}ancelled at {minute(gone.time)} UTC: "
        f"{_why(gone.reason)}{_told_by(record, gone)}."
        for gone in cancelled
    )
    if not fills:
        says = ended or "The journal ends before anything came of the order."
        return Step(title="Fill", says=says)
    money = record.session.account_currency
    costs = (f"Spread, {money}", f"Slippage charged, {money}")
    numbered = any(record.transaction_of(fill) for fill in fills)
    return Step(
        title="Fill",
        says=f"Filled {sum(abs(fill.units) for fill in fills):,.10g} of "
        f"{figure(abs(intent.units))}.{ended} {SLIPPAGE}",
        grid=Grid(
            columns(
                "Time", "Order", "Price", "Mid", "Slippage, bps", *costs, *_title(numbered),
                numbers=("Price", "Mid", "Slippage, bps", *costs, TRANSACTION),
            ),
            tuple((*_fill_row(fill), *_number(record, fill, numbered)) for fill in fills),
        ),
    )  # fmt: skip


def trade_step(record: DecisionRecord, column: int) -> Step:
    """The round trip that the order opened, and how it ended."""
    intent = record.order(record.symbols[column])
    trade = trade_of(record, intent.client_order_id) if intent is not None else None
    if trade is None:
        return Step(title="Trade", says="The decision opened no trade.")
    money = record.session.account_currency
    pnl = f"{number(trade.profit, 2, sign=True)} {money}"
    if trade.exit_reason == OPEN or trade.closed is None:
        says = f"Still open at the last bar; so far {pnl} after costs."
    else:
        opened, closed = minute(trade.opened), minute(trade.closed)
        if opened[:DAY] != closed[:DAY]:
            opened, closed = opened[:DAY], closed[:DAY]
        says = (
            f"{trade.side.capitalize()} from {opened} to {closed}, closed by "
            f"{in_words(trade.exit_reason)}: {pnl} after costs."
        )
    return Step(title="Trade", says=says, grid=_exit_grid(record, trade, money))


def entries_of(record: DecisionRecord, column: int) -> tuple[Fill, ...]:
    """The fills of the decision's own order."""
    intent = record.order(record.symbols[column])
    if intent is None:
        return ()
    return tuple(
        fill
        for fill in record.fills
        if fill.client_order_id == intent.client_order_id and fill.reason == BY_DECISION
    )


def cancellations_of(record: DecisionRecord, column: int) -> tuple[Cancellation, ...]:
    """How the decision's order ended without a fill, or the rest of it."""
    intent = record.order(record.symbols[column])
    if intent is None:
        return ()
    return tuple(c for c in record.cancellations if c.client_order_id == intent.client_order_id)


def _answered(answer: BrokerAnswer) -> str:
    if isinstance(answer, OrderAccepted):
        return f"Accepted by the broker, its transaction {answer.transaction}"
    if isinstance(answer, OrderUnknown):
        return f"No answer came: {answer.reason}; whether the broker has it was not known"
    return f"Looked up at the broker: {in_words(answer.found)}"


def _why(reason: str) -> str:
    """A code in words; what a broker said, as it said it."""
    code, colon, said = reason.partition(":")
    return f"{in_words(code)}{colon}{said}"


def _fill_row(fill: Fill) -> tuple[str, ...]:
    return (
        minute(fill.time),
        order(fill.units),
        figure(fill.price),
        figure(fill.mid),
        number(fill.slippage_bps, 2, sign=True),
        number(fill.spread_cost, 2),
        number(fill.slippage_cost, 2),
    )


def _exit_grid(record: DecisionRecord, trade: TradeTold, money: str) -> Grid:
    """What took from the position, one row a fill, and what financing came to."""
    numbered = any(record.transaction_of(fill) for fill in trade.exits)
    rows = [
        (
            minute(fill.time),
            in_words(fill.reason),
            order(fill.units),
            figure(fill.price),
            number(fill.realised, 2, sign=True),
            *_number(record, fill, numbered),
        )
        for fill in trade.exits
    ]
    if trade.financing:
        paid = number(trade.financing, 2, sign=True)
        rows.append(("", "financing", "", "", paid, *([""] if numbered else [])))
    realised = f"Realised, {money}"
    titles = columns(
        "Time", "Exit", "Order", "Price", realised, *_title(numbered),
        numbers=("Price", realised, TRANSACTION),
    )  # fmt: skip
    return Grid(titles, tuple(rows)) if rows else Grid((), ())


def _title(numbered: bool) -> tuple[str, ...]:
    """The column of the broker's transactions, where it numbers them."""
    return (TRANSACTION,) if numbered else ()


def _number(record: DecisionRecord, fill: Fill, numbered: bool) -> tuple[str, ...]:
    told = record.transaction_of(fill)
    return ("" if told is None else f"{told}",) if numbered else ()


def _told_by(record: DecisionRecord, gone: Cancellation) -> str:
    told = record.transaction_of(gone)
    return "" if told is None else f", the broker's transaction {told}"
