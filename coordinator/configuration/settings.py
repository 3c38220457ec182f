"""Every setting of the desk, its default and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from market.seats import MOST_WEIGHT

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
StressLoss = Annotated[float, Field(gt=0.0, le=0.5)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Weight = Annotated[float, Field(ge=0.0, le=MOST_WEIGHT)]
Count = Annotated[int, Field(ge=1)]

DEMO_PAIRS = (
    "EUR_USD", "GBP_USD", "AUD_USD", "NZD_USD", "USD_JPY", "USD_CHF", "USD_CAD", "USD_SEK",
    "USD_NOK",
)  # fmt: skip


class Section(BaseModel):
    """A table of the configuration; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DeskSettings(Section):
    """The account."""

    account_currency: str = Field("USD", description="profit and loss is kept in this currency")
    initial_balance: Positive = Field(100_000.0, description="cash at the start")
    seed: int = Field(7, ge=0, description="of every random choice; recorded")


class DataSettings(Section):
    """Where prices come from."""

    source: str = Field("ecb", description="'ecb', or a CSV or Parquet file or folder")
    instruments: tuple[str, ...] = Field(
        DEMO_PAIRS, min_length=1, description="traded instruments; others only convert"
    )
    start: str | None = Field(None, description="first day decided on, YYYY-MM-DD, UTC")
    end: str | None = Field(None, description="last day, inclusive, YYYY-MM-DD, UTC")
    clock: str | None = Field(
        None, description="clock of a file's times: UTC, a zone, +02:00; unset: as the file states"
    )
    stamps: Literal["start", "end"] = Field("start", description="which end of a bar times mark")
    bar: str = Field("1h", description="length of the bars that ticks are gathered into")
    panel: Literal["auto", "memory", "disk"] = Field(
        "auto", description="where prices are kept; auto: on disk above a quarter of free memory"
    )
    scratch: Path | None = Field(
        None, description="folder for prices on disk; unset: the system's temporary folder"
    )


class CommitteeSettings(Section):
    """Who votes, and when the votes decide."""

    agents: tuple[str, ...] = Field(
        ("momentum", "mean_reversion", "volatility", "sentiment"),
        min_length=1,
        description="names, or package.module:Class of your own",
    )
    weights: dict[str, Weight] = Field(
        {"momentum": 0.30, "mean_reversion": 0.25, "volatility": 0.20, "sentiment": 0.25},
        description="by agent; one that is not named weighs 0.25",
    )
    decision_threshold: float = Field(
        0.25, gt=0.0, le=1.0, description="net score at which the committee acts"
    )
    quorum: Fraction = Field(0.5, description="least weight that must have voted")
    shadows: tuple[str, ...] = Field(
        (),
        description="live: vote and are journaled, but weigh nothing until they are given weight",
    )
    allowed: tuple[str, ...] = Field(
        (), description="live: further agents that may join while the desk runs"
    )


class SizingSettings(Section):
    """From a decision to a size."""

    max_risk_per_trade: float = Field(
        0.02, gt=0.0, le=0.2, description="loss at the stop at full confidence, of equity"
    )
    stop_sigmas: Positive = Field(3.0, description="stop distance in bar standard deviations")
    tp_sl_ratio: Positive = Field(2.5, description="take-profit distance over stop distance")
    trailing_stop: Literal["off", "fraction", "sigmas"] = Field(
        "off", description="how a trailing stop's distance is measured"
    )
    trailing_stop_distance: Positive = Field(0.0035, description="for 'fraction': of price")
    trailing_stop_sigmas: Positive = Field(
        4.0, description="for 'sigmas': bar standard deviations, the choice for daily bars"
    )
    volatility_window: int = Field(128, ge=10, description="returns in the volatility of a bar")
    volatility_decay: float = Field(
        0.94, gt=0.0, lt=1.0, description="its weight of one bar over the next newer"
    )
    rebalance_band: NotNegative = Field(
        0.25, description="a held position is resized only when it is off by more"
    )
    method: Literal["fixed_fractional", "kelly"] = Field(
        "fixed_fractional",
        description="kelly stakes what votes have earned, and stays out without a proved edge",
    )
    kelly_fraction: float = Field(
        0.5, gt=0.0, le=1.0, description="part of the Kelly stake that is taken; 0.5: half-Kelly"
    )
    kelly_cap: float | None = Field(
        None,
        gt=0.0,
        le=0.2,
        description="largest loss at the stop under kelly, of equity, calibrated or not; unset: "
        "max_risk_per_trade",
    )
    volatility_target_annual: float | None = Field(
        None, gt=0.0, le=5.0, description="most volatility of a position alone, of equity"
    )
    calibration_horizon: int = Field(
        10, ge=1, le=1_000, description="bars after which a decision's outcome is judged"
    )
    calibration_window: int = Field(
        2_000, ge=20, le=50_000, description="bars of decisions that are learned from"
    )
    calibration_every: Count = Field(250, description="bars between two fits")
    calibration_min_outcomes: int = Field(
        200,
        ge=30,
        description="of an agent's decisions; fixed-fractional until then, nothing when lost again",
    )
    calibration_curve: Literal["platt", "isotonic"] = Field(
        "platt", description="from confidence to probability; isotonic needs thousands of outcomes"
    )


