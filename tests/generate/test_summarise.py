"""Sums over the shards of a sample, and their figures."""

import numpy as np
import pytest

from jetchain.core.errors import DataError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_csv, read_json, read_result, write_result
from jetchain.core.luminosity import luminosity
from jetchain.core.schema.generate import GENERATED, Cutflow, SampleAccount, ShardAccount
from jetchain.generate.bench import bench
from jetchain.generate.sample import generate
from jetchain.generate.settings import BenchSettings, GenerationSettings, GunSettings, RateSettings
from jetchain.generate.summarise import combine, sum_spectra, summarise
from jetchain.reporting.generate import accounts, samples, spectra


def account(generated, kept, value, error):
    return ShardAccount(
        process="quark", shard=0, lowest_pthat=None, filter_efficiency=kept / generated,
        cutflow=Cutflow(
            tried=generated + 1, failed_in_generator=1, generated=generated,
            removed_by_filter=generated - kept, kept=kept,
        ),
        sum_of_weights_generated=generated, sum_of_weights_kept=kept,
        sum_of_squared_weights_kept=kept, cross_section_pb=value, cross_section_error_pb=error,
        cross_section_kept_pb=value * kept / generated,
    )  # fmt: skip


def test_shards_are_independent_estimates_of_one_cross_section():
    total = combine("quark", [account(100, 50, 10.0, 0.4), account(300, 250, 14.0, 0.4)])
    assert total.cutflow == Cutflow(
        tried=402, failed_in_generator=2, generated=400, removed_by_filter=100, kept=300
    )
    assert total.cross_section_pb == pytest.approx(13.0)
    assert total.cross_section_error_pb == pytest.approx(np.hypot(0.1, 0.3))
    assert total.filter_efficiency == 0.75
    assert total.cross_section_kept_pb == pytest.approx(9.75)


@pytest.mark.parametrize(
    ("other", "error", "known"),
    [(1.0, 0.0, False), (1.0, 0.1, False), (95.0, 0.0, True), (60.0, 8.0, True)],
)
def test_files_of_different_processes_have_no_common_cross_section(other, error, known):
    """Slices of 100 and 1 pb as one sample: the mean of 50.5 pb is that of neither, nor their sum.

    Where the errors allow it, or the generator's own shards are few events each, they are one.
    """
    both = [account(100, 100, 100.0, 0.1), account(100, 100, other, error)]
    both[1] = both[1].model_copy(update={"shard": 1})
    total = combine("x", both)
    assert (total.cross_section_pb is not None) == known
    if not known:
        assert "1 pb (0001) and 100 pb (0000)" in total.cross_section_unknown
        with pytest.raises(DataError, match="no process"):
            combine("x", both, RateSettings(luminosity=1.0))
        with pytest.raises(DataError, match=r"1 pb \(0001\) and 100 pb"):
            luminosity([each.model_dump() for each in both])
    ours = [each.model_copy(update={"lowest_pthat": 20.0}) for each in both]
    assert combine("x", ours).cross_section_pb == pytest.approx((100.0 + other) / 2)


@pytest.mark.parametrize("without", [[0], [1], [0, 1]])
def test_a_cross_section_that_some_shards_do_not_state_is_unknown_with_the_reason(without):
    both = [
        account(100, 100, 10.0, 0.4).model_copy(
            update={"shard": i} | dict.fromkeys(
                [n for n in ShardAccount.model_fields if n.startswith("cross_section")]
                if i in without else []
            )
        )
        for i in range(2)
    ]  # fmt: skip
    total = combine("x", both)
    assert total.cross_section_pb is total.cross_section_kept_pb is None
    assert total.cross_section_error_pb is None
    named = ", ".join(f"000{i}" for i in without)
    assert total.cross_section_unknown == f"{len(without)} of 2 shards state none: {named}"
    assert combine("x", [account(1, 1, 10.0, 0.4)]).cross_section_unknown is None


def test_a_shard_without_events_hides_no_cross_section():
    none = account(1, 1, 10.0, 0.4).model_copy(
        update={"cutflow": Cutflow(tried=0, failed_in_generator=0, generated=0, removed_by_filter=0,
                                   kept=0)}
        | dict.fromkeys(n for n in ShardAccount.model_fields if n.startswith("cross_section"))
    )  # fmt: skip
    total = combine("x", [none, account(100, 100, 10.0, 0.4)])
    assert (total.cross_section_pb, total.cross_section_error_pb) == (10.0, 0.4)


