"""Real money is traded once a person has named the account, and by a desk that was tried."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from coordinator.configuration.settings import Settings
from coordinator.explain.inputs import Places, recorded_settings
from coordinator.live.bootstrap import gateway_server
from coordinator.live.brokers.acceptance import accepted, is_accepted
from coordinator.live.brokers.granting import grant_for
from coordinator.live.brokers.oanda import OandaChoice
from coordinator.live.brokers.paper import PaperChoice
from coordinator.live.brokers.resuming import refuse_another_broker, refuse_other_prices
from coordinator.live.plan import LivePlan, live_session_started
from coordinator.plan import configuration_json
from coordinator.report.provenance import flat_settings
from infra.brokers.oanda.credentials import TOKEN_VARIABLE
from infra.live.earned import Earned, earned_by
from infra.live.home import DeskHome
from infra.live.opening import open_books
from infra.live.resuming import command_to_resume, ticks_on_record
from infra.live.staging import UNGRANTED
from market.errors import ConfigError, JournalError
from market.live_events import RulesTakenUp, StageChanged, TradingOpened
from market.quotes import PriceKind
from market.stage_grants import GRANTED_BY, StageGrant
from market.stages import CapitalStage
from tests.desk import KEY
from tests.live import session_started
from tests.live_broker import FakeBroker
from tests.live_session import small_plan
from tests.staged import books_of, good_days, opened, stage

ACCOUNT = "001-001-7654321-001"


def real(account: str = ACCOUNT, **oanda: Any) -> LivePlan:
    """A plan for a real account; what decides is that of `small_plan`."""
    plan = small_plan(("momentum", "volatility"))
    settings = plan.settings.model_copy(
        update={
            "live": plan.settings.live.model_copy(update={"broker": "oanda"}),
            "oanda": Settings.model_validate(
                {"oanda": {"environment": "live", "account": account, **oanda}}
            ).oanda,
        }
    )
    return replace(plan, settings=settings)


def never(question: str) -> str:
    raise AssertionError(question)


def test_typing_the_accounts_id_accepts_its_risk_and_the_question_says_what_is_there() -> None:
    asked: list[str] = []

    def typed(question: str) -> str:
        asked.append(question)
        return f" {ACCOUNT}\n"

    plan = accepted(real(), typed)
    assert plan.risk_accepted == ACCOUNT
    assert ACCOUNT in asked[0]
    assert "100,000.00 USD of real money" in asked[0]


@pytest.mark.parametrize("typed", ["", "y", "yes", "001-001-7654321-002", ACCOUNT[:-1]])
def test_anything_else_that_is_typed_starts_nothing(typed: str) -> None:
    with pytest.raises(ConfigError, match="Nothing was started and nothing traded"):
        accepted(real(), lambda _: typed)


def test_where_nobody_is_at_a_terminal_the_flag_says_it() -> None:
    with pytest.raises(ConfigError, match=f"--i-accept-live-risk {ACCOUNT}"):
        accepted(real(), None)
    plan = accepted(real(), None, ACCOUNT)
    assert plan.risk_accepted == ACCOUNT
    assert accepted(plan, never) is plan, "it is said once a start"


def test_no_configuration_accepts_the_risk_of_every_later_start() -> None:
    with pytest.raises(ValidationError, match="accept_live_risk"):
        real(accept_live_risk=ACCOUNT)


def test_a_flag_for_another_account_is_not_asked_over_but_refused() -> None:
    with pytest.raises(ConfigError, match="was accepted, and 001-001-7654321-001 is to be traded"):
        accepted(real(), never, "001-001-7654321-002")


def test_nothing_is_asked_where_no_real_money_is_at_risk() -> None:
    for sections in ({}, {"live": {"broker": "oanda"}}):
        settings = Settings.model_validate(sections)
        plan = replace(small_plan(("momentum",)), settings=settings)
        assert accepted(plan, never) is plan


def practice(folder: Path, *events: Any) -> DeskHome:
    """The home of a desk that has recorded these events."""
    broker = FakeBroker()
    books_of(folder, broker, opened(), *events).close()
    return DeskHome(folder=folder)


def test_a_desk_at_a_live_stage_hands_on_its_session_its_journals_head_and_its_evidence(
    tmp_path: Path,
) -> None:
    broker = FakeBroker()
    books = books_of(tmp_path, broker, opened(), stage("paper"), *good_days())
    promotion = replace(stage("live_minimal", time=9), evidence=(("days", 7.0),))
    books.record(promotion)
    books.close()
    earned = earned_by(DeskHome(folder=tmp_path), None)
    assert earned.grant.session == earned.started.session
    assert earned.grant.stage is CapitalStage.LIVE_MINIMAL
    assert earned.grant.since == 9
    assert dict(earned.grant.evidence)["days"] == 7.0
    assert len(bytes.fromhex(earned.grant.digest)) == 32
    assert earned.weights == {"momentum": 0.6, "mean_reversion": 0.4}


@pytest.mark.parametrize("name", ["paper", "emergency_stop", "live_scaled_1"])
def test_a_desk_that_was_not_promoted_to_a_live_stage_hands_nothing_on(
    tmp_path: Path, name: str
) -> None:
    home = practice(tmp_path, stage(name))
    with pytest.raises(ConfigError, match=f"stands at {name}, and only one at a live stage"):
        earned_by(home, None)


def test_a_home_without_a_desk_hands_nothing_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no desk"):
        earned_by(DeskHome(folder=tmp_path), None)


def test_a_journal_that_does_not_hold_hands_nothing_on(tmp_path: Path) -> None:
    home = practice(tmp_path, stage("paper"), *good_days())
    content = bytearray(home.journal.read_bytes())
    place = content.index(b"StageChanged")
    content[place : place + 12] = b"StageDhanged"
    home.journal.write_bytes(content)
    with pytest.raises(JournalError, match="grants nothing"):
        earned_by(home, None)


def earned_like(plan: LivePlan, **weights: float) -> Earned:
    """What a desk of the same plan has earned."""
    started = live_session_started(plan, time=0, feed="OANDA practice")
    return Earned(
        started=started,
        taken_up=(),
        weights=weights or {agent.name: agent.weight for agent in started.agents},
        grant=StageGrant(
            session="live-practice",
            digest="00" * 32,
            stage=CapitalStage.LIVE_MINIMAL,
            since=1,
            evidence=(),
        ),
    )


def test_the_same_desk_on_another_account_is_granted_its_stage() -> None:
    tried = small_plan(("momentum", "volatility"), desk={"initial_balance": 5_000.0})
    earned = earned_like(tried)
    assert grant_for(real(), earned, Path("practice")) is earned.grant


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"guardian": {"max_drawdown": 0.2}}, "guardian"),
        ({"sizing": {"max_risk_per_trade": 0.01}}, "sizing"),
        ({"data": {"bar": "5m", "instruments": ("EUR_USD", "GBP_USD")}}, "data.bar"),
        ({"stress": {"crash": 0.2}}, "stress"),
        ({"breakers": {"latency_s": 30.0}}, "breakers;"),
        ({"committee": {"agents": ("momentum", "volatility"), "quorum": 0.9}}, "committee"),
    ],
)
def test_a_desk_that_decides_otherwise_is_granted_nothing(
    changed: dict[str, Any], named: str
) -> None:
    earned = earned_like(small_plan(("momentum", "volatility"), **changed))
    with pytest.raises(ConfigError, match=f"They differ in {named}"):
        grant_for(real(), earned, Path("practice"))


def test_a_practice_journal_that_does_not_say_its_breakers_grants_nothing() -> None:
    earned = earned_like(small_plan(("momentum", "volatility")))
    stated = json.loads(earned.started.configuration)
    assert stated.pop("breakers")
    older = replace(earned.started, configuration=json.dumps(stated))
    with pytest.raises(ConfigError, match=r"They differ in breakers \(not on record there\);"):
        grant_for(real(), replace(earned, started=older), Path("practice"))


def test_a_practice_journal_that_does_not_say_its_budgets_of_cancels_grants_nothing() -> None:
    earned = earned_like(small_plan(("momentum", "volatility")))
    stated = json.loads(earned.started.configuration)
    assert stated["pace"].pop("cancels_per_second")
    older = replace(earned.started, configuration=json.dumps(stated))
    with pytest.raises(ConfigError, match=r"They differ in pace \(not on record there\);"):
        grant_for(real(), replace(earned, started=older), Path("practice"))


def test_a_live_journal_states_its_breakers_and_both_old_and_new_are_understood() -> None:
    plan = small_plan(("momentum", "volatility"), breakers={"latency_s": 3.0})
    started = live_session_started(plan, time=0, feed="")
    older = replace(started, configuration=configuration_json(plan.settings))
    assert recorded_settings(started, Places()).breakers == plan.settings.breakers
    assert recorded_settings(older, Places()).guardian == plan.settings.guardian
    new, old = (flat_settings(json.loads(one.configuration)) for one in (started, older))
    assert {key.partition(".")[0] for key in set(new) - set(old)} == {
        "breakers", "pace", "staging",
    }  # fmt: skip
    assert {key: new[key] for key in old} == old


@pytest.mark.parametrize(
    "began",
    [
        replace(stage("live_minimal"), by=GRANTED_BY, evidence=(("days", 7.0),)),
        replace(stage("emergency_stop"), by="configuration", reason=UNGRANTED),
    ],
)
def test_a_desk_that_is_real_itself_hands_nothing_on_though_it_was_promoted_since(
    tmp_path: Path, began: StageChanged
) -> None:
    promoted = replace(stage("live_scaled_1", time=9), evidence=(("days", 7.0),))
    with pytest.raises(ConfigError, match="trades real money itself"):
        earned_by(practice(tmp_path, began, promoted), None)


def test_weights_that_were_changed_while_it_was_tried_count() -> None:
    plan = small_plan(("momentum", "volatility"))
    earned = earned_like(plan, momentum=0.9, volatility=0.1)
    with pytest.raises(ConfigError, match=r"momentum 0\.9, volatility 0\.1 there"):
        grant_for(real(), earned, Path("practice"))


def test_other_code_of_an_agent_counts() -> None:
    plan = small_plan(("momentum", "volatility"))
    earned = earned_like(plan)
    first, *others = earned.started.agents
    older = replace(earned.started, agents=(replace(first, source="of before"), *others))
    with pytest.raises(ConfigError, match="the code of momentum"):
        grant_for(real(), replace(earned, started=older), Path("practice"))


@pytest.mark.parametrize("back", [False, True])
def test_a_desk_that_was_taken_up_by_other_rules_grants_nothing_even_where_it_went_back(
    tmp_path: Path, back: bool
) -> None:
    tried = small_plan(("momentum", "volatility"))
    other = small_plan(("momentum", "volatility"), guardian={"max_drawdown": 0.2})
    for plan in (tried, other, tried) if back else (tried, other):
        started = live_session_started(plan, time=0, feed="OANDA practice, account 1")
        books = open_books(tmp_path / "journal.sqlite", started, 5, plan.seated, lambda: (0, 1.0))
        if plan is tried and books.state.staged is None:
            books.record(replace(stage("live_minimal", time=9), evidence=(("days", 7.0),)))
        books.close()
    earned = earned_by(DeskHome(folder=tmp_path), None)
    assert len(earned.taken_up) == 1 + back
    said = r"They differ in guardian \(when taken up at 1970-01-01 00:00 UTC\);"
    with pytest.raises(ConfigError, match=said):
        grant_for(real(), earned, Path("practice"))


def test_a_desk_that_was_taken_up_by_other_demands_of_its_stages_alone_still_grants() -> None:
    tried = small_plan(("momentum", "volatility"))
    earned = earned_like(tried)
    asked = small_plan(("momentum", "volatility"), staging={"min_days": 9})
    rules = live_session_started(asked, time=0, feed="")
    taken_up = RulesTakenUp(
        sequence=1, time=1, configuration=rules.configuration, agents=rules.agents
    )
    assert grant_for(real(), replace(earned, taken_up=(taken_up,)), Path("practice"))


def test_other_code_of_an_agent_counts_when_it_was_taken_up_too() -> None:
    earned = earned_like(small_plan(("momentum", "volatility")))
    began = earned.started
    first, *others = began.agents
    taken_up = RulesTakenUp(
        sequence=1,
        time=1,
        configuration=began.configuration,
        agents=(replace(first, source="another"), *others),
    )
    with pytest.raises(ConfigError, match=r"the code of momentum \(when taken up at"):
        grant_for(real(), replace(earned, taken_up=(taken_up,)), Path("practice"))


def test_a_real_desk_that_nobody_has_tried_or_whose_risk_nobody_accepted_is_not_built(
    tmp_path: Path,
) -> None:
    choice = OandaChoice({TOKEN_VARIABLE: "a-token"})
    with pytest.raises(ConfigError, match="name that desk's home with --granted-by"):
        choice.looked_at(real(), resume=False)
    home = DeskHome(folder=tmp_path)
    home.make()
    venue = choice.venue(real(), home)
    with pytest.raises(ConfigError, match="nobody has accepted the risk"):
        gateway_server(real(), home, KEY, venue)
    gateway_server(accepted(real(), None, ACCOUNT), home, KEY, venue)
    assert venue.real
    assert venue.prices is PriceKind.REAL
    assert "a-token" not in repr(venue)


def test_a_desk_whose_settings_name_another_broker_is_not_traded_through_oanda(
    tmp_path: Path,
) -> None:
    """By the broker's name it is told whether money is real; its venue knows it without."""
    plan, choice = real(), OandaChoice({TOKEN_VARIABLE: "a-token"})
    live = plan.settings.live.model_copy(update={"broker": "paper"})
    settings = plan.settings.model_copy(update={"live": live})
    with pytest.raises(ConfigError, match=r"live\.broker is paper"):
        choice.check(settings)
    home = DeskHome(folder=tmp_path)
    home.make()
    assert choice.venue(replace(plan, settings=settings), home).real