class OptimizerSettings(Section):
    """How risk is shared between instruments."""

    method: Literal["qaoa-xy", "qaoa-x", "vqe", "exact"] = Field(
        "qaoa-xy", description="qaoa-xy, qaoa-x, vqe, or exact: the classical answer alone"
    )
    layers: Count = Field(3, description="p of QAOA, repetitions of VQE's ansatz")
    cvar_alpha: float = Field(
        0.1, gt=0.0, le=1.0, description="fraction of the distribution trained on; 1: all of it"
    )
    trainer: Literal["gradient", "cobyla", "spsa"] = Field(
        "gradient", description="what turns a circuit's angles"
    )
    shots: Count = Field(1024, description="measurements of the trained state")
    backend: str = Field(
        "simulator", description="simulator, statevector, aer, ibm or ibm:<device>; runs circuits"
    )
    deadline_s: Positive = Field(
        60.0, description="live: seconds until the classical answer stands in; replay always waits"
    )
    max_qubits: int = Field(20, ge=1, le=24, description="larger selections become clusters")
    risk_aversion: Positive = Field(0.5, description="q in q·xᵀΣx − μᵀx")
    bits_per_asset: int = Field(
        1, ge=1, le=8, description="1 selects; k: weights in steps, 2ᵏ − 1 lots each, not qaoa-xy"
    )
    budget_share: float = Field(
        0.5, gt=0.0, le=1.0, description="part of instruments selected, or of all lots spent"
    )
    rebalance_every: Count | None = Field(
        None, description="bars between allocations; unset: 21 daily bars, or 900 s intraday"
    )
    allocation_lookback: int = Field(250, ge=20, description="bars of strategy returns")
    allocation_min_observations: int = Field(60, ge=10, description="returns an instrument needs")
    allocation_cap: Positive = Field(2.0, description="largest multiplier; 1 is neutral")
    allocation_max_age: Count | None = Field(
        None, description="bars an allocation holds unanswered; unset: three times rebalance_every"
    )


class StressSettings(Section):
    """Largest loss in each named shock, of equity. docs/RISK.md"""

    crash: StressLoss = Field(0.08, description="risky assets and currencies fall")
    volatility_spike: StressLoss = Field(0.06, description="deviations double")
    correlation_breakdown: StressLoss = Field(0.10, description="everything loses at once")
    liquidity_crisis: StressLoss = Field(0.12, description="spreads tenfold, five days out")
    currency_crisis: StressLoss = Field(0.05, description="the largest exposure moves 8 %")


class PaceSettings(Section):
    """How often orders may be approved and sent; what takes risk away has budgets of its own."""

    duplicate_s: float = Field(
        10.0, ge=1.0, le=3600.0, description="the same order again within so long is refused"
    )
    per_second: int = Field(10, ge=1, le=1000, description="new orders of the whole desk")
    per_minute: int = Field(100, ge=1, le=6000, description="new orders of the whole desk")
    max_fills: int = Field(
        20, ge=1, le=1000, description="fills of one agent's orders that disable them"
    )
    fills_s: float = Field(300.0, ge=1.0, le=86_400.0, description="within so long")
    collar_s: float = Field(
        60.0, ge=1.0, le=3600.0, description="the collar also holds from an order on for so long"
    )
    reductions_per_second: int = Field(
        1_000, ge=100, le=100_000, description="orders that only reduce; a flatten is never held"
    )
    reductions_per_minute: int = Field(
        10_000, ge=100, le=1_000_000, description="orders that only reduce"
    )
    cancels_per_second: int = Field(
        1_000, ge=100, le=100_000, description="cancels; those of a flatten are never held"
    )
    cancels_per_minute: int = Field(10_000, ge=100, le=1_000_000, description="cancels")


