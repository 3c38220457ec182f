"""An assessment on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.guardian.assessment.assess import RiskAssessment, ScenarioLoss
from agents.guardian.assessment.measures import CONFIDENCES
from coordinator.live.assessment import risk_line, risk_told
from coordinator.risk.backtest import VarBacktest
from coordinator.risk.picture import backtest_line
from coordinator.risk.words import METHODS, scenario_name
from market.bars import utc
from market.live_events import RiskAssessed

STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "dim"}
SCARCE = 6
"""Limits that are told: the nearest."""


def tell_risk(
    console: Console,
    found: RiskAssessment,
    tested: VarBacktest,
    source: str,
    journaled: RiskAssessed | None = None,
) -> None:
    """The whole assessment, the gravest first. journaled: the guardian's own of a live desk."""
    currency = found.account_currency
    console.print(_heading(found))
    if journaled is not None:
        told = risk_line(risk_told(journaled, found.time))
        console.print(Text(f"the guardian's own, in the journal: {told}", "dim"))
    for alert in found.alerts:
        console.print(Text(f"{alert.level:<9}", STYLES[alert.level]).append(alert.message, ""))
    for action in found.actions:
        console.print(
            f"reduce    {action.symbol} by an order of {action.units:+,.0f} units "
            f"({_words(action.code)})"
        )
    console.print()
    if found.positions:
        console.print(_positions(found))
        console.print()
    console.print(_book(found))
    console.print()
    console.print(_tails(found))
    console.print()
    console.print(_scenarios("Shock", found.stress, found.equity))
    console.print()
    console.print(_scenarios("Episode", found.episodes, found.equity))
    console.print(Text(f"episodes: {source}; money in {currency}", "dim"))
    console.print()
    console.print(_parts(found))
    console.print()
    if len(tested) >= 2:
        console.print(f"VaR at {tested.confidence:.0%}: {backtest_line(tested)}")
    else:
        console.print(
            f"VaR cannot be tested yet: {tested.window} bars of prices, then bars with a position"
        )


def _heading(found: RiskAssessment) -> Text:
    book = found.portfolio
    style = "bold green" if found.score >= 50.0 else "bold yellow" if found.score else "bold red"
    text = Text(f"risk score {found.score:.0f} of 100 (0: a limit is used up)", style)
    text.append(
        f"   {utc(found.time):%Y-%m-%d %H:%M} UTC   equity {_money(found.equity)} "
        f"{found.account_currency}   leverage {_number(book.leverage, '.2f')}   "
        f"drawdown {_share(book.drawdown)}",
        "",
    )
    return text


def _positions(found: RiskAssessment) -> Table:
    table = _table(
        "Position", "Units", "Value", "Gross", "Stop", "Day σ", "VaR", "Marginal", "Unwind"
    )
    for one in found.positions:
        table.add_row(
            one.symbol,
            f"{one.units:+,.0f}",
            _money(one.value),
            _share(one.share),
            _money(one.loss_at_stop) if one.has_stop else "none",
            _share(one.daily_sigma, 2),
            _money(one.component_var),
            _share(one.marginal_var, 2),
            "–" if math.isnan(one.unwind_days) else f"{one.unwind_days:.2g} d",
        )
    return table


def _book(found: RiskAssessment) -> Table:
    book = found.portfolio
    table = _table("Book", "", left=2)
    table.add_row("gross, net", f"{_money(book.gross)}, {_money(book.net)}")
    exposures = ", ".join(f"{name} {_signed(v / found.equity)}" for name, v in book.by_currency)
    table.add_row("by currency", exposures or "none")
    classes = ", ".join(f"{name} {_share(v / found.equity, 0)}" for name, v in book.by_class)
    table.add_row("by class", classes or "none")
    table.add_row(
        "volatility",
        f"{_share(book.realised_volatility)} realised, {_share(book.forecast_volatility)} forecast",
    )
    if book.correlated is not None:
        pair = book.correlated
        table.add_row(
            "most alike", f"{pair.first}, {pair.second}: {_number(pair.correlation, '.2f')}"
        )
    table.add_row("at the stops", _money(book.open_risk))
    table.add_row("drawdown", f"{_share(book.drawdown)} now, {_share(book.maximum_drawdown)} most")
    return table


def _tails(found: RiskAssessment) -> Table:
    heads = [f"{kind} {confidence:.0%}" for confidence in CONFIDENCES for kind in ("VaR", "ES")]
    table = _table("A day's loss", *heads)
    for method, name in METHODS.items():
        tails = [tail for tail in found.portfolio.tails if tail.method == method]
        cells = [(_money(t.value_at_risk), _money(t.expected_shortfall)) for t in tails]
        table.add_row(name, *(cell for pair in cells for cell in pair))
    return table


def _scenarios(title: str, scenarios: Iterable[ScenarioLoss], equity: float) -> Table:
    table = _table(title, "Loss", "Of equity", "Limit")
    for one in scenarios:
        if one.missing:
            said = Text(f"not in the data: {', '.join(one.missing)}", "dim")
            table.add_row(scenario_name(one.name), said, "", "")
            continue
        beyond = "" if one.loss <= one.limit else "red"
        table.add_row(
            scenario_name(one.name),
            Text(_money(one.loss), beyond),
            Text(_share(one.loss / equity), beyond),
            _share(one.limit / equity),
        )
    return table


def _parts(found: RiskAssessment) -> Table:
    table = _table("Nearest limits", "Used", "Score", "Set by")
    for part in found.parts[:SCARCE]:
        name = _words(part.code) + (f" ({part.of})" if part.of else "")
        used = "nothing allowed" if math.isinf(part.used) else _share(part.used, 0)
        table.add_row(name, used, f"{part.score:.0f}", part.bound)
    return table


def _table(*titles: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(
            title, justify="left" if place < left else "right", no_wrap=place == 0 or not left > 1
        )
    return table


def _words(code: str) -> str:
    return code.replace("_", " ").lower()


def _money(value: float) -> str:
    return _number(value, ",.0f")


def _share(value: float, digits: int = 1) -> str:
    return _number(value, f".{digits}%")


def _signed(value: float) -> str:
    return _number(value, "+.0%")


def _number(value: float, pattern: str) -> str:
    return f"{value:{pattern}}" if math.isfinite(value) else "unknown"
