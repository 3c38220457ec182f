"""What a limit may be overridden to, and what the guardian makes of an override."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.assessment.in_force import limits_in_force
from agents.guardian.assessment.limits import LIMIT_NAMES, AssessmentLimits
from agents.guardian.guardian import RiskGuardian
from agents.guardian.limits import RiskLimits
from agents.guardian.overridden import FIELDS, SHOCKS, configured_limit, overridden
from agents.guardian.staged import limits_at
from coordinator.configuration.settings import GuardianSettings, Settings, StressSettings
from coordinator.override_rules import override_rules
from coordinator.plan import sizing_rules
from coordinator.risk.limits import limits_of
from coordinator.risk_rules import risk_limits
from coordinator.staged import tightened
from market.errors import ApprovalRejected
from market.messages import Reviewed
from market.overrides import LOOSER, Override
from market.stages import CapitalStage, stage_limits
from market.verdicts import verify
from tests.books import AGENTS, INSTRUMENTS, TRAITS, WIDE, case
from tests.unit.test_guardian import EQUITY, KEY, context

LIMITS = risk_limits(Settings(), INSTRUMENTS, 3_600)
FOR_EVER = 2**62
NEVER_OVERRIDDEN = {
    "max_drawdown", "flatten_drawdown", "max_daily_loss", "correlation_window", "var_window",
    "restricted", "price_collars", "rearm_after", "assess_every_s",
}  # fmt: skip
OVERRIDES = st.builds(
    Override,
    limit=st.sampled_from([*FIELDS, *SHOCKS, "max_drawdown", "per_second", "nonsense"]),
    value=st.floats(allow_nan=True, allow_infinity=True),
    until=st.just(FOR_EVER),
)


def moved(limit: str, value: float, until: int = FOR_EVER) -> tuple[Override, ...]:
    return (Override(limit=limit, value=value, until=until),)


def guardian(limits: RiskLimits) -> RiskGuardian:
    return RiskGuardian(
        INSTRUMENTS, account_currency="USD", traits=TRAITS, agents=AGENTS, limits=limits,
        equity=EQUITY, key=KEY, rearm_after=None, staged=True,
    )  # fmt: skip


def reviewed(member: RiskGuardian, stage: str = "paper", **changed: Any) -> Reviewed:
    answered = member.answer(context(case({"EUR_USD": 50_000.0}), stage=stage, **changed))
    assert isinstance(answered, Reviewed)
    return answered


def notional(found: Reviewed) -> float:
    return sum(abs(order.units) * order.reference_price for order in found.approved)


def test_every_plain_limit_can_be_overridden_but_those_that_halt_and_those_that_look_back() -> None:
    assert set(FIELDS) == set(GuardianSettings.model_fields) - NEVER_OVERRIDDEN
    assert set(SHOCKS) == set(StressSettings.model_fields)


def test_looser_is_half_as_much_again_at_most_and_never_outside_the_bounds_of_the_setting() -> None:
    rules = override_rules(LIMITS).limits
    assert (rules["max_position"].configured, rules["max_position"].most) == (0.9, 1.35)
    assert rules["crash"].most == pytest.approx(0.12)
    assert (rules["max_open_positions"].least, rules["max_open_positions"].most) == (1.0, 12.0)
    assert rules["max_open_positions"].whole
    assert rules["margin_reserve"].least == pytest.approx(0.10 / LOOSER)
    assert rules["margin_reserve"].most < 1.0
    assert rules["correlation_threshold"].most == pytest.approx(0.8)
    wide = override_rules(LIMITS._replace(max_gross_leverage=40.0)).limits
    assert wide["max_gross_leverage"].most == 50.0


def test_a_limit_that_is_off_on_a_desk_cannot_be_overridden() -> None:
    off = LIMITS._replace(max_asset_class=math.inf)
    assert "max_asset_class" not in override_rules(off).limits


@settings(max_examples=100, deadline=None)
@given(st.lists(OVERRIDES, max_size=6), st.sampled_from(["", *CapitalStage]))
def test_whatever_is_on_record_no_limit_is_looser_than_allowed_nor_than_its_stage(
    overrides: list[Override], stage: str
) -> None:
    limits, sizing = tightened(LIMITS, sizing_rules(Settings(), 86_400), stage, tuple(overrides))
    for name in (*FIELDS, *SHOCKS):
        configured, found = configured_limit(LIMITS, name), configured_limit(limits, name)
        if name == "margin_reserve":
            assert found >= configured / LOOSER - 1e-12
        elif name == "correlation_threshold":
            assert 0.0 <= found < 1.0
        else:
            assert 0.0 <= found <= LOOSER * configured + 1e-12
    for name in ("max_drawdown", "flatten_drawdown", "var_window", "correlation_window"):
        assert getattr(limits, name) == getattr(LIMITS, name)
    assert limits.pace[:6] == LIMITS.pace[:6]
    assert limits.pace == LIMITS.pace or stage == CapitalStage.EMERGENCY_STOP
    assert limits.max_daily_loss <= LIMITS.max_daily_loss
    if stage:
        allowed = stage_limits(CapitalStage(stage))
        assert limits.max_gross_leverage <= allowed.exposure
        assert limits.max_position <= allowed.exposure
        assert limits.max_open_positions <= allowed.instruments
        assert sizing.max_risk_per_trade <= allowed.risk_per_trade


@settings(max_examples=100, deadline=None)
@given(st.lists(OVERRIDES, max_size=6), st.sampled_from(["", "nonsense", *CapitalStage]))
def test_an_assessment_measures_against_exactly_the_limits_of_the_review(
    overrides: list[Override], stage: str
) -> None:
    held = limits_at(overridden(LIMITS, overrides), stage)
    found = limits_in_force(assessed_limits(), stage, overrides)
    for name, field in FIELDS.items():
        if name == "margin_reserve":
            assert found.margin_reserve == min(held.margin_reserve, math.nextafter(1.0, 0.0))
        elif name != "max_asset_class" and hasattr(found, name):
            assert getattr(found, name) == getattr(held, field)
    assert tuple(found.stress) == tuple(held.stress)
    configured = assessed_limits()
    for code, name in LIMIT_NAMES.items():
        moved = getattr(found, name) != getattr(configured, name)
        assert not moved or found.bound(code) != "configuration"


def assessed_limits() -> AssessmentLimits:
    given = Settings()
    return limits_of(given.guardian.model_dump(), given.stress.model_dump())


def test_without_overrides_the_limits_are_those_of_the_configuration() -> None:
    assert overridden(LIMITS, ()) == LIMITS
    assert overridden(LIMITS, moved("crash", 0.05)).stress.crash == 0.05
    assert overridden(LIMITS, moved("max_portfolio_risk", 0.05)).max_open_risk == 0.05


def test_the_guardian_keeps_an_override_while_it_lasts_and_caps_one_that_is_too_loose() -> None:
    limits = WIDE._replace(max_order_value=0.04)
    member = guardian(limits)
    for value, kept in ((0.02, 0.02), (0.06, 0.06)):
        found = notional(reviewed(member, overrides=moved("max_order_value", value)))
        assert (kept - 0.001) * EQUITY < found <= kept * EQUITY
    assert 0.039 * EQUITY < notional(reviewed(member)) <= 0.04 * EQUITY
    for value, kept in ((0.2, 0.06), (1e9, 0.06), (math.nan, 0.04), (math.inf, 0.04)):
        found = notional(reviewed(guardian(limits), overrides=moved("max_order_value", value)))
        assert (kept - 0.001) * EQUITY < found <= kept * EQUITY


def test_at_its_own_time_an_expired_override_is_dropped_and_not_signed() -> None:
    member = guardian(WIDE._replace(max_order_value=0.04))
    now = context(case({})).time
    over = reviewed(member, overrides=moved("max_order_value", 0.06, until=now))
    assert notional(over) <= 0.04 * EQUITY
    assert over.signed.overrides == ()
    last = reviewed(member, overrides=moved("max_order_value", 0.06, until=now + 1))
    assert notional(last) > 0.04 * EQUITY
    assert last.signed.overrides == moved("max_order_value", 0.06, until=now + 1)


def test_no_override_lifts_what_the_stage_allows() -> None:
    member = guardian(WIDE._replace(max_gross_leverage=0.3, max_position=0.3))
    overrides = (*moved("max_gross_leverage", 0.45), *moved("max_position", 0.45))
    assert notional(reviewed(member, overrides=overrides)) <= 0.20 * EQUITY
    assert reviewed(member, "emergency_stop", overrides=overrides).approved == ()


def test_the_signature_covers_the_overrides() -> None:
    signed = reviewed(guardian(WIDE), overrides=moved("max_position", 0.1)).signed

    def check(approvals: Any) -> None:
        verify(KEY, approvals, session=signed.session, epoch=signed.epoch, used=-1, now=0)

    check(signed)
    for forged in ((), moved("max_position", 0.15), moved("max_position", 0.1, until=1)):
        with pytest.raises(ApprovalRejected, match="signature is not the guardian's"):
            check(replace(signed, overrides=forged))