@pytest.mark.parametrize(
    ("money", "named", "passes"),
    [(False, "", True), (True, "", False), (True, ACCOUNT, True), (True, ACCOUNT[:-1], False)],
)
def test_it_is_the_venue_that_says_whether_its_money_is_real(
    tmp_path: Path, money: bool, named: str, passes: bool
) -> None:
    """Whatever the settings were thought to mean when the person was, or was not, asked."""
    home = DeskHome(folder=tmp_path)
    home.make()
    plan = replace(small_plan(("momentum",)), risk_accepted=named)
    plan = replace(plan, settings=practised(plan.settings))
    venue = replace(PaperChoice().venue(plan, home), real=money)
    assert is_accepted(plan, venue) == passes
    if passes:
        gateway_server(plan, home, KEY, venue)
        return
    with pytest.raises(ConfigError, match=f"nobody has accepted the risk of account {ACCOUNT}"):
        gateway_server(plan, home, KEY, venue)


def practised(settings: Settings) -> Settings:
    """Settings that name an account without real money."""
    named = Settings.model_validate({"oanda": {"environment": "practice", "account": ACCOUNT}})
    return settings.model_copy(update={"oanda": named.oanda})


def test_a_real_desk_that_was_tried_is_planned_with_its_grant(tmp_path: Path) -> None:
    plan = real(granted_by=str(tmp_path))
    books = open_books(
        tmp_path / "journal.sqlite",
        live_session_started(plan, time=0, feed="OANDA practice, account 1"),
        5,
        plan.seated,
        lambda: (0, 1.0),
    )
    books.record(replace(stage("live_minimal", time=9), evidence=(("days", 7.0),)))
    books.close()
    granted = OandaChoice({}).looked_at(plan, resume=False).grant
    assert granted is not None
    assert granted.session == plan.desk.session


