"""Lists in lines for people."""

import pytest

from dastm.contract.wording import listed


@pytest.mark.parametrize(
    ("n_items", "line"),
    [(0, ""), (1, "0"), (5, "0, 1, 2, 3, 4"), (6, "0, 1, 2, 3, 4 and 1 more"), (20, "0, 1, 2, 3, 4 and 15 more")],
)
def test_the_first_items_are_named_and_the_others_counted(n_items, line):
    assert listed(range(n_items)) == line


def test_a_line_that_counts_all_items_itself_leaves_the_others_uncounted():
    assert listed(["a", "b"], 2, rest=", ..") == "a, b"
    assert listed(["a", "b", "c"], 2, rest=", ..") == "a, b, .."
