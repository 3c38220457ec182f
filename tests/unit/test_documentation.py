"""What the documents say is so: paths, names, defaults, examples."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import typer

from agents.ballot import Agent
from agents.guardian.codes import Limit
from agents.law import check_finite_window_law
from benchmarks.optimization.tables import TABLES
from coordinator.cli.app import app
from coordinator.configuration.document import as_toml
from coordinator.configuration.settings import Settings
from market import events, messages, verdicts
from market.order_life import TABLE, OrderNews, OrderStage
from tests.property.panels import panel, random_walk

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "quorum.example.toml"
DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")], key=lambda path: path.as_posix()
)
ROOMS = ("market", "agents", "coordinator", "infra")
FOLDERS = (*ROOMS, "tests", "docs", "notebooks", "benchmarks", ".ci")
PATHS = re.compile(rf"(?<![\w./~])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*[\w/]")
FILES = re.compile(r"^[\w.-]+\.(?:py|md|toml|yaml|sh|lock)$")
COMMANDS = re.compile(r"(?:^ *(?:\$ )?|`|bin/)quorum ([a-z][\w-]*)", flags=re.M)
WRITTEN_BY_USERS = {"my_agent.py", "my_agents.py", "quorum.toml"}
SVG = "{http://www.w3.org/2000/svg}"
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def prose(document: Path) -> str:
    """The text without blocks of code, whose paths may be a user's own."""
    text = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def quoted(document: Path) -> list[str]:
    """Everything that stands between backticks in the prose."""
    return re.findall(r"`([^`\n]+)`", prose(document))


def documented_limits() -> dict[str, tuple[str, str]]:
    """The table of limits: code to setting and default."""
    text = (PROJECT / "docs" / "RISK.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \|[^|]*\|([^|]*)\|([^|]*)\|$", text, flags=re.M)
    return {code: (setting.strip(" `"), default.strip()) for code, setting, default in rows}


def setting(name: str) -> object:
    """The default of `section.key`."""
    return reduce(getattr, name.split("."), Settings())


def picture(name: str) -> Iterator[tuple[str, str]]:
    """The texts of a picture with their class, in the order they are drawn."""
    for element in ElementTree.parse(PROJECT / "docs" / "pictures" / name).iter(f"{SVG}text"):
        yield element.get("class", ""), (element.text or "").strip()


def resolves(dotted: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    module, _, rest = dotted, "", ""
    while module:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}".strip(".")
            continue
        return not rest or hasattr(found, rest.split(".")[0])
    return False


@each_document
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_the_readme_leads_to_every_document() -> None:
    readme = (PROJECT / "README.md").read_text("utf-8")
    assert [path.name for path in DOCUMENTS if f"docs/{path.name}" not in readme
            and path.parent.name == "docs"] == []  # fmt: skip


@each_document
def test_every_command_that_is_named_exists(document: Path) -> None:
    known: Any = typer.main.get_command(app)
    named = set(COMMANDS.findall(document.read_text("utf-8")))
    assert "replay" in known.commands
    assert named - set(known.commands) == set()


@each_document
def test_every_path_that_is_named_exists(document: Path) -> None:
    named = set(PATHS.findall(document.read_text("utf-8")))
    named |= {span for span in quoted(document) if FILES.match(span)} - WRITTEN_BY_USERS
    absent = {path for path in named if not (PROJECT / path).exists()}
    assert absent == set()


@each_document
def test_every_dotted_name_can_be_imported(document: Path) -> None:
    dotted = {
        name
        for span in quoted(document)
        for name in re.findall(rf"^((?:{'|'.join(ROOMS)})(?:\.\w+)+)", span)
    }
    assert {name for name in dotted if not resolves(name)} == set()


@each_document
def test_every_setting_that_is_named_exists(document: Path) -> None:
    sections = "|".join(name for name in Settings.model_fields if name not in ROOMS)
    named = {s for s in quoted(document) if re.fullmatch(rf"(?:{sections})\.[a-z_]+", s)}
    named -= {"journal.sqlite"}  # a file
    known = {
        f"{section}.{key}"
        for section, value in Settings()
        for key in getattr(type(value), "model_fields", {})
    }
    assert named <= known


@each_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    named = set(re.findall(r"(?:`|^    )make ([a-z]+)", document.read_text("utf-8"), flags=re.M))
    assert named <= targets


