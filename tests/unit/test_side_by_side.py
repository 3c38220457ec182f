"""The verdict on two pytest processes that ran side by side."""

from __future__ import annotations

import pytest

from tests.__main__ import NOTHING_TO_RUN, verdict


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
