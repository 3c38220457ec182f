"""The report of one run."""

from __future__ import annotations

from pathlib import Path

from coordinator.report.calibration import calibration_section
from coordinator.report.conduct import costs_section, sizes_section
from coordinator.report.document import document
from coordinator.report.headline import (
    definitions,
    headline_figures,
    masthead,
    title_of,
    warnings_of,
)
from coordinator.report.members import contribution_section, votes_section
from coordinator.report.performance import equity_section, exposure_section, monthly_section
from coordinator.report.provenance import configuration_section, sources_section
from coordinator.report.risk import risk_at_end, risk_section, var_series
from coordinator.report.series import (
    account_series,
    exposure_series,
    halted_spans,
    vote_series,
)
from coordinator.report.trade_list import trade_data, trade_section
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.results.write import write_whole
from coordinator.risk.backtest import backtest

SCRIPTS = ("scales.js", "charts.js", "trades.js", "report.js")


def write_report(
    record: RunRecord, results: Results, path: Path, *, tried: int | None = None
) -> Path:
    """Write the report of a run as one offline HTML file and return its path.

    tried: how many configurations were tried before this one was chosen, when known.
    Raises RunFolderError where it cannot be written.
    """
    write_whole(path, report_page(record, results, tried=tried).encode())
    return path


def report_page(record: RunRecord, results: Results, *, tried: int | None = None) -> str:
    """The report as text."""
    title = title_of(record)
    tested = backtest(record)
    body = [
        masthead(record, results, title),
        warnings_of(record),
        headline_figures(results),
        equity_section(record, results),
        monthly_section(results),
        exposure_section(record),
        risk_section(record, risk_at_end(record), tested),
        votes_section(record, results),
        calibration_section(record, results),
        contribution_section(record, results),
        sizes_section(record, results),
        costs_section(record, results),
        trade_section(results),
        definitions(results),
        sources_section(record, results, tried),
        configuration_section(record),
    ]
    data = {
        "currency": record.session.account_currency,
        "account": account_series(results),
        "halts": halted_spans(record),
        "exposure": exposure_series(record),
        "votes": vote_series(record),
        "var": var_series(tested),
        "trades": trade_data(results),
    }
    return document(f"Quorum replay {record.session.session}: {title}", body, data, SCRIPTS)
