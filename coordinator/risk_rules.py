"""From the settings to what the guardian reviews by; contradictions are refused."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.guardian.calibration.calibrator import CalibrationRules
from agents.guardian.limits import PaceLimits, RiskLimits, StressLimits
from agents.guardian.traits import Traits, traits_of
from coordinator.configuration.settings import (
    GuardianSettings,
    PaceSettings,
    Settings,
    SizingSettings,
)
from coordinator.learning import LearningRules
from coordinator.sizing import SizingRules
from market.errors import ConfigError, nearest
from market.instruments import Instrument

DAY_S = 86_400
WEEK_S = 7 * DAY_S
TRADING_DAYS = 5.0
YEAR_DAYS = 260.0
"""Trading days of a year, as volatilities are annualised."""
SECOND_NS = 1e9
OFF = float("inf")
FLATTEN_BEYOND = 1.5
"""Of `max_drawdown`, where it is not said at which fall everything is closed."""

NOT_ABOVE = (
    ("max_position", "max_gross_leverage", "one position could never use it"),
    ("max_asset_class", "max_gross_leverage", "one class of assets could never use it"),
    ("max_daily_var", "max_portfolio_var", "a day at 95 % may not cost more than one at 99 %"),
    ("max_position_loss", "max_portfolio_risk", "one position may not lose more than all"),
)
"""Keys of [guardian] of which the first may not be above the second, and why."""


def day_bars(interval_s: int) -> float:
    """Bars in a day of trading; below 1 where a bar spans several days.

    A day counts 24 hours: of a market that sleeps at night it is an over-estimate, on the safe
    side.
    """
    if interval_s <= DAY_S:
        return DAY_S / interval_s
    return WEEK_S / (TRADING_DAYS * interval_s)


def flatten_drawdown(guardian: GuardianSettings) -> float:
    """The fall at which everything is closed, by the guardian on bars, by the gateway between."""
    return guardian.flatten_drawdown or FLATTEN_BEYOND * guardian.max_drawdown


def refuse_contradictions(settings: Settings) -> None:
    """Raise ConfigError where two limits contradict each other."""
    guardian, pace = settings.guardian, settings.pace
    for lower, upper, why in NOT_ABOVE:
        least, most = getattr(guardian, lower), getattr(guardian, upper)
        if least > most:
            raise ConfigError(
                f"guardian.{lower} ({least:g}) is above guardian.{upper} ({most:g}): {why}; lower "
                "the first or raise the second"
            )
    flatten = flatten_drawdown(guardian)
    if not flatten > guardian.max_drawdown:
        raise ConfigError(
            f"guardian.flatten_drawdown ({flatten:g}) must lie above guardian.max_drawdown "
            f"({guardian.max_drawdown:g}): a desk halts before it closes everything"
        )
    missing = sorted({"fx", "metal", "equity", "crypto"} - set(guardian.price_collars))
    if missing:
        raise ConfigError(
            f"guardian.price_collars has none for {', '.join(missing)}; every class of assets "
            "needs one"
        )
    naked = sorted(name for name, collar in guardian.price_collars.items() if not collar > 0.0)
    if naked:
        raise ConfigError(
            f"guardian.price_collars of {', '.join(naked)} is 0: no order could ever fill; raise it"
        )
    refuse_sizing_contradictions(settings.sizing, len(settings.data.instruments))
    if pace.per_second > pace.per_minute:
        raise ConfigError(
            f"pace.per_second ({pace.per_second}) is above pace.per_minute ({pace.per_minute}); "
            "lower the first or raise the second"
        )
    for kind in ("reductions", "cancels"):
        refuse_small_budget(pace, kind)


def refuse_small_budget(pace: PaceSettings, kind: str) -> None:
    """Raise ConfigError where what only takes risk away may be sent less often than what opens."""
    second, minute = getattr(pace, f"{kind}_per_second"), getattr(pace, f"{kind}_per_minute")
    if second > minute:
        raise ConfigError(
            f"pace.{kind}_per_second ({second}) is above pace.{kind}_per_minute ({minute}); lower "
            "the first or raise the second"
        )
    for name, opening in (("second", pace.per_second), ("minute", pace.per_minute)):
        own = getattr(pace, f"{kind}_per_{name}")
        if own < opening:
            raise ConfigError(
                f"pace.{kind}_per_{name} ({own}) is below pace.per_{name} ({opening}): a desk must "
                "be able to take risk away as fast as it opens it; raise the first or lower the "
                "second"
            )


def refuse_sizing_contradictions(sizing: SizingSettings, traded: int) -> None:
    """Raise ConfigError where two numbers of sizing contradict each other.

    traded: how many instruments are; each bar holds an outcome of each of them at most.
    """
    if sizing.kelly_cap is not None and sizing.kelly_cap > sizing.max_risk_per_trade:
        raise ConfigError(
            f"sizing.kelly_cap ({sizing.kelly_cap:g}) is above sizing.max_risk_per_trade "
            f"({sizing.max_risk_per_trade:g}): no trade may risk so much; lower the first or raise "
            "the second"
        )
    if sizing.calibration_every > sizing.calibration_window:
        raise ConfigError(
            f"sizing.calibration_every ({sizing.calibration_every}) is above "
            f"sizing.calibration_window ({sizing.calibration_window}): decisions would be "
            "forgotten before they were ever learned from; lower the first or raise the second"
        )
    if sizing.calibration_horizon > sizing.calibration_window:
        raise ConfigError(
            f"sizing.calibration_horizon ({sizing.calibration_horizon}) is above "
            f"sizing.calibration_window ({sizing.calibration_window}): nearly all outcomes would "
            "overlap; lower the first or raise the second"
        )
    most = sizing.calibration_window * traded
    if sizing.method == "kelly" and sizing.calibration_min_outcomes > most:
        raise ConfigError(
            f"sizing.calibration_min_outcomes ({sizing.calibration_min_outcomes}) is above the "
            f"{most} outcomes that sizing.calibration_window ({sizing.calibration_window} bars) "
            f"holds of {traded} traded instruments: no agent would ever have enough, and every "
            "stake would stay the fixed fraction; lower the first or raise the window"
        )


def sizing_rules(settings: Settings, interval_s: int) -> SizingRules:
    """The numbers of sizing. What is off is NaN, the volatility target infinite."""
    sizing = settings.sizing
    nan = float("nan")
    target = sizing.volatility_target_annual
    return SizingRules(
        max_risk_per_trade=sizing.max_risk_per_trade,
        stop_sigmas=sizing.stop_sigmas,
        tp_sl_ratio=sizing.tp_sl_ratio,
        trailing_fraction=(
            sizing.trailing_stop_distance if sizing.trailing_stop == "fraction" else nan
        ),
        trailing_sigmas=sizing.trailing_stop_sigmas if sizing.trailing_stop == "sigmas" else nan,
        rebalance_band=sizing.rebalance_band,
        kelly_fraction=sizing.kelly_fraction if sizing.method == "kelly" else nan,
        kelly_cap=sizing.kelly_cap or sizing.max_risk_per_trade,
        volatility_target=(
            OFF if target is None else target / math.sqrt(YEAR_DAYS * day_bars(interval_s))
        ),
    )


def learning_rules(settings: Settings) -> LearningRules:
    """What the desk learns from its decisions, and when."""
    sizing = settings.sizing
    return LearningRules(
        every=sizing.calibration_every,
        calibration=CalibrationRules(
            method=sizing.calibration_curve,
            horizon=sizing.calibration_horizon,
            window=sizing.calibration_window,
            min_outcomes=sizing.calibration_min_outcomes,
        ),
        needed=sizing.method == "kelly",
    )


def risk_limits(settings: Settings, traded: Sequence[Instrument], interval_s: int) -> RiskLimits:
    """The guardian's limits. Raises ConfigError where they contradict each other."""
    guardian, stress, pace = settings.guardian, settings.stress, settings.pace
    refuse_contradictions(settings)
    classes = {instrument.asset_class for instrument in traded}
    return RiskLimits(
        max_price_age=guardian.max_price_age,
        jump_sigmas=guardian.jump_sigmas,
        max_drawdown=guardian.max_drawdown,
        flatten_drawdown=flatten_drawdown(guardian),
        max_daily_loss=guardian.max_daily_loss,
        max_order_value=guardian.max_order_value,
        max_order_units=guardian.max_order_units,
        max_open_positions=float(guardian.max_open_positions),
        max_position=guardian.max_position,
        max_position_loss=guardian.max_position_loss,
        max_asset_class=guardian.max_asset_class if len(classes) > 1 else OFF,
        max_gross_leverage=guardian.max_gross_leverage,
        max_currency_exposure=guardian.max_currency_exposure,
        max_open_risk=guardian.max_portfolio_risk,
        correlation_threshold=guardian.correlation_threshold,
        correlation_window=guardian.correlation_window,
        margin_reserve=guardian.margin_reserve,
        max_daily_var=guardian.max_daily_var,
        max_portfolio_var=guardian.max_portfolio_var,
        var_window=guardian.var_window,
        var_decay=settings.sizing.volatility_decay,
        day_bars=day_bars(interval_s),
        collar_sigmas=guardian.price_collar_sigmas,
        stress=StressLimits(
            crash=stress.crash,
            volatility_spike=stress.volatility_spike,
            correlation_breakdown=stress.correlation_breakdown,
            liquidity_crisis=stress.liquidity_crisis,
            currency_crisis=stress.currency_crisis,
        ),
        pace=PaceLimits(
            duplicate_ns=pace.duplicate_s * SECOND_NS,
            per_second=pace.per_second,
            per_minute=pace.per_minute,
            max_fills=pace.max_fills,
            fills_ns=pace.fills_s * SECOND_NS,
            collar_ns=pace.collar_s * SECOND_NS,
            reductions_per_second=float(pace.reductions_per_second),
            reductions_per_minute=float(pace.reductions_per_minute),
        ),
    )


def traits_with(settings: Settings, instruments: Sequence[Instrument]) -> Traits:
    """What the guardian must know of each instrument (M).

    Raises ConfigError for a restricted instrument that the desk does not know.
    """
    symbols = [instrument.symbol for instrument in instruments]
    for symbol in settings.guardian.restricted:
        if symbol not in symbols:
            raise ConfigError(
                f"guardian.restricted names {symbol}, which this desk does not trade"
                f"{nearest(symbol, symbols)} Its instruments are {', '.join(symbols)}."
            )
    return traits_of(
        instruments,
        collars={str(name): collar for name, collar in settings.guardian.price_collars.items()},
        restricted=settings.guardian.restricted,
    )
