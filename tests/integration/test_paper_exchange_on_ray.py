"""The paper exchange as a Ray actor that is killed."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
import ray

from infra.actors import ExchangeActor
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.running import open_exchange
from tests.exchange_process import Waves
from tests.exchanges import KEY, TERMS, WITHIN_S, order


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_an_actor_that_was_killed_comes_back_with_the_same_account(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        at = str(Path(sockets) / "x")
        actor: Any = ExchangeActor.options(
            name="paper_exchange_of_this_test", max_task_retries=-1
        ).remote(
            "paper_exchange",
            lambda: open_exchange(
                TERMS, store=tmp_path / "exchange.sqlite", open_source=Waves, at=(at,), key=KEY
            ),
        )
        status = ray.get(actor.status.remote())
        client = PaperExchangeClient(at, KEY, timeout_s=WITHIN_S)
        client.place(order("a", 1_000.0))
        os.kill(status["pid"], signal.SIGKILL)
        assert ray.get(actor.status.remote())["last_transaction"] >= 2
        assert client.find("a") is not None
        assert ray.get(actor.stop.remote())
        assert not Path(at).exists()
        client.hang_up()
        ray.kill(actor)