@pytest.mark.parametrize(
    ("began", "chosen", "said"),
    [
        (
            "OANDA practice, account 1",
            "",
            "with `quorum trade --resume --home [^ ]+ "
            "--broker oanda --environment practice --account 1`",
        ),
        ("OANDA practice, account 1", "OANDA live, account 2", "not at OANDA live, account 2"),
        ("synthetic prices", "OANDA live, account 2", "began at the paper exchange"),
        ("synthetic prices", "OANDA live, account 2", "--home [^ ]+ --broker paper`"),
    ],
)
def test_a_desk_goes_on_at_the_account_where_it_began(
    tmp_path: Path, began: str, chosen: str, said: str
) -> None:
    home = begun(tmp_path, began)
    with pytest.raises(ConfigError, match=said):
        refuse_another_broker(home, chosen)


@pytest.mark.parametrize(
    ("began", "chosen"),
    [("OANDA live, account 1", "OANDA live, account 1"), ("synthetic prices, seed 7", "")],
)
def test_at_the_account_where_it_began_it_goes_on(tmp_path: Path, began: str, chosen: str) -> None:
    refuse_another_broker(begun(tmp_path, began), chosen)
    refuse_another_broker(DeskHome(folder=tmp_path / "new"), chosen)


def begun(folder: Path, data: str, prices: str | None = None) -> DeskHome:
    """A desk's folder. prices: on which it traded; None: it was stopped before."""
    home = DeskHome(folder=folder)
    home.make()
    broker = FakeBroker()
    started = session_started(broker, data=data)
    books = open_books(home.journal, started, 5, (), lambda: (0, 1.0))
    if prices is not None:
        books.record(
            TradingOpened(
                time=0,
                broker=data,
                last_transaction=0,
                versions=(),
                history_time=np.zeros(0, dtype=np.int64),
                history_values=np.zeros((0, 6, len(started.symbols))),
                prices=prices,
            )
        )
    books.close()
    return home


