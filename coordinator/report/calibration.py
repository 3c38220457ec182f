"""What confidence was worth: forecasts of the table in force against what happened."""

from __future__ import annotations

from agents.guardian.calibration.foretold import ReliabilityRow, reliability_of
from coordinator.report.markup import Column, Html, block, number, percent, section, table
from coordinator.results.calibration import gathered, last_outcomes
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results


def calibration_section(record: RunRecord, results: Results) -> Html:
    """Scores by agent, then where its forecasts lay and how often they came true; nothing where
    nothing was learned."""
    if not record.calibrations:
        return Html("")
    sums = gathered(record)
    tables = [
        block(f"Forecasts of {name}", _reliability(rows))
        for agent, name in enumerate(record.agents)
        if (rows := reliability_of(sums, agent))
    ]
    return section(
        "Calibration",
        _scores(record, results),
        *tables,
        note="An agent answers for the decisions that it carried. Each was given a probability by "
        "the table in force when it was taken, and is scored by what it earned on paper over the "
        "calibration horizon, traded or not. Brier score: 0 is best, 0.25 a coin's. Calibration "
        "error: mean distance of forecast and rate.",
    )


def _scores(record: RunRecord, results: Results) -> Html:
    columns = (
        Column(title="Agent", align="left"),
        Column(title="Outcomes"),
        Column(title="Brier score"),
        Column(title="Calibration error"),
    )
    outcomes = last_outcomes(record)
    rows = [
        (
            str(name),
            number(float(outcomes[agent])),
            number(row["brier_score"], 3),
            number(row["calibration_error"], 3),
        )
        for agent, (name, row) in enumerate(results.agents.iterrows())
    ]
    return table(columns, rows)


def _reliability(rows: tuple[ReliabilityRow, ...]) -> Html:
    columns = (
        Column(title="Probability", align="left"),
        Column(title="Decisions"),
        Column(title="Foretold"),
        Column(title="Happened"),
    )
    return table(
        columns,
        [
            (
                f"{percent(row.lowest, 0)} to {percent(row.highest, 0)}",
                number(float(row.count)),
                percent(row.forecast, 1),
                percent(row.happened, 1),
            )
            for row in rows
        ],
    )
