"""Capital stages: a ladder whose every step only tightens what is configured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.guardian.guardian import RiskGuardian
from agents.guardian.limits import RiskLimits
from agents.guardian.staged import limits_at
from coordinator.configuration.settings import Settings
from coordinator.live.bootstrap import stage_needs
from coordinator.risk_rules import sizing_rules
from coordinator.staged import tightened
from market.errors import ConfigError
from market.live_messages import EquityWatched, WatchEquity
from market.messages import Reviewed
from market.stage_needs import StageNeeds
from market.stages import (
    LADDER,
    CapitalStage,
    is_above,
    stage_above,
    stage_below,
    stage_limits,
    stage_named,
)
from market.verdicts import verify
from tests.books import AGENTS, INSTRUMENTS, TRAITS, WIDE, case
from tests.unit.test_configuration import load_settings, toml
from tests.unit.test_guardian import DAY_NS, EQUITY, KEY, context

STAGES = st.sampled_from(["", "nonsense", *CapitalStage])


@pytest.mark.parametrize(
    ("name", "risk", "exposure", "daily_loss", "instruments"),
    [
        ("paper", 0.005, 0.20, math.inf, math.inf),
        ("live_minimal", 0.001, 0.02, 0.01, 2.0),
        ("live_scaled_1", 0.0025, 0.05, 0.02, math.inf),
        ("live_scaled_2", 0.005, 0.075, 0.02, math.inf),
        ("live_scaled_3", 0.01, 0.10, 0.02, math.inf),
        ("emergency_stop", 0.0, 0.0, 0.01, 0.0),
    ],
)
def test_a_stage_allows_what_the_specification_says(
    name: str, risk: float, exposure: float, daily_loss: float, instruments: float
) -> None:
    allowed = stage_limits(CapitalStage(name))
    assert (allowed.risk_per_trade, allowed.exposure) == (risk, exposure)
    assert (allowed.daily_loss, allowed.instruments) == (daily_loss, instruments)


def test_the_ladder_is_climbed_one_stage_at_a_time_and_ends() -> None:
    climbed = [CapitalStage.PAPER]
    while (above := stage_above(climbed[-1])) is not None:
        assert is_above(above, climbed[-1])
        assert stage_below(above) is climbed[-1]
        climbed.append(above)
    assert tuple(climbed) == LADDER
    assert stage_above(CapitalStage.EMERGENCY_STOP) is CapitalStage.PAPER
    assert stage_below(CapitalStage.PAPER) is CapitalStage.PAPER
    assert not any(is_above(CapitalStage.EMERGENCY_STOP, stage) for stage in CapitalStage)


@given(
    STAGES,
    st.floats(0.1, 50.0),
    st.floats(0.01, 50.0),
    st.floats(0.001, 0.25),
    st.integers(1, 100),
    st.floats(1e-4, 0.2),
)
def test_no_stage_allows_more_than_the_configuration_or_than_itself(
    stage: str, gross: float, position: float, loss: float, count: int, risk: float
) -> None:
    configured = WIDE._replace(
        max_gross_leverage=gross, max_position=position, max_daily_loss=loss,
        max_open_positions=float(count),
    )  # fmt: skip
    sizing = sizing_rules(Settings(), 86_400)._replace(max_risk_per_trade=risk)
    limits, sized = tightened(configured, sizing, stage)
    # The pace of what only reduces is set free at an emergency stop; nothing else is looser.
    paced = configured.pace._replace(
        reductions_per_second=limits.pace.reductions_per_second,
        reductions_per_minute=limits.pace.reductions_per_minute,
    )
    assert limits.pace == paced
    alike = limits._replace(pace=configured.pace)
    assert all(
        found <= given or math.isnan(given)
        for found, given in zip((*alike, *sized), (*configured, *sizing), strict=True)
        if isinstance(given, float)
    )
    if stage:
        allowed = stage_limits(stage_named(stage))
        assert limits.max_gross_leverage <= allowed.exposure
        assert limits.max_position <= allowed.exposure
        assert limits.max_daily_loss <= allowed.daily_loss
        assert limits.max_open_positions <= allowed.instruments
        assert sized.max_risk_per_trade <= allowed.risk_per_trade
    else:
        assert (limits, sized) == (configured, sizing)


def guardian(*, staged: bool = True, limits: RiskLimits = WIDE) -> RiskGuardian:
    return RiskGuardian(
        INSTRUMENTS, account_currency="USD", traits=TRAITS, agents=AGENTS, limits=limits,
        equity=EQUITY, key=KEY, rearm_after=None, staged=staged,
    )  # fmt: skip


def verdict(member: RiskGuardian, stage: str, units: float = 50_000.0) -> Reviewed:
    answered = member.answer(context(case({"EUR_USD": units}), stage=stage))
    assert isinstance(answered, Reviewed)
    return answered


def test_the_guardian_keeps_the_exposure_of_the_stage_that_it_is_told() -> None:
    member = guardian()
    sizes = {
        stage: sum(order.units for order in verdict(member, stage).approved)
        for stage in ("paper", "live_minimal", "live_scaled_3", "emergency_stop")
    }
    assert sizes["paper"] == math.floor(0.20 * EQUITY / 1.10)
    assert sizes["live_minimal"] == math.floor(0.02 * EQUITY / 1.10)
    assert sizes["live_scaled_3"] == math.floor(0.10 * EQUITY / 1.10)
    assert sizes["emergency_stop"] == 0.0


def test_a_live_guardian_that_does_not_know_its_stage_lets_nothing_new_pass() -> None:
    for stage in ("", "another version's"):
        found = verdict(guardian(), stage)
        assert found.approved == ()
        assert [order.limit for order in found.refused] == ["OPEN_POSITIONS"]
    assert verdict(guardian(staged=False), "").approved[0].units == 50_000.0


@pytest.mark.parametrize("stage", ["", "emergency_stop", "live_minimal"])
def test_no_stage_keeps_a_position_from_being_closed(stage: str) -> None:
    wished = context(case({"EUR_USD": -50_000.0}, held={"EUR_USD": 50_000.0}), stage=stage)
    answered = guardian().answer(wished)
    assert isinstance(answered, Reviewed)
    assert [order.units for order in answered.approved] == [-50_000.0]


def test_a_days_loss_halts_at_the_limit_of_the_stage_between_two_bars_too() -> None:
    def halt(stage: str, loss: float) -> str:
        member = guardian(limits=WIDE._replace(max_daily_loss=0.2))
        asked = WatchEquity(
            sequence=1, time=19_000 * DAY_NS, equity=EQUITY * (1.0 - loss), stage=stage
        )
        watched = member.answer(asked)
        assert isinstance(watched, EquityWatched)
        return watched.halt

    assert halt("live_minimal", 0.011) == "DAILY_LOSS"
    assert halt("live_minimal", 0.009) == "NONE"
    assert halt("live_scaled_2", 0.011) == "NONE"
    assert halt("", 0.011) == "DAILY_LOSS"


def test_the_stage_is_part_of_what_the_guardian_signs() -> None:
    signed = verdict(guardian(), "paper").signed
    assert signed.stage == "paper"
    verify(KEY, signed, session="s", epoch=1, used=-1, now=0)


def test_what_a_desk_must_show_can_be_configured_to_be_more() -> None:
    assert stage_needs(Settings()) == StageNeeds()
    stricter = Settings.model_validate({"staging": {"min_days": 20, "max_drawdown": 0.05}})
    assert stage_needs(stricter).days == 20
    assert stage_needs(stricter).drawdown == 0.05


@pytest.mark.parametrize(
    "line",
    [
        "min_days = 6", "min_trades = 9", "min_win_rate = 0.44", "min_sharpe_ratio = 0.4",
        "max_drawdown = 0.16",
    ],
)  # fmt: skip
def test_less_evidence_is_no_configuration(line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=line.split(" ", maxsplit=1)[0]):
        load_settings(toml(tmp_path, f"[staging]\n{line}\n"))


def test_a_stage_that_allows_more_than_the_configuration_changes_nothing() -> None:
    limits = WIDE._replace(max_gross_leverage=0.1, max_position=0.1)
    assert limits_at(limits, "paper") == limits
