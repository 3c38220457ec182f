"""The command line of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measuring.arguments import arguments

PARTS = ("prices", "orders", "flood")


def test_everything_is_measured_where_no_part_is_named() -> None:
    assert arguments("About.", parts=PARTS, given=[]).parts == list(PARTS)


def test_parts_are_measured_in_the_order_of_the_benchmark() -> None:
    read = arguments("About.", parts=PARTS, given=["flood", "--short", "prices"])
    assert (read.parts, read.short) == (["prices", "flood"], True)


def test_a_seed_is_taken_from_the_command_line_or_is_the_benchmark_s_own() -> None:
    assert arguments("About.", seed=11, given=["--seed", "3"]).seed == 3
    assert arguments("About.", seed=11, given=[]).seed == 11


@pytest.mark.parametrize(
    "given", [["--shrot"], ["--sh"], ["flod"], ["--seed", "x"]], ids=lambda given: given[0]
)
def test_what_is_not_known_stops_the_benchmark_before_it_begins(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        arguments("About.", seed=1, parts=PARTS, given=given)
    assert stopped.value.code == 2
    assert given[-1] in capsys.readouterr().err


def test_a_folder_that_must_be_named_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what = "the folder of another checkout"
    assert arguments("About.", folder=what, given=[str(tmp_path)]).folder == tmp_path
    for given in ([], [str(tmp_path / "none")]):
        with pytest.raises(SystemExit) as stopped:
            arguments("About.", folder=what, given=given)
        assert stopped.value.code == 2
    assert "expected the folder of another checkout" in capsys.readouterr().err


def test_help_says_what_a_benchmark_measures(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        arguments("How fast.\n\nAnd more.", parts=PARTS, given=["--help"])
    told = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "How fast.\n\nAnd more." in told
    assert "prices, orders, flood" in told
