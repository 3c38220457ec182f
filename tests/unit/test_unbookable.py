"""A transaction that cannot be booked: what came before it in the same batch is."""

from __future__ import annotations

from pathlib import Path

import pytest

from market.accounts import StreamUpdate, Transaction, TransactionKind
from market.live_events import CashMoved
from market.modes import Mode
from tests.live_gateways import gateway_desk


@pytest.mark.parametrize("before", [0, 1, 2, 5])
def test_what_came_before_a_transaction_that_cannot_be_booked_is_booked(
    tmp_path: Path, before: int
) -> None:
    with gateway_desk(tmp_path) as desk:
        last, cash = desk.state.last_transaction, float(desk.state.ledger.cash[0])

        def told(place: int, kind: TransactionKind) -> Transaction:
            return Transaction(
                id=last + 1 + place, time=desk.gateway.now, kind=kind, client_order_id="",
                symbol="", amount=10.0,
            )  # fmt: skip

        paid = [told(place, TransactionKind.FINANCING) for place in range(before)]
        batch = (
            *paid,
            told(before, TransactionKind.FILLED),  # and has no fill
            told(before + 1, TransactionKind.FINANCING),
        )
        desk.gateway.take(StreamUpdate(time=desk.gateway.now, transactions=batch))
        assert desk.state.last_transaction == last + before
        assert desk.state.ledger.cash[0] == cash + 10.0 * before
        assert len([e for e in desk.events(CashMoved) if e.transaction > last]) == before
        assert desk.state.mode is Mode.HALTED
        assert "has no fill" in desk.state.mode_reason
