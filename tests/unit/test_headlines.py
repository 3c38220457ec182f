"""Headlines: read from files, scored by a word list."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agents.headlines.reader import read_headlines
from agents.headlines.tone import FinanceLexicon, base_forms
from agents.headlines.tones import load_tones
from market.bars import utc
from market.errors import DataError

needs_finvader = pytest.mark.skipif(
    importlib.util.find_spec("finvader") is None, reason="the package finvader is not installed"
)
HEADER = "time,currency,headline\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_is_read_sorted_and_in_utc(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "news.csv",
        'currency,headline,time,source\nusd,"Jobs, and more",2024-05-03T12:30:00Z,x\n'
        "EUR, Growth returns ,2024-05-03T14:00:00.000001+02:00,y\n",
    )
    first, second = read_headlines(path)
    assert (first.currency, first.text) == ("EUR", "Growth returns")
    assert utc(first.time) == datetime(2024, 5, 3, 12, 0, 0, 1, tzinfo=UTC)
    assert (second.currency, second.text) == ("USD", "Jobs, and more")
    assert second.time - first.time == (30 * 60 * 10**6 - 1) * 1000


def test_jsonl_and_csv_of_the_same_headlines_are_the_same_source(tmp_path: Path) -> None:
    rows = [
        ("2024-05-03T12:30:00Z", "USD", "payrolls disappoint"),
        ("2024-05-02T08:00:00+00:00", "EUR", "inflation falls"),
    ]
    table = written(tmp_path, "news.csv", HEADER + "".join(",".join(row) + "\n" for row in rows))
    names = ("time", "currency", "headline")
    lines = [json.dumps(dict(zip(names, row, strict=True))) + "\n\n" for row in reversed(rows)]
    stream = written(tmp_path, "news.jsonl", "".join(lines))
    assert read_headlines(table) == read_headlines(stream)
    lexicon = FinanceLexicon({"disappoint": -0.5})
    assert load_tones(table, lexicon).digest == load_tones(stream, lexicon).digest


def test_a_repeated_line_counts_once(tmp_path: Path) -> None:
    line = "2024-05-03T12:30:00Z,USD,payrolls disappoint\n"
    assert len(read_headlines(written(tmp_path, "news.csv", HEADER + line + line))) == 1


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.csv", HEADER, "no headlines found; expected fields time, currency, headline"),
        ("a.csv", "", "line 1: no column time, currency, headline; .* found nothing"),
        ("a.csv", "time,headline\n", "line 1: no column currency"),
        ("a.csv", HEADER + "2024-05-03T12:30:00Z,USD,x\n2024-05-03,EUR,y\n", "line 3: time .* no"),
        ("a.csv", HEADER + "yesterday,USD,x\n", "line 2: time must be ISO 8601 .* 'yesterday'"),
        ("a.csv", HEADER + "2024-05-03T12:30:00Z,U$,x\n", "line 2: currency must be a code"),
        ("a.csv", HEADER + "2024-05-03T12:30:00Z,USD\n", "line 2: headline must be a text"),
        ("a.csv", HEADER + "2024-05-03T12:30:00Z,USD, \n", "line 2: headline must be a text"),
        ("a.csv", HEADER + '2024-05-03T12:30:00Z,USD,"x" y"\n', "line 2: not a CSV row"),
        ("a.jsonl", "\n{\n", "line 2: not a JSON object"),
        ("a.jsonl", "[1]\n", r"line 1: expected a JSON object, found '\[1\]'"),
        ("a.jsonl", '{"time": 1, "currency": "USD", "headline": "x"}\n', "line 1: time must be a"),
        ("a.txt", "", "headlines are read from .csv or .jsonl, found '.txt'"),
    ],
)
def test_bad_rows_are_refused_with_file_and_line(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(DataError, match=complaint) as refusal:
        read_headlines(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: headlines cannot be read"):
        read_headlines(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"time,currency,headline\n\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary\.csv: headlines cannot be read as UTF-8"):
        read_headlines(tmp_path / "binary.csv")


def test_the_tone_is_the_squashed_sum_of_the_valences() -> None:
    lexicon = FinanceLexicon({"strong": 0.5, "growth": 0.25, "crisis": -1.0})
    assert lexicon.tone("Strong GROWTH!") == pytest.approx(0.75 / np.sqrt(1.0 + 0.75**2))
    assert lexicon.tone("a crisis") == pytest.approx(-1.0 / np.sqrt(2.0))
    assert lexicon.tone("nothing of note") == lexicon.tone("") == 0.0
    assert repr(lexicon) == "FinanceLexicon(3 words)"


def test_a_negation_shortly_before_turns_a_word_over() -> None:
    lexicon = FinanceLexicon({"growth": 1.0})
    assert lexicon.tone("no sign of growth") < 0.0
    assert lexicon.tone("It isn\u2019t growth") < 0.0
    assert lexicon.tone("not now but in a year growth") > 0.0
    assert abs(lexicon.tone("no growth")) < lexicon.tone("growth")


def test_inflected_words_are_found_by_their_base_forms() -> None:
    for word, base in (
        ("rallies", "rally"), ("rises", "rise"), ("cuts", "cut"), ("losses", "loss"),
        ("hiked", "hike"), ("slumped", "slump"), ("cutting", "cut"), ("easing", "ease"),
        ("worried", "worry"),
    ):  # fmt: skip
        assert base in base_forms(word)
    assert list(base_forms("gas")) == ["gas"]


def test_word_lists_differ_by_their_digest() -> None:
    assert FinanceLexicon({"a": 1.0}).digest != FinanceLexicon({"a": 0.5}).digest


@needs_finvader
def test_the_finance_word_list_tells_good_news_from_bad() -> None:
    lexicon = FinanceLexicon()
    good = ["Strong growth lifts the euro", "Jobs beat forecasts as economy improves",
            "Record surplus, optimism returns"]  # fmt: skip
    bad = ["Recession fears deepen as output slumps", "Default looms in worst crisis for years",
           "Weak exports disappoint, unemployment rises"]  # fmt: skip
    assert all(lexicon.tone(text) > 0.2 for text in good)
    assert all(lexicon.tone(text) < -0.2 for text in bad)
    assert all(-1.0 <= valence <= 1.0 for valence in lexicon._valences.values())


@needs_finvader
def test_the_word_list_is_read_without_importing_its_package() -> None:
    assert len(repr(FinanceLexicon())) > 0
    assert "finvader" not in sys.modules


@needs_finvader
def test_a_file_is_scored_by_the_finance_word_list_by_default(tmp_path: Path) -> None:
    path = written(tmp_path, "news.csv", HEADER + "2024-05-03T12:30:00Z,USD,deep crisis\n")
    tones = load_tones(str(path))
    times = tones.published["USD"] + np.array([0, 10**9], dtype=np.int64)
    fading = tones.at("USD", times, 2 * 10**9)
    assert fading.used.tolist() == [1.0, 1.0]
    assert fading.tone[0] < fading.tone[1] < 0.0
    assert tones.at("EUR", times, 2 * 10**9).used.tolist() == [0.0, 0.0]
