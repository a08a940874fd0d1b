"""Summaries of detector events, by hand; and the bench."""

from pathlib import Path

import numpy as np
import pytest

from helpers.detected import FakeEvent, write_detected
from helpers.events import generated_events
from jetchain.core.histograms import load_histograms
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.schema.detector import DetectorAccount
from jetchain.core.schema.generate import GENERATED
from jetchain.detector import bench
from jetchain.detector.settings import BenchJobSettings, BenchSettings
from jetchain.detector.summarise import ENERGY_EDGES, add_accounts, summarise

RESOURCES = Path(__file__).parents[2] / "resources"


def account(events, energy):
    """An account of photons of an energy in GeV, and of nothing else."""
    return {name: {} for name in DetectorAccount.model_fields} | {
        "events": events, "energy": {"photon": {"true": energy}},
    }  # fmt: skip


@pytest.fixture
def summary(tmp_path):
    """Two shards: a pion of half its energy in a cluster and a cluster of noise; an empty event."""
    event = FakeEvent()
    pion = event.particle(211, pt=20.0, eta=0.0, phi=0.5)
    event.cluster(10_000.0, 0.0, 0.5, [0, 0.5, 0, 0.5, 0, 0], parent=pion)
    event.cluster(500.0, 1.0, -2.0, [0, 1, 0, 0, 0, 0])
    shards, accounts = [], []
    for number, events in enumerate(([event, FakeEvent()], [event])):
        shards.append(write_detected(tmp_path / f"{number}.root", events))
        accounts.append(tmp_path / f"{number}.json")
        write_json(accounts[-1], account(len(events), 1.5))
    histograms, found = tmp_path / "histograms.json", tmp_path / "summary.json"
    summarise(events=shards, accounts=accounts, histograms=histograms, summary=found)
    return read_json(found), load_histograms(histograms)


def test_shards_are_summed_up(summary):
    found, histograms = summary
    assert found["events"] == 3
    assert found["account"] == account(3, 3.0)
    assert found["noise_clusters_per_event"] == pytest.approx(2 / 3)
    assert histograms["cluster_energy"].sum(flow=True).value == 4
    assert histograms["tracks_per_event"].values()[0] == 3


def test_the_response_stands_in_the_bin_of_the_true_energy(summary):
    response = summary[0]["response"]
    place = np.searchsorted(ENERGY_EDGES, 20.0) - 1
    pions = response["charged_hadron"]
    assert pions["n"] == [2 if k == place else 0 for k in range(len(ENERGY_EDGES) - 1)]
    assert pions["sum"][place] == pytest.approx(2 * 0.5, rel=1e-3)
    assert pions["sum_of_squares"][place] == pytest.approx(2 * 0.25, rel=1e-3)
    assert not any(response["photon"]["n"])


def test_accounts_with_other_keys_are_added_key_by_key():
    assert add_accounts([{"a": 1, "b": {"c": 2.0}}, {"b": {"c": 1.0, "d": 5}}]) == {
        "a": 1, "b": {"c": 3.0, "d": 5}
    }  # fmt: skip


def test_the_bench_times_every_step_beside_pythia(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 2)
    write_events(
        tmp_path / "events.root", GENERATED, generated_events(22, np.full(8, 20.0), 0.3, 0.1)
    )
    bench.bench(
        card=RESOURCES / "processes" / "lhco_signal.cmnd", events=tmp_path / "events.root",
        geometry=RESOURCES / "geometry" / "cocoa.yaml", report=tmp_path / "bench.json",
        settings=BenchJobSettings(bench=BenchSettings(events=4)), seed=1,
    )  # fmt: skip
    found = read_json(tmp_path / "bench.json")
    steps = found["milliseconds_per_event"]
    assert {"selection", "transport", "showers", "clusters", "tracks", "writing"} < set(steps)
    assert found["events"] == 4
    whole = 1 / found["events_per_cpu_s"]
    assert 1e-3 * sum(steps.values()) == pytest.approx(whole)  # medians of two are means
    rounds = found["ratio_of_simulation_to_pythia_by_round"]
    assert found["ratio_of_simulation_to_pythia"] == pytest.approx(np.mean(rounds))
    assert 0 < found["ratio_of_simulation_to_pythia"] < found["ratio_of_cpu_time_to_pythia"]
