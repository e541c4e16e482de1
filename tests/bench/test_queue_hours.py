"""What the long measurements conclude from what they saw."""

from __future__ import annotations

import pytest

from bench.queue_hours import KEYS, overlaps


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        pytest.param([(0, 0, 10), (KEYS, 10, 20)], 0, id="one after the other"),
        pytest.param([(0, 0, 10), (KEYS, 9, 20)], 1, id="the second began too early"),
        pytest.param([(KEYS, 9, 20), (0, 0, 10)], 1, id="in whatever order they were written"),
        pytest.param([(0, 0, 10), (1, 5, 15)], 0, id="two keys side by side"),
        pytest.param(
            [(0, 0, 30), (KEYS, 5, 9), (2 * KEYS, 10, 20)], 2, id="both beside a long one"
        ),
    ],
)
def test_handlers_of_a_key_beside_each_other(runs, found) -> None:
    assert overlaps(runs) == found