class GuardianSettings(Section):
    """Limits that no order passes. Fractions are of equity."""

    max_price_age: float = Field(
        0.0, ge=0.0, le=10.0, description="bars since an instrument's last price"
    )
    jump_sigmas: float = Field(
        10.0, gt=0.0, le=50.0, description="last move of a price, in bar standard deviations"
    )
    restricted: tuple[str, ...] = Field((), description="instruments in which nothing is opened")
    max_drawdown: float = Field(0.10, gt=0.0, le=0.5, description="fall from the peak that halts")
    flatten_drawdown: float | None = Field(
        None, gt=0.0, le=0.75, description="fall that closes all; unset: 1.5 times max_drawdown"
    )
    max_daily_loss: float = Field(0.02, gt=0.0, le=0.25, description="loss of a day that halts")
    max_order_value: float = Field(2.0, gt=0.0, le=100.0, description="notional of one order")
    max_order_units: float = Field(1e7, gt=0.0, le=1e12, description="units of one order")
    max_open_positions: int = Field(8, ge=1, le=100, description="instruments held at once")
    max_position: float = Field(0.9, gt=0.0, le=50.0, description="notional of one instrument")
    max_position_loss: float = Field(
        0.05, gt=0.0, le=1.0, description="its loss at two daily standard deviations"
    )
    max_asset_class: float = Field(
        0.75, gt=0.0, le=50.0, description="notionals of one class; off where only one is traded"
    )
    max_gross_leverage: float = Field(3.0, gt=0.0, le=50.0, description="sum of notionals")
    max_currency_exposure: float = Field(
        1.2, gt=0.0, le=50.0, description="net exposure of one currency"
    )
    max_portfolio_risk: float = Field(
        0.15, gt=0.0, le=1.0, description="sum of losses if every stop were hit"
    )
    correlation_threshold: float = Field(
        0.7, gt=0.0, lt=1.0, description="correlation with what is held that shrinks a size"
    )
    correlation_window: int = Field(60, ge=10, description="bars of returns it is measured on")
    margin_reserve: float = Field(0.10, ge=0.0, lt=1.0, description="kept free of margin")
    max_daily_var: float = Field(
        0.02, gt=0.0, le=0.25, description="value at risk of a day, 95 %, normal"
    )
    max_portfolio_var: float = Field(
        0.05, gt=0.0, le=0.25, description="value at risk of a day, 99 %, historical"
    )
    var_window: int = Field(250, ge=10, le=5000, description="bars of returns both look back on")
    price_collars: dict[Literal["fx", "metal", "equity", "crypto"], Fraction] = Field(
        {"fx": 0.005, "metal": 0.01, "equity": 0.03, "crypto": 0.05},
        description="largest move between decision and fill, of price, by class of assets",
    )
    price_collar_sigmas: float = Field(
        6.0, ge=0.0, le=20.0, description="on bars the collar is never tighter than so many sigmas"
    )
    rearm_after: Count = Field(
        21, description="bars after which the replay's supervisor re-arms a drawdown halt"
    )
    assess_every_s: Positive = Field(
        60.0, description="live: market time between assessments of the whole book, at least"
    )


class BreakerSettings(Section):
    """What stops new risk at the gateway, whoever else is dead. docs/BREAKERS.md"""

    volatility: float = Field(
        0.05, gt=0.0, le=0.25, description="realised over 5 min, of price, not annualised"
    )
    price_fall: float = Field(0.10, gt=0.0, le=0.5, description="within 1 min, of price")
    latency_s: float = Field(2.0, gt=0.0, le=30.0, description="of the broker's answer")
    failures: int = Field(3, ge=1, le=10, description="of broker or feed that nothing has settled")
    correlation: float = Field(
        0.7, gt=0.0, le=0.95, description="mean over pairs of three or more positions"
    )
    correlation_bars: int = Field(60, ge=10, le=1_000, description="returns it is measured on")
    silent_share: float = Field(
        0.25, gt=0.0, le=1.0, description="of the traded instruments, in open hours"
    )
    unknown_order_s: float = Field(
        30.0, gt=0.0, le=300.0, description="age of an order nobody knows the end of"
    )
    cool_down_s: float = Field(
        300.0, ge=60.0, le=86_400.0, description="below its limit before a breaker arms itself"
    )


class BrokerSettings(Section):
    """The paper broker."""

    slippage_bps: NotNegative = Field(0.5, description="beside the spread, of price")
    closeout_fraction: Fraction = Field(0.5, description="equity over margin that closes all")
    financing_rates: Path | None = Field(
        None, description="CSV of monthly 3-month rates; unset: financing is not modelled"
    )
    financing_fee_annual: NotNegative = Field(
        0.01, description="charged on notional beside the interest difference"
    )


class InstrumentSettings(Section):
    """An instrument as [instruments.XXX_YYY]: what is set here, over what is known of it.

    One that is not known starts as a currency pair with the pip of its quote currency.
    """

    asset_class: Literal["fx", "metal", "equity", "crypto"] | None = Field(
        None, description="its kind"
    )
    pip: Positive | None = Field(None, description="quoting unit of the spread")
    price_increment: Positive | None = Field(None, description="smallest step of the price")
    unit_increment: Positive | None = Field(None, description="smallest step of a size")
    typical_spread_pips: NotNegative | None = Field(
        None, description="where the data has no spread"
    )
    margin_rate: float | None = Field(
        None, gt=0.0, le=1.0, description="margin as a fraction of notional"
    )


