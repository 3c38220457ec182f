"""The verdict on two pytest processes that ran side by side, and where the files of one lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.__main__ import NOTHING_TO_RUN, in_memory, verdict


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0, 0), 0),
        ((0, 1), 1),
        ((1, 0), 1),
        ((0, NOTHING_TO_RUN), 0),
        ((NOTHING_TO_RUN, 0), 0),
        ((NOTHING_TO_RUN, 1), 1),
        ((NOTHING_TO_RUN, NOTHING_TO_RUN), NOTHING_TO_RUN),
        ((0, -9), -9),
        ((2, 1), 2),
    ],
)
def test_a_run_passes_where_no_process_failed_and_one_had_tests(
    codes: tuple[int, int], expected: int
) -> None:
    assert verdict(codes) == expected


def test_temporary_files_lie_in_memory_until_the_run_ends(tmp_path: Path) -> None:
    with in_memory(tmp_path, room=1) as told:
        made = Path(told["TMPDIR"])
        assert made.parent == tmp_path
        assert made.is_dir()
    assert not made.exists()


def test_they_lie_where_they_always_do_where_memory_has_no_folder_or_no_room(
    tmp_path: Path,
) -> None:
    with in_memory(tmp_path / "absent", room=1) as told:
        assert told == {}
    with in_memory(tmp_path, room=2**62) as told:
        assert told == {}
