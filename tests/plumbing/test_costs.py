"""What a job takes, from a measured line of the table: straight lines in the events it reads."""

import math

import pytest

from jetchain.plumbing import costs
from jetchain.plumbing.costs import UNKNOWN, Cost, Costs, Counter, Events

LINE = Cost("simulate", 12.0, 600.0, 50.0, "", 1000.0, 500.0, 0.0, 2.0, 400.0, 0.0)
OUTPUT = "results/detector/top/0003.root"


def test_what_grows_with_events_begins_at_the_start():
    assert LINE.time(Events(1000, 500)) == 12.0
    assert LINE.time(Events(3000, 500)) == 2.0 + 3 * 10.0
    assert LINE.output(Events(500, 500)) == 25.0
    assert LINE.memory(Events(100_000, 1000)) == 800.0  # many shards, one at a time


def test_an_unknown_number_of_events_takes_what_was_measured():
    for line in (LINE, Cost("fit", 5.0, 100.0, 1.0, "", 0.0, 0.0, 0.0, 5.0, 100.0, 1.0)):
        for events in (UNKNOWN, Events(None, None)):
            assert (line.time(events), line.memory(events)) == (line.seconds, line.max_rss_mb)


def test_a_training_takes_longer_with_its_epochs():
    line = Cost("train", 12.0, 600.0, 1.0, "", 100.0, 100.0, 20.0, 2.0, 0.0, 0.0)
    assert line.time(Events(100, 100), repeats=60.0) == 2.0 + 3 * 10.0
    assert line.time(Events(100, 100)) == 12.0


@pytest.mark.parametrize(
    ("settings", "number"),
    [
        ({"fit": {"epochs": 7}}, 7.0),
        ({"training": {"epochs": 6}, "pruning": {"epochs": 4}}, 10.0),
        ({"template": {"epochs": 9}, "boosting": {"trainings": 5, "members": 2}}, 10.0),
        ({"limits": {"toys": 400}}, 400.0),
        ({"level": 0.05}, 0.0),
        (None, 0.0),
    ],
)
def test_repeats_of_a_jobs_work(settings, number):
    assert costs.repeats(settings) == number


def test_the_most_events_of_a_shard():
    assert costs.most_events({"training": {"max_events": 350, "fit": {}}}) == 350
    assert costs.most_events({"max_jets": 5}) is None


def test_a_sample_has_its_own_line_and_else_its_rules():
    gun = Cost("simulate", 3.0, 300.0, 1.0, "gun", *[0.0] * 6)
    found = Costs([gun, LINE])
    assert found.find("simulate", "gun") is gun
    assert found.find("simulate", "mine") is LINE
    greedy = found.find("never measured")
    assert (greedy.seconds, greedy.max_rss_mb) == (12.0, 600.0)


def test_events_of_a_job():
    parents = {
        "results/anomaly/data.safetensors": [
            "results/jets/parametric/lhco/0000.root",
            "results/jets/parametric/lhco/0001.root",
            "results/jets/parametric/mine/0000.root",
        ],
        "results/anomaly/scores.safetensors": ["results/anomaly/data.safetensors"],
    }
    counter = Counter({"top": 90, "lhco": 800}, lambda path: parents.get(path, []))
    calibration = "results/particleflow/calibration.json"
    assert counter.of_job(OUTPUT, ["results/generate/pool/0000.root"]) == Events(90, 90)
    graphs = [f"results/{room}/top/000{shard}.root" for room in ("jets/a", "b") for shard in (0, 1)]
    assert counter.of_job(calibration, graphs) == Events(180, 90)  # each shard once
    assert counter.of_job(calibration, graphs, most=60) == Events(120, 60)
    assert counter.of_file("results/anomaly/scores.safetensors") == Events(1600, 800)
    assert counter.of_job("results/generate/mine/0000.root", []) == UNKNOWN
    assert counter.of_job("results/detector/noise.json", []) == UNKNOWN


def test_a_table_is_read_as_it_was_written(tmp_path):
    costs.write(tmp_path / "costs.csv", [LINE])
    assert costs.read(tmp_path / "costs.csv").find("simulate") == LINE


def test_every_line_of_the_shipped_table_is_sound():
    table = costs.read()
    for rule in table.rules():
        line = table.find(rule)
        assert 0 <= line.start_seconds <= line.seconds < math.inf
        assert 20 < line.max_rss_mb < 4000, "README's 4 GB"
        assert line.start_rss_mb <= line.max_rss_mb
