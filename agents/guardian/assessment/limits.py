"""What a book is measured against."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.guardian.stress import StressLosses
from market.errors import InvalidError

CONFIGURED = "configuration"
LIMIT_NAMES = {
    "GROSS_LEVERAGE": "max_gross_leverage",
    "POSITION": "max_position",
    "POSITION_LOSS": "max_position_loss",
    "ASSET_CLASS": "max_asset_class",
    "CURRENCY_EXPOSURE": "max_currency_exposure",
    "OPEN_RISK": "max_portfolio_risk",
    "MARGIN": "margin_reserve",
    "OPEN_POSITIONS": "max_open_positions",
    "DRAWDOWN": "max_drawdown",
    "DAILY_VAR": "max_daily_var",
    "PORTFOLIO_VAR": "max_portfolio_var",
}
"""Codes of an assessment, and what the configuration calls their limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentLimits:
    """The limits of the pre-trade review, as far as a whole book can be measured against them.

    Fractions of equity. max_daily_var: a day at 95 %, normal. max_portfolio_var: a day at 99 %,
    historical. max_position_loss: of one position at two daily standard deviations.
    max_asset_class: notionals of one class, where more than one is traded. stress: by shock.
    max_episode_loss: in one episode of history. correlation_threshold: a notice, not a limit.
    bound_by: by name what set a limit, where that is not the configuration; only such a one may be
    0: then nothing is allowed.

    Raises InvalidError for a limit that is NaN, infinite or not positive.
    """

    max_gross_leverage: float = 3.0
    max_position: float = 0.9
    max_position_loss: float = 0.05
    max_asset_class: float = 0.75
    max_currency_exposure: float = 1.2
    max_portfolio_risk: float = 0.15
    max_open_positions: float = 8
    margin_reserve: float = 0.10
    max_daily_var: float = 0.02
    max_portfolio_var: float = 0.05
    max_drawdown: float = 0.10
    stress: StressLosses = field(default_factory=lambda: StressLosses(0.08, 0.06, 0.10, 0.12, 0.05))
    max_episode_loss: float = 0.12
    correlation_threshold: float = 0.7
    bound_by: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        plain = set(self.__slots__) - {"stress", "bound_by"}
        given = {name: getattr(self, name) for name in sorted(plain)}
        given |= {f"stress.{name}": value for name, value in self.stress._asdict().items()}
        for name, value in given.items():
            if name == "margin_reserve":
                if not 0.0 <= value < 1.0:
                    raise InvalidError(
                        f"margin_reserve: expected a part of equity from 0 up to, not including, "
                        f"1, found {value}"
                    )
            elif value == 0.0 and name.removeprefix("stress.") in dict(self.bound_by):
                continue
            elif not 0.0 < value < float("inf"):
                raise InvalidError(f"{name}: expected a positive limit, found {value}")

    def bound(self, code: str) -> str:
        """What set the limit of this code: a capital stage, an override or the configuration."""
        if code.startswith("EPISODE_"):
            name = "max_episode_loss"
        elif code.startswith("STRESS_"):
            name = code.removeprefix("STRESS_").lower()
        else:
            name = LIMIT_NAMES[code]
        return dict(self.bound_by).get(name, CONFIGURED)