TICKS_AT_60 = ticks_on_record("/data/fx ticks", "Europe/Athens") + ", at 60 times real time"


@pytest.mark.parametrize(
    ("began", "prices", "chosen", "said"),
    [
        (
            TICKS_AT_60,
            PriceKind.RECORDED,
            PriceKind.SYNTHETIC,
            r"on recorded ticks of /data/fx ticks, by the clock .*, not on other prices: .*"
            r"`quorum trade --resume --home [^ ]+ --feed ticks --data '/data/fx ticks' "
            r"--clock Europe/Athens`",
        ),
        ("made-up prices, seed 7", PriceKind.SYNTHETIC, PriceKind.RECORDED, "on made-up prices"),
    ],
)
def test_a_desk_does_not_go_on_on_prices_of_another_kind(
    tmp_path: Path, began: str, prices: str, chosen: PriceKind, said: str
) -> None:
    home = begun(tmp_path, began, prices)
    with pytest.raises(ConfigError, match=said):
        refuse_other_prices(home, chosen, "other prices")


@pytest.mark.parametrize("paced", ["", ", at 1e-05 times real time"])
@pytest.mark.parametrize(("clock", "flag"), [(None, ""), ("+02:00", " --clock +02:00")])
def test_the_command_to_resume_names_recorded_prices(
    tmp_path: Path, paced: str, clock: str | None, flag: str
) -> None:
    home = begun(tmp_path, ticks_on_record("/data/ticks", clock) + paced)
    assert command_to_resume(home).endswith(f"{home.folder} --feed ticks --data /data/ticks{flag}")