class LiveSettings(Section):
    """Trading on the wall clock."""

    home: Path = Field(Path("desk"), description="folder of the desk: journal, keys, addresses")
    broker: Literal["paper", "oanda"] = Field(
        "paper", description="paper: an exchange of the desk's own; oanda: as [oanda] says"
    )
    feed: Literal["synthetic", "ticks"] = Field(
        "synthetic", description="of the paper exchange: made-up prices, or recorded ticks"
    )
    speed: float = Field(
        1.0, gt=0.0, le=100_000.0, description="of recorded and synthetic prices, over real time"
    )
    vote_deadline_ms: Positive = Field(100.0, description="an agent that is later abstains")
    guardian_deadline_ms: Positive = Field(
        500.0, description="a guardian that is later approves nothing"
    )
    broker_timeout_s: Positive = Field(2.0, description="without an answer an order is unknown")
    reconcile_every_s: Positive = Field(60.0, description="between comparisons with the broker")


class OandaSettings(Section):
    """An account at OANDA. docs/OANDA.md"""

    environment: Literal["practice", "live", "local"] = Field(
        "practice", description="live: real money; local: a server of `quorum v20-server`"
    )
    account: str | None = Field(
        None, description="such as 101-004-1234567-001; unset: of local 001-001-0000001-001"
    )
    token_file: Path | None = Field(
        None, description="token, readable by its owner only; or the variable QUORUM_OANDA_TOKEN"
    )
    url: str = Field("http://127.0.0.1:8020", description="of local: where the server listens")
    timeout_s: float = Field(5.0, ge=0.1, le=60.0, description="without an answer it is unknown")
    granted_by: Path | None = Field(
        None, description="live: home of the practice desk that earned a live stage"
    )


class StagingSettings(Section):
    """What a live desk must have shown to be given more capital; never less than the defaults."""

    min_days: int = Field(7, ge=7, description="UTC days with decisions on real prices")
    min_trades: int = Field(10, ge=10, description="closed round trips")
    min_win_rate: float = Field(0.45, ge=0.45, le=1.0, description="part of them that gained")
    min_sharpe_ratio: float = Field(0.5, ge=0.5, description="annualised, of bar returns")
    max_drawdown: float = Field(
        0.15, gt=0.0, le=0.15, description="worst fall at the stage; a live stage ends above it"
    )


class JournalSettings(Section):
    """How a live desk's journal is sealed and anchored. docs/JOURNAL.md"""

    key_file: Path | None = Field(
        None,
        description="key that seals every event, readable by its owner only; or QUORUM_JOURNAL_KEY",
    )
    anchors: str | None = Field(
        None,
        description="a file, or an http(s) address; unset: anchors.jsonl in the desk's home",
    )
    anchor_every_s: NotNegative = Field(60.0, description="at most so often, beside start and end")
    events_per_file: int = Field(
        5_000_000, ge=1_000, description="a longer journal goes on in journal.part1.sqlite"
    )


class RaySettings(Section):
    """The cluster."""

    namespace: str = Field("quorum", min_length=1, description="of the desk's actors")
    dashboard: bool = Field(False, description="start the dashboard with a local Ray")
    transport: Literal["auto", "unix", "tcp"] = Field(
        "auto", description="sockets between actors; auto: unix on one node, tcp across nodes"
    )


class RunSettings(Section):
    """Where results go."""

    out: Path = Field(Path("runs"), description="folder that gets one folder a run")


class Settings(Section):
    """The whole configuration."""

    desk: DeskSettings = DeskSettings()
    data: DataSettings = DataSettings()
    committee: CommitteeSettings = CommitteeSettings()
    agents: dict[str, dict[str, Any]] = Field(
        {}, description="parameters by agent: [agents.momentum]"
    )
    sizing: SizingSettings = SizingSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    guardian: GuardianSettings = GuardianSettings()
    stress: StressSettings = StressSettings()
    pace: PaceSettings = PaceSettings()
    breakers: BreakerSettings = BreakerSettings()
    broker: BrokerSettings = BrokerSettings()
    live: LiveSettings = LiveSettings()
    oanda: OandaSettings = OandaSettings()
    staging: StagingSettings = StagingSettings()
    journal: JournalSettings = JournalSettings()
    instruments: dict[str, InstrumentSettings] = Field(
        {}, description="further instruments: [instruments.XXX_YYY]"
    )
    ray: RaySettings = RaySettings()
    run: RunSettings = RunSettings()