@each_document
def test_every_benchmark_that_is_named_exists(document: Path) -> None:
    commands = re.findall(r"python -m benchmarks\.(\w+)([ \w-]*)", document.read_text("utf-8"))
    scripts = {path.stem for path in (PROJECT / "benchmarks").glob("*.py")}
    assert {script for script, _ in commands} <= scripts
    tables = {
        t for script, named in commands if script == "optimizer_tables" for t in named.split()
    }
    assert {table for table in tables if not table.startswith("-")} <= set(TABLES)


def test_the_document_of_the_optimizer_names_the_command_of_every_table() -> None:
    text = (PROJECT / "docs" / "QUANTUM.md").read_text("utf-8")
    assert [t for t in TABLES if f"python -m benchmarks.optimizer_tables {t}" not in text] == []


def test_the_example_configuration_is_current() -> None:
    shown = EXAMPLE.read_text("utf-8").rstrip("\n")
    assert shown == as_toml(Settings()).rstrip("\n"), (
        "write it again, in a folder without a quorum.toml: "
        "quorum config show > quorum.example.toml"
    )


def test_the_example_configuration_reads_as_the_defaults() -> None:
    assert Settings.model_validate(tomllib.loads(EXAMPLE.read_text("utf-8"))) == Settings()


def test_the_table_of_limits_has_every_code() -> None:
    assert set(documented_limits()) == {limit.name for limit in Limit if limit is not Limit.NONE}


def test_the_table_of_limits_states_the_defaults() -> None:
    stated = {name: default for name, default in documented_limits().values() if default}
    assert {name: float(default) for name, default in stated.items()} == {
        name: setting(name) for name in stated
    }


def test_the_picture_of_the_rooms_shows_parts_that_are_there() -> None:
    room, absent, shown = "", [], set()
    for kind, text in picture("rooms.svg"):
        if kind == "name":
            room = text
            shown.add(room.rstrip("/"))
        for part in text.split(" · ") if kind == "part" else ():
            path = PROJECT / room / part
            if not (path.is_dir() if part.endswith("/") else path.with_suffix(".py").is_file()):
                absent.append(f"{room}{part}")
    assert shown == set(ROOMS)
    assert absent == []


def test_the_picture_of_a_decision_shows_every_message_and_event_of_a_bar() -> None:
    texts = list(picture("decision.svg"))
    shown = {text for kind, text in texts if kind in ("name", "event", "mono does")}
    once_a_session = {
        "SessionStarted", "SessionEnded", "PrimeWith", "Rearm", "CloseJournal", "JournalClosed",
        "ResumeOptimizer", "OptimizerResumed",
    }  # fmt: skip
    spoken = {
        name for name, kind in vars(messages).items()
        if isinstance(kind, type) and kind.__module__ == messages.__name__
    }  # fmt: skip
    recorded = {kind.__name__ for kind in events.REPLAY_EVENT_TYPES}
    assert shown - {"journal.sqlite"} == (spoken | recorded) - once_a_session | {
        verdicts.RiskApproved.__name__,
        verdicts.RiskRefused.__name__,
    }


def test_the_agent_of_the_guide_votes_both_ways_and_keeps_the_law() -> None:
    guide = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    code = re.search(r"^```python\n(.*?)^```", guide, flags=re.M | re.S)
    assert code is not None
    namespace: dict[str, object] = {}
    exec(compile(code[1], "CONTRIBUTING.md", "exec"), namespace)
    kind = namespace["FadeTheBar"]
    assert isinstance(kind, type)
    agent = kind()
    assert isinstance(agent, Agent)
    close = random_walk(np.random.default_rng(11), 300, 7)
    close[100:104, 2] = np.nan
    bars = panel(close)
    score = agent.vote(bars).score
    assert (score < 0.0).any()
    assert (score > 0.0).any()
    assert check_finite_window_law(agent, bars, range(len(bars))) == []


def test_the_table_of_an_orders_life_is_the_codes() -> None:
    text = (PROJECT / "docs" / "ORDERS.md").read_text("utf-8")
    table = text.partition("## The table")[2].partition("\n## ")[0]
    rows = [
        [cell.strip(" *").replace(" ", "_") for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|") and not line.startswith("| ---")
    ]
    heard, stages = rows[0][1:], rows[1:]
    assert len(heard) == len(OrderNews)
    assert heard[:-1] == [news.value.replace(" ", "_") for news in OrderNews][:-1]
    told = {row[0]: [row[0] if cell == "·" else cell for cell in row[1:]] for row in stages}
    assert told == {
        stage.value: [TABLE[stage][news].value for news in OrderNews] for stage in OrderStage
    }