def test_on_prices_of_its_own_kind_a_desk_goes_on(tmp_path: Path) -> None:
    refuse_other_prices(begun(tmp_path / "a", TICKS_AT_60, "recorded"), PriceKind.RECORDED, "x")
    refuse_other_prices(begun(tmp_path / "b", "prices", ""), PriceKind.RECORDED, "nobody noted it")
    refuse_other_prices(begun(tmp_path / "c", "prices"), PriceKind.RECORDED, "it has none yet")
    refuse_other_prices(DeskHome(folder=tmp_path / "new"), PriceKind.RECORDED, "there is no desk")


def test_a_token_lies_in_the_desks_home_for_its_owner_alone_until_it_is_forgotten(
    tmp_path: Path,
) -> None:
    home = DeskHome(folder=tmp_path)
    home.broker_token.write_text("older, and open to all")
    home.broker_token.chmod(0o644)
    path = home.keep_token("secret-token")
    assert path.read_text() == "secret-token"
    assert path.stat().st_mode & 0o777 == 0o600
    home.forget_token()
    home.forget_token()
    assert list(tmp_path.iterdir()) == []


def test_where_an_account_is_and_what_it_may_is_no_part_of_a_runs_identity() -> None:
    plain = configuration_json(Settings())
    assert configuration_json(real().settings.model_copy(update=_desk())) == plain
    assert ACCOUNT not in json.dumps(json.loads(plain))


def _desk() -> dict[str, Any]:
    default = Settings()
    return {
        name: getattr(default, name)
        for name in Settings.model_fields
        if name not in ("oanda", "live")
    }
