"""Reading the configuration: file, environment, flags; whatever is wrong is named."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from coordinator.configuration.document import as_toml
from coordinator.configuration.durations import seconds
from coordinator.configuration.settings import InstrumentSettings, Settings
from coordinator.configuration.sources import known_keys, load_settings
from coordinator.live.bootstrap import breaker_limits
from market.breaker_rules import BreakerLimits
from market.errors import ConfigError


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a while."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "quorum.toml"
    path.write_text(text)
    return path


def test_the_defaults_are_those_of_the_specification() -> None:
    settings = Settings()
    assert settings.committee.decision_threshold == 0.25
    assert settings.committee.quorum == 0.5
    assert settings.guardian.max_open_positions == 8
    assert settings.guardian.max_portfolio_risk == 0.15
    assert settings.sizing.tp_sl_ratio == 2.5
    assert settings.sizing.trailing_stop_distance == 0.0035
    assert settings.sizing.max_risk_per_trade == 0.02
    assert settings.guardian.correlation_threshold == 0.7
    assert settings.desk.initial_balance == 100_000.0
    assert sum(settings.committee.weights.values()) == pytest.approx(1.0)


def test_a_flag_counts_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = toml(tmp_path, "[desk]\nseed = 1\ninitial_balance = 5.0\n[sizing]\nstop_sigmas = 2.0\n")
    with environment(QUORUM_DESK__SEED="2", QUORUM_SIZING__STOP_SIGMAS="2.5"):
        settings = load_settings(path, {"desk": {"seed": 3, "account_currency": None}})
    assert settings.desk.seed == 3
    assert settings.sizing.stop_sigmas == 2.5
    assert settings.desk.initial_balance == 5.0
    assert settings.desk.account_currency == "USD"


def test_lists_and_tables_can_come_from_the_environment_as_json(tmp_path: Path) -> None:
    with environment(QUORUM_COMMITTEE__AGENTS='["momentum"]', QUORUM_AGENTS__MOMENTUM__FAST="7"):
        settings = load_settings(toml(tmp_path, ""))
    assert settings.committee.agents == ("momentum",)
    assert settings.agents == {"momentum": {"fast": "7"}}


@pytest.mark.parametrize("name", ["QUORUM_COMMITTEE__AGENTS", "QUORUM_COMMITTEE"])
def test_a_list_that_is_no_json_in_the_environment_is_told_plainly(
    tmp_path: Path, name: str
) -> None:
    with (
        environment(**{name: "momentum,volatility"}),
        pytest.raises(ConfigError, match="is written as JSON there, such as QUORUM_COMMITTEE__"),
    ):
        load_settings(toml(tmp_path, ""))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[guardian]\nmax_drawdowm = 0.2", r"unknown key guardian.max_drawdowm, did you mean"),
        ("[gardian]\nmax_drawdown = 0.2", r"unknown key gardian, did you mean 'guardian'"),
        ("[instruments.XAU_EUR]\npipp = 1", r"unknown key instruments.XAU_EUR.pipp, .*'pip'"),
        ("[sizing]\nmax_risk_per_trade = 0.5", r"sizing.max_risk_per_trade: .*found 0.5"),
        ("[sizing]\nmax_risk_per_trade = 0", r"sizing.max_risk_per_trade: .*found 0"),
        ("[desk]\ninitial_balance = inf", r"desk.initial_balance: .*found inf"),
        ("[desk]\ninitial_balance = nan", r"desk.initial_balance: .*found nan"),
        ("[committee.weights]\nmomentum = -1", r"committee.weights.momentum: .*found -1"),
        ("[committee.weights]\nmomentum = inf", r"committee.weights.momentum: .*found inf"),
        ("[committee]\nagents = []", r"committee.agents: .*at least 1 item"),
        ("[sizing]\ntrailing_stop = 'on'", r"sizing.trailing_stop: .*found 'on'"),
        ("guardian = 1", r"guardian: .*found 1"),
        ("[desk", r"quorum.toml is not TOML"),
        ("[desk]\nseed = 1\nseed = 2", r"quorum.toml is not TOML"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_was_found(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(toml(tmp_path, text))


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    path = toml(tmp_path, "[desk]\nseed = -1\n[sizing]\nstop_sigmas = 0")
    with pytest.raises(ConfigError, match=r"desk.seed: .*; sizing.stop_sigmas: "):
        load_settings(path)


def test_a_file_that_is_not_there_or_not_text_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file at .*quorum config show"):
        load_settings(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="no configuration file at"):
        load_settings(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b'a = "\xff"')
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(binary)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("QUORUM_GUARDIANS__X", "unknown section, did you mean 'QUORUM_GUARDIAN'"),
        ("QUORUM_NONSENSE", "unknown section"),
        ("QUORUM_GUARDIAN__MAX_DRAWDOWM", "unknown key guardian.max_drawdowm, did you mean"),
    ],
)
def test_a_misspelt_variable_is_refused_as_a_misspelt_key_is(
    tmp_path: Path, name: str, said: str
) -> None:
    with environment(**{name: "0.2"}), pytest.raises(ConfigError, match=said):
        load_settings(toml(tmp_path, ""))


def test_what_is_shown_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    changed = Settings.model_validate(
        {
            "desk": {"seed": 11, "account_currency": "EUR"},
            "data": {"source": 'a "quoted" \\ folder', "start": "2010-01-01"},
            "committee": {"weights": {"momentum": 0.1, "my frog": 0.9}},
            "agents": {
                "momentum": {"fast": 7, "words": ["a", "b"]},
                "m.y:Agent": {"x": 1.5, "ü": "€ 😀"},
            },
            "instruments": {"XAU_EUR": {"pip": 0.1}, "XAG_EUR": {}},
            "optimizer": {"rebalance_every": 4},
            "broker": {"financing_rates": "rates.csv"},
            "run": {"out": "elsewhere"},
        }
    )
    for settings in (Settings(), changed):
        assert load_settings(toml(tmp_path, as_toml(settings))) == settings


def test_dates_and_numbers_without_end_of_an_agent_read_back_too(tmp_path: Path) -> None:
    path = toml(
        tmp_path, "[agents.frog]\nsince = 2020-01-02\nuntil = 2020-01-02T03:04:05Z\nx = -inf"
    )
    settings = load_settings(path)
    assert load_settings(toml(tmp_path, as_toml(settings))) == settings


def test_every_key_is_shown_with_its_meaning() -> None:
    shown = as_toml(Settings())
    parsed = tomllib.loads(shown)
    for name in Settings.model_fields:
        section = getattr(Settings(), name)
        if not isinstance(section, BaseModel):
            continue
        for key, field in type(section).model_fields.items():
            assert field.description, f"{name}.{key} has no meaning"
            assert field.description in shown
            unset = getattr(section, key) is None
            assert (key in parsed[name]) != unset


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().desk.seed = 3  # type: ignore[misc]


def test_the_keys_of_a_section_are_found_through_tables_of_tables() -> None:
    assert known_keys(()) == list(Settings.model_fields)
    assert known_keys(("instruments", "XAU_EUR")) == list(InstrumentSettings.model_fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("15m", 900), ("4h", 14_400), ("1d", 86_400), (" 1h ", 3600)],
)
def test_lengths_of_time_are_read_in_their_unit(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "h", "15", "0m", "-1h", "1.5h", "1h30m", "1w", "1 h", "H"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a length such as 30s, 15m, 4h or 1d"):
        seconds(text)


def test_settings_survive_json() -> None:
    settings: dict[str, Any] = json.loads(Settings().model_dump_json())
    assert Settings.model_validate(settings) == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[breakers]\nvolatility = 5.0\n", "breakers.volatility"),
        ("[breakers]\nprice_fall = 1.0\n", "breakers.price_fall"),
        ("[breakers]\nlatency_s = 1e9\n", "breakers.latency_s"),
        ("[breakers]\nfailures = 0\n", "breakers.failures"),
        ("[breakers]\ncorrelation = 1.0\n", "breakers.correlation"),
        ("[breakers]\nsilent_share = 1.1\n", "breakers.silent_share"),
        ("[breakers]\nunknown_order_s = 1000.0\n", "breakers.unknown_order_s"),
        ("[breakers]\ncool_down_s = 1.0\n", "breakers.cool_down_s"),
        ("[breakers]\nenabled = false\n", "unknown key breakers.enabled"),
        ("[breakers]\ndrawdown_flatten = 0.9\n", "unknown key breakers.drawdown_flatten"),
        ("[guardian]\nflatten_drawdown = 0.9\n", "guardian.flatten_drawdown"),
    ],
)
def test_no_breaker_can_be_switched_off(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(toml(tmp_path, text))
    assert said in str(refused.value)
    assert "found {" not in str(refused.value)


def test_everything_is_closed_half_as_far_again_as_a_desk_halts_where_nothing_is_said() -> None:
    wide = Settings.model_validate({"guardian": {"max_drawdown": 0.2}})
    assert breaker_limits(Settings()).drawdown_flatten == pytest.approx(0.15)
    assert breaker_limits(wide).drawdown_flatten == pytest.approx(0.3)
    assert replace(breaker_limits(Settings()), drawdown_flatten=0.15) == BreakerLimits()


def test_a_commands_own_defaults_give_way_to_whatever_is_configured(tmp_path: Path) -> None:
    own = {"data": {"bar": "5s"}}
    file = tmp_path / "quorum.toml"
    file.write_text("[data]\nclock = 'UTC'\n")
    assert load_settings(file, None, own).data.bar == "5s"
    assert load_settings(file, None, own).data.clock == "UTC"
    assert load_settings(file, {"data": {"bar": "1m"}}, own).data.bar == "1m"
    file.write_text("[data]\nbar = '1h'\n")
    assert load_settings(file, None, own).data.bar == "1h"
    file.write_text("")
    assert load_settings(file, None, own).data.bar == "5s"
