"""The harness of bench/peers, without any rival: ratios, tables, the page's markers, and what counts as failed."""

import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench/peers"))

import harness  # noqa: E402
import table  # noqa: E402


def rival(name, answer, seconds=3e-3, **options):
    return harness.Rival(name, lambda: lambda: harness.Measured(answer, seconds), **options)


def race(*rivals):
    own = harness.Measured([1.0, 2.0], 1e-3)
    case = harness.Case("a task", "double", lambda: own, list(rivals), tolerance=1e-6, rounds=3)
    return [{"title": "Tasks", "about": "About them.", "environment": "a machine", "cases": [harness.race(case, quick=True)]}]


def absent():
    raise ModuleNotFoundError("No module named 'absent'")


def test_a_rival_that_agrees_stands_in_the_table_with_its_ratio_and_its_difference():
    results = race(rival("slow", [1.0, 2.0 + 1e-7]))
    assert harness.failures(results) == []
    text = table.of_run(results)
    assert "| task | Starling | slow | largest difference |" in text
    assert "| a task, double | 1 ms | 3.00 x (3.00 - 3.00) | 5e-08 of 1e-06 |" in text


def test_a_rival_that_is_missing_is_told_with_its_reason_and_is_no_failure():
    results = race(rival("slow", [1.0, 2.0]), harness.Rival("absent", absent))
    assert harness.failures(results) == []
    assert "| none [1] |" in table.of_run(results)
    assert "[1] absent: not installed (No module named 'absent')" in table.of_run(results)


@pytest.mark.parametrize("answer", [[1.0, 2.1], [1.0, math.nan], [1.0, 2.0, 3.0]])
def test_an_answer_that_disagrees_is_a_failure_and_is_not_timed(answer):
    results = race(rival("wrong", answer))
    (failure,) = harness.failures(results)
    assert failure.startswith("Tasks, a task, double: wrong differs by ")
    assert "**disagrees by" in table.of_run(results) and " x (" not in table.of_run(results)


def test_a_rival_of_another_answer_is_held_against_the_one_that_it_names():
    assert harness.failures(race(rival("other", [5.0], expected=lambda: [5.0]))) == []


def test_starling_failing_is_a_failure():
    case = harness.Case("a task", "double", absent, [rival("fine", [1.0])], tolerance=1)
    results = [{"title": "Tasks", "about": "", "environment": "", "cases": [harness.race(case)]}]
    assert harness.failures(results) == ["Tasks, a task, double: Starling: ModuleNotFoundError: No module named 'absent'"]
    assert "**Starling: ModuleNotFoundError" in table.of_run(results)


def test_a_ratio_is_one_rounds_and_its_spread_is_that_over_the_rounds():
    own, theirs = iter([9, 1.0, 2.0, 4.0]), iter([9, 2.0, 8.0, 12.0])  # one call before the rounds
    case = harness.Case(
        "a task", "single", lambda: harness.Measured(0, next(own)),
        [harness.Rival("r", lambda: lambda: harness.Measured(0, next(theirs)))], 0, lambda a, b: abs(a - b), rounds=3,
    )
    found = harness.race(case, quick=True)
    assert found["rivals"][0]["ratio"] == [2.5, 3.0, 3.5] and found["seconds"] == [1.5, 2.0, 3.0]


def test_a_call_that_does_not_time_itself_is_timed_in_seconds():
    case = harness.Case("a task", "double", lambda: [sum(range(100_000))], [], 0, rounds=1)
    assert 1e-5 < harness.race(case, quick=True)["seconds"][1] < 1


def test_a_page_keeps_its_prose_and_takes_the_new_table():
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.replaced(page, "new\n") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    for damaged in ("no markers", page.replace(table.END, ""), page + table.BEGIN, f"{table.END} {table.BEGIN}"):
        with pytest.raises(ValueError, match="peers: begin"):
            table.replaced(damaged, "new")


def test_durations_have_three_digits_and_a_unit():
    assert [table.duration(s) for s in (12.34, 0.0256, 4.5e-5)] == ["12.3 s", "25.6 ms", "45 µs"]
