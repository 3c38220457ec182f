"""Instruments, their registry, and the words of errors."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from typing import Any

import pytest

from market import errors
from market.errors import InvalidError, QuorumError, UnknownInstrument, nearest
from market.instruments import Instrument, Registry, fx_pair


@pytest.mark.parametrize(
    ("symbol", "pip", "increment"),
    [("EUR_USD", 1e-4, 1e-5), ("USD_JPY", 1e-2, 1e-3), ("XAU_USD", 0.1, 1e-3)],
)
def test_an_instrument_knows_its_quoting_units(symbol: str, pip: float, increment: float) -> None:
    instrument = Registry()[symbol]
    assert instrument.symbol == symbol
    assert instrument.pip == pytest.approx(pip)
    assert instrument.price_increment == pytest.approx(increment)


def test_the_typical_spread_is_given_in_price_units() -> None:
    assert Registry()["USD_JPY"].typical_spread == pytest.approx(0.014)
    assert Registry()["EUR_USD"].typical_spread == pytest.approx(0.00012)


def test_every_standard_instrument_is_filed_under_its_own_symbol() -> None:
    registry = Registry()
    assert all(registry[symbol].symbol == symbol for symbol in registry.symbols())
    assert list(registry.symbols()) == sorted(registry.symbols())
    assert len(registry.symbols()) > 40


def test_an_unknown_symbol_is_refused_with_the_nearest_one() -> None:
    registry = Registry()
    assert "EUR_USS" not in registry
    with pytest.raises(UnknownInstrument, match=r"'EUR_USS', did you mean 'EUR_USD'\?"):
        registry["EUR_USS"]


def test_a_further_instrument_can_be_added_and_one_replaced() -> None:
    registry = Registry()
    registry.add(fx_pair("USD", "HUF", spread_pips=20.0))
    registry.add(fx_pair("EUR", "HUF", spread_pips=30.0))
    assert registry["USD_HUF"].typical_spread_pips == 20.0
    assert registry["EUR_HUF"].pip == 0.01
    assert "EUR_HUF" not in Registry()


def made_of(field: str, value: Any) -> Instrument:
    return replace(Registry()["EUR_USD"], **{field: value})


@pytest.mark.parametrize("field", ["pip", "price_increment", "unit_increment", "margin_rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_unit_that_is_not_positive_is_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidError, match=f"EUR_USD: {field} must be positive"):
        made_of(field, value)


@pytest.mark.parametrize("value", [-0.1, math.nan])
def test_a_negative_spread_is_refused_and_none_is_allowed(value: float) -> None:
    with pytest.raises(InvalidError, match="typical_spread_pips"):
        replace(Registry()["EUR_USD"], typical_spread_pips=value)
    assert replace(Registry()["EUR_USD"], typical_spread_pips=0.0).typical_spread == 0.0


def test_the_error_tree_is_the_one_that_is_drawn() -> None:
    drawn = [
        line.replace("│", " ").replace("├──", "   ").replace("└──", "   ")
        for line in (errors.__doc__ or "").splitlines()
        if "Error" in line or "──" in line
    ]
    parents: list[tuple[int, str]] = []
    seen = set()
    for line in drawn[1:]:
        name = line.split()[0]
        depth = len(line) - len(line.lstrip())
        while parents and parents[-1][0] >= depth:
            parents.pop()
        if parents:
            assert getattr(errors, name).__bases__ == (getattr(errors, parents[-1][1]),)
        parents.append((depth, name))
        seen.add(name)
    classes = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, QuorumError)
    }
    assert classes == {*seen, "QuorumError"}


def test_the_nearest_word_is_offered_only_where_one_is_near() -> None:
    known = ["momentum", "volatility"]
    assert "did you mean 'momentum'?" in nearest("momentun", known)
    assert "did you mean" not in nearest("xyz", known)
