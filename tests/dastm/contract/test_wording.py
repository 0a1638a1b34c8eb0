"""Lists in lines for people."""

import pytest

from dastm.contract.documents import cut
from dastm.contract.wording import listed, one_line, reason_of


@pytest.mark.parametrize(
    ("n_items", "line"),
    [(0, ""), (1, "0"), (5, "0, 1, 2, 3, 4"), (6, "0, 1, 2, 3, 4 and 1 more"), (20, "0, 1, 2, 3, 4 and 15 more")],
)
def test_the_first_items_are_named_and_the_others_counted(n_items, line):
    assert listed(range(n_items)) == line


def test_a_line_that_counts_all_items_itself_leaves_the_others_uncounted():
    assert listed(["a", "b"], 2, rest=", ..") == "a, b"
    assert listed(["a", "b", "c"], 2, rest=", ..") == "a, b, .."


def test_what_breaks_a_line_or_steers_a_terminal_is_escaped_and_other_letters_stay():
    assert (
        one_line("a\nb\x1b[31m\u2028c\udcff.npy: Übung\u3000手 1")
        == "a\\nb\\x1b[31m\\u2028c\\udcff.npy: Übung\u3000手 1"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a\n b"), "a b"),
        (KeyError("frames"), "there is no 'frames'"),
        (EOFError(), "it ends too early"),
        (MemoryError(), "memory ran out"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (ValueError(), "no reason is given"),
    ],
)
def test_an_error_is_told_in_words_and_never_by_its_class(error, said):
    assert reason_of(error) == cut(error) == said