def test_weights_may_add_up_to_zero():
    zero = account(100, 100, 10.0, 0.4).model_copy(
        update={"sum_of_weights_generated": 0.0, "sum_of_weights_kept": 0.0}
    )
    total = combine("x", [zero])
    assert (total.filter_efficiency, total.cross_section_kept_pb) == (1.0, 10.0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Two shards of a gun sample: events, accounts."""
    folder = tmp_path_factory.mktemp("gun")
    chosen = GenerationSettings(process="gun", events=50, gun=GunSettings(particles=3))
    events, summaries = [], []
    for shard in range(2):
        data, written = generate(chosen, shard, shard + 1)
        events.append(folder / f"{shard}.root")
        summaries.append(folder / f"{shard}.json")
        write_events(events[-1], GENERATED, data)
        write_result(summaries[-1], written)
    return events, summaries


def test_spectra_hold_every_event_of_every_shard(shards):
    histograms = sum_spectra(shards[0])
    assert set(histograms) == {"pthat", "parton_pt", "charged"}
    for histogram in histograms.values():
        assert histogram.values(flow=True).sum() == 100
    assert histograms["charged"].values()[0] == 100  # three charged pions an event


def test_figures_and_table_come_from_the_summaries_alone(shards, tmp_path):
    events, summaries = shards
    paths = {name: tmp_path / name for name in ("spectra.json", "summary.json", "table.csv")}
    summarise(
        events=events, summaries=summaries, spectra=paths["spectra.json"],
        summary=paths["summary.json"], sample="pions",
    )  # fmt: skip
    qcd = tmp_path / "qcd.json"
    write_result(qcd, combine("qcd", [account(100, 50, 10.0, 0.4)]))
    figure = {kind: tmp_path / f"a.{kind}" for kind in ("pdf", "png", "data")}
    spectra(spectra=[paths["spectra.json"]], summaries=[paths["summary.json"]], **figure)
    assert figure["png"].stat().st_size > 5000
    accounts(summaries=[paths["summary.json"], qcd], **figure)
    samples(summaries=[paths["summary.json"], qcd], table=paths["table.csv"])
    table = read_csv(paths["table.csv"])
    assert table["sample"].tolist() == ["pions", "qcd"]
    assert table["kept"].tolist() == [100, 50]
    assert table["cross_section_pb"].tolist() == ["", "10.0"]
    assert read_json(paths["summary.json"])["cutflow"]["tried"] == 100
    assert "luminosity_fb" not in table


def test_a_luminosity_normalises_spectra_and_table(shards, tmp_path):
    events, summaries = shards
    paths = {name: tmp_path / name for name in ("spectra", "summary")}

    def make(**rate):
        settings = RateSettings(**rate)
        summarise(events=events, summaries=summaries, sample="x", settings=settings, **paths)
        total = load_histograms(paths["spectra"])["pthat"].sum(flow=True)
        return total, read_result(paths["summary"], SampleAccount)

    total, found = make(luminosity=3.0, cross_section=500.0)
    assert total.value == pytest.approx(1500)
    assert total.variance == pytest.approx(1500**2 / 100)
    assert (found.cross_section_pb, found.cross_section_error_pb) == (0.5, 0.0)
    assert (found.luminosity_fb, found.expected_events) == (3.0, pytest.approx(1500))
    assert found.weight_to_luminosity == pytest.approx(15)
    samples(summaries=[paths["summary"]], table=tmp_path / "table.csv")
    assert read_csv(tmp_path / "table.csv")["expected_events"][0] == pytest.approx(1500)
    total, found = make(cross_section=500.0)
    assert (total.value, found.cross_section_pb, found.expected_events) == (100, 0.5, None)
    with pytest.raises(DataError, match=r"'x' .* to 3/fb, but its cross-section is unknown: 2 of"):
        make(luminosity=3.0)


def test_expected_are_the_events_behind_the_filter():
    rate = RateSettings(luminosity=2.0)
    total = combine("x", [account(100, 50, 10.0, 0.4), account(300, 250, 14.0, 0.4)], rate)
    assert total.expected_events == pytest.approx(2 * 1000 * total.cross_section_kept_pb)


def test_bench_reports_both_rates_and_their_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr("jetchain.generate.bench.ROUNDS", 1)
    bench(
        report=tmp_path / "bench.json", seed=1,
        settings=BenchSettings(processes=["lhco_signal"], events=20),
    )  # fmt: skip
    result = read_json(tmp_path / "bench.json")["processes"]["lhco_signal"]
    ratio = result["ours_events_per_cpu_s"] / result["bare_events_per_cpu_s"]
    assert result["ratio"] == pytest.approx(ratio)
