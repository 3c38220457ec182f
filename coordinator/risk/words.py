"""Codes and methods as people read them."""

from __future__ import annotations

METHODS = {
    "historical": "historical",
    "filtered": "EWMA-filtered historical",
    "normal": "normal",
    "student": "Student t",
    "cornish_fisher": "Cornish-Fisher",
    "monte_carlo": "Monte Carlo, Student t",
}
EPISODE_NAMES = {
    "CRISIS_2008": "crisis, 2008",
    "FRANC_2015": "Swiss franc, 2015",
    "STERLING_2016": "sterling, 2016",
    "PANDEMIC_2020": "pandemic, 2020",
    "RATES_2022": "rates, 2022",
}


def scenario_name(code: str) -> str:
    """A shock or an episode in words."""
    return EPISODE_NAMES.get(code, code.replace("_", " ").lower())
