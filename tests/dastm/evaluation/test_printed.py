from dastm.evaluation.printed import COMPARE, table_lines, warnings


def measured(first: str, **differences: tuple[float, float]) -> dict:
    """What metrics.json has of a run, and of baselines with mean and interval of the difference to them."""
    return {
        "rows": {name: {} for name in (first, *differences)},
        "differences": {
            f"{first} - {name}": {"mean": mean, "interval": interval} for name, (mean, interval) in differences.items()
        },
    }


def test_a_run_worse_than_without_learning_is_told_in_plain_words():
    metrics = measured("DASTM", coordinates=(-3.25, 1.0), untrained=(-0.5, 1.0), path=(-6.0, 1.0))
    assert warnings(metrics) == [
        "DASTM is 3.25 points worse than the coordinates without any network; train longer, on more classes, or with"
        " another preset, and look at the curves in the report",
        "DASTM is 0.50 points worse than the network before any training (within the interval: it may be chance);"
        " train longer, on more classes, or with another preset, and look at the curves in the report",
        "DASTM is 6.00 points worse than the directions along the path without any network; train longer, on more"
        " classes, or with another preset, and look at the curves in the report",
    ]
    assert warnings(measured("DASTM", untrained=(0.0, 0.0)))[0].startswith("DASTM is as good as the network before")
    unknown = warnings({**metrics, "seen_classes": None})
    assert len(unknown) == 4
    assert "does not say" in unknown[0]


def test_a_run_that_beats_them_and_baselines_alone_are_told_nothing():
    assert warnings(measured("DASTM", coordinates=(2.0, 3.0), untrained=(0.1, 1.0))) == []
    assert warnings(measured("coordinates", untrained=(-9.0, 1.0))) == []
    assert warnings(measured("DASTM", other=(-9.0, 1.0))) == []


def test_a_run_without_a_baseline_beside_it_is_told_how_to_compare():
    settings = {"part": "test", "n_way": 5, "k_shot": 1, "n_query": 5, "episodes": 9, "seed": 0}
    line = {"mean": 50.0, "interval": 1.0}
    for others, told in (((), True), (("other",), True), (("untrained",), False), (("coordinates",), False)):
        metrics = {"dataset": "toy", "settings": settings, "differences": {}}
        lines = table_lines({**metrics, "rows": dict.fromkeys(("DASTM", *others), line)})
        assert any(COMPARE in one for one in lines) == told
    assert "--baseline coordinates --baseline path" in COMPARE
