"""Comparing, renewing, measuring with seeds, the page: on made-up quantities."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_json
from jetchain.plumbing.provenance.manifest import MANIFEST
from jetchain.regression import collect as collecting
from jetchain.regression.__main__ import main
from jetchain.regression.collect import missing_by_chance
from jetchain.regression.compare import (
    ABSENT,
    COMPATIBLE,
    IDENTICAL,
    MOVED,
    as_text,
    compare,
)
from jetchain.regression.page import write_page
from jetchain.regression.quantities import Exact, Histogram, Number
from jetchain.regression.references import (
    Reference,
    read_references,
    renewed,
    write_references,
)
from jetchain.regression.seeds import require_alike
from jetchain.regression.spread import measure
from jetchain.regression.statistics import Tolerance

EDGES = np.linspace(0, 4, 21)


def histogram(seed: int, entries: int = 1000, mean: float = 2.0) -> Histogram:
    values = np.random.default_rng(seed).normal(mean, 0.8, entries)
    counts = np.histogram(values, np.concatenate([[-np.inf], EDGES, [np.inf]]))[0].astype(float)
    return Histogram(counts, counts, EDGES, (), "mass <GeV>", "one entry an event")


def run(seed: int = 1, **changes):
    """The quantities of a made-up run."""
    random = np.random.default_rng([seed, 7])
    counts = random.poisson(80, 3).astype(float)
    made = {
        "firmware/differing outputs": Exact(0, "exact bit for bit"),
        "firmware/in time": Exact(True),
        "inference/CLs": Exact(0.05, tolerance=0.02),
        "jets/mass": histogram(seed),
        "jets/few": histogram(seed + 100, 40),
        "jets/labels": Histogram(counts, counts, categories=("quark", "gluon", "W & Z")),
        "detector/response": Number(random.normal(1.0, 0.01), 0.01, unit="GeV"),
        "tagging/AUC": Number(random.normal(0.7, 0.05), reason="a training", floor=0.1),
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def references(**tolerances):
    made = renewed(run(), {})
    made["tagging/AUC"] = replace(made["tagging/AUC"], tolerance=Tolerance(spread=0.05, seeds=20))
    return made


def statuses(report):
    return {each.name: each.status for each in report.verdicts}


def test_the_same_run_is_identical_after_a_way_through_the_files(tmp_path):
    write_references(references(), tmp_path)
    report = compare(read_references(tmp_path), run())
    assert set(statuses(report).values()) == {IDENTICAL}
    assert report.tests == 5
    assert "8 identical, 0 compatible, 0 moved" in as_text(report)


def test_another_seed_is_compatible():
    report = compare(references(), run(2))
    found = statuses(report)
    assert found["jets/mass"] == found["detector/response"] == COMPATIBLE
    assert found["firmware/in time"] == IDENTICAL
    assert MOVED not in found.values()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("firmware/differing outputs", Exact(1)),
        ("firmware/in time", Exact(False)),
        ("inference/CLs", Exact(0.0515)),
        ("jets/mass", histogram(2, mean=2.4)),
        ("jets/few", histogram(2, 40, mean=3.4)),
        ("detector/response", Number(1.1, 0.01)),
        ("tagging/AUC", Number(1.6)),
        ("tagging/AUC", Number(float("nan"))),
        ("jets/mass", Histogram(np.ones(4), np.ones(4), np.array([0.0, 1, 2]))),
        ("jets/mass", Number(3.0)),
        ("jets/mass", None),
        ("jets/new", Number(3.0)),
    ],
)
def test_what_moved_is_named_first_and_nothing_else(name, value):
    report = compare(references(), run(2, **{name: value}))
    assert [each.name for each in report.of(MOVED)] == [name]
    assert report.verdicts[0].name == name
    assert f"moved: {name}: " in as_text(report)


def test_a_tolerance_of_an_exact_number_is_kept():
    assert (
        statuses(compare(references(), run(1, **{"inference/CLs": Exact(0.0505)})))["inference/CLs"]
        == COMPATIBLE
    )


def test_missing_and_new_quantities_say_what_to_do():
    text = as_text(compare(references(), run(1, **{"jets/mass": None, "jets/new": Number(3.0)})))
    assert "moved: jets/mass: missing" in text
    assert re.search(r"moved: jets/new: new: .*`make references`", text)


def test_what_not_every_seed_has_may_come_and_go_but_not_all_of_it(monkeypatch):
    monkeypatch.setattr(collecting, "SOMETIMES", ("jets/[fm]*",))
    one = statuses(compare(references(), run(1, **{"jets/few": None})))
    assert one["jets/few"] == ABSENT
    both = compare(references(), run(1, **{"jets/few": None, "jets/mass": None}))
    assert sorted(each.name for each in both.of(MOVED)) == ["jets/few", "jets/mass"]


def test_exact_numbers_of_an_insensitive_method_are_never_missing_by_chance():
    names = ["inference/disco/observed limit", "inference/disco/confidence level"]
    assert missing_by_chance(names[0], [], names)
    assert not missing_by_chance(names[1], names, names)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: replace(h, values=0 * h.values, variances=0 * h.variances), "1000 -> 0 entries"),
        (lambda h: replace(h, values=4 * h.values, variances=4 * h.variances), "1000 -> 4000 ent"),
        (lambda h: replace(h, values=h.values / 4, variances=h.variances / 16), "1000 -> 250 ent"),
        (lambda h: replace(h, values=h.values * np.nan), "not finite"),
        (lambda h: replace(h, variances=h.variances + np.inf), "not finite"),
    ],
)
def test_a_histogram_that_lost_its_entries_or_its_norm_has_moved(change, words):
    """The tests of shapes see none of it."""
    found = run(1)
    found["jets/mass"] = change(found["jets/mass"])
    (moved,) = compare(references(), found).of(MOVED)
    assert moved.name == "jets/mass"
    assert words in moved.how


def test_a_change_of_entries_that_may_be_chance_is_none():
    half = Histogram(np.floor(histogram(1).values / 2), np.floor(histogram(1).values / 2), EDGES)
    assert statuses(compare(references(), run(1, **{"jets/mass": half})))["jets/mass"] != MOVED
    trained = {"particleflow/mlpf/purity": histogram(1)}
    expected = renewed(run(1, **trained), {})
    found = run(1, **{"particleflow/mlpf/purity": histogram(1, 100)})
    assert MOVED not in statuses(compare(expected, found)).values()


def test_what_was_empty_and_is_not_has_moved():
    empty = Histogram(np.zeros(22), np.zeros(22), EDGES)
    expected = renewed(run(1, **{"jets/empty": empty}), {})
    same = compare(expected, run(1, **{"jets/empty": empty}))
    assert statuses(same)["jets/empty"] == ABSENT
    assert same.tests == 5  # the empty one has no shape to test
    few = compare(expected, run(1, **{"jets/empty": histogram(3, 10)}))
    assert statuses(few)["jets/empty"] == ABSENT
    many = compare(expected, run(1, **{"jets/empty": histogram(3, 400)}))
    assert statuses(many)["jets/empty"] == MOVED


def test_worst_comes_first():
    changed = {"jets/mass": histogram(2, mean=2.4), "detector/response": Number(1.2, 0.01)}
    moved = compare(references(), run(2, **changed)).of(MOVED)
    assert [each.name for each in moved] == sorted(changed, key=lambda n: {
        each.name: each.severity for each in moved}[n])  # fmt: skip
    assert all(each.severity < 1 for each in moved)


def test_references_are_readable_and_sorted(tmp_path):
    write_references(references(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "firmware.json", "inference.json", "jets.json", "detector.json", "tagging.json"
    }  # fmt: skip
    text = (tmp_path / "jets.json").read_text()
    content = json.loads(text)
    assert list(content) == ["few", "labels", "mass"]
    assert [content[name]["test"] for name in content] == ["ks", "chi2", "chi2"]
    assert max(len(line) for line in text.splitlines()) < 200
    for block in content.values():
        assert block["reason"]
        assert set(block["tolerance"]) <= {"inflation", "freedom", "seeds", "noticed"}


def test_renewing_keeps_what_seeds_showed_and_takes_new_values(tmp_path):
    write_references(references(), tmp_path)
    new = run(2, **{"jets/mass": None, "jets/new": Number(3.0)})
    write_references(renewed(new, read_references(tmp_path)), tmp_path)
    found = read_references(tmp_path)
    assert "jets/mass" not in found
    assert found["jets/new"].tolerance == Tolerance()
    assert found["tagging/AUC"].tolerance.spread == 0.05
    assert set(statuses(compare(found, new)).values()) == {IDENTICAL}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[: len(text) // 2], "not a reference"),
        (lambda text: text.replace('"test": "chi2"', '"test": "chi3"'), "no test 'chi3'"),
        (lambda text: text.replace('"reason"', '"raeson"'), "'reason'"),
        (lambda text: text.replace('"inflation"', '"inflatoin"'), "tolerance of"),
        (lambda text: text.replace('"edges": [0, ', '"edges": ['), "values"),
    ],
)
def test_a_damaged_reference_is_named_with_the_remedy(tmp_path, damage, words):
    write_references(references(), tmp_path)
    path = tmp_path / "jets.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=rf"(?s)jets\.json.*{words}.*make references"):
        read_references(tmp_path)


def test_no_references_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no references"):
        read_references(tmp_path)


def test_seeds_measure_tolerances_and_are_judged_by_the_others():
    now = run()
    runs = {str(seed): run(seed) for seed in range(2, 9)}
    # One seed is off: its own spread must not excuse it.
    runs["9"] = run(9, **{"tagging/AUC": Number(3.0)})
    measured, rows = measure(renewed(now, {}), runs, now)
    assert [row["seed"] for row in rows] == [str(seed) for seed in range(2, 10)]
    assert [row["alarms"] for row in rows[:-1]] == [[]] * 7
    assert rows[-1]["alarms"] == ["tagging/AUC"]
    assert rows[-1]["smallest"]["name"] == "tagging/AUC"
    assert measured["tagging/AUC"].tolerance.seeds == 9
    assert measured["tagging/AUC"].tolerance.spread > 0.5
    assert measured["jets/mass"].tolerance.inflation == pytest.approx(1.0, abs=0.8)


def test_the_page_stands_alone_and_shows_the_worst_first(tmp_path):
    changed = {
        "jets/mass": histogram(2, mean=2.4), "detector/response": Number(1.2, 0.01),
        "firmware/in time": Exact(False),
    }  # fmt: skip
    report = compare(references(), run(2, **changed))
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for path in pages:
        write_page(path, report)
    text = pages[0].read_text()
    assert text == pages[1].read_text()
    captions = re.findall(r"<figcaption>\d+\. (.*?) \(moved\)", text)
    assert captions == [each.name for each in report.of(MOVED)]
    assert text.count("<svg") == 2
    assert "mass &lt;GeV&gt;" in text or "mass $" not in text
    assert not re.search(r'(src|href)="(?!#)', text)
    assert not re.search(r"<(script|link|img)\b", text)
    identities = re.findall(r'\bid="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', text)) <= set(identities)


def test_the_page_shows_everything_if_asked(tmp_path):
    write_page(tmp_path / "page.html", compare(references(), run(2)), everything=True)
    text = (tmp_path / "page.html").read_text()
    assert text.count("(compatible)") == 5
    assert "W &amp; Z" in text


def test_a_reference_says_how_it_is_tested():
    assert {each.test for each in references().values()} == {
        "exact", "chi2", "ks", "pull", "spread"
    }  # fmt: skip
    assert isinstance(references()["jets/mass"], Reference)


def test_measuring_with_seeds_refuses_a_run_that_moved(tmp_path, monkeypatch, capsys):
    write_references(references(), tmp_path / "references")
    monkeypatch.setattr("jetchain.regression.__main__.collect", lambda folder: run(1, **{
        "firmware/in time": Exact(False)}))  # fmt: skip
    before = (tmp_path / "references" / "firmware.json").read_text()
    words = ["--references", str(tmp_path / "references"), "spread", "--seeds", "2"]
    assert main(words) != 0
    told = capsys.readouterr().err
    assert "firmware/in time" in told
    assert "make references" in told
    assert (tmp_path / "references" / "firmware.json").read_text() == before


def manifest(folder, **changes):
    made = {
        "verb": "jets.cluster", "settings": {"radius": 0.8}, "code": {"jetchain.jets": "ab"},
        "libraries": {"numpy": "2"}, "resources": {}, "seed": 1, "sha256": "0",
    } | changes  # fmt: skip
    write_json(folder / MANIFEST, {"artefacts": {"results/jets/histograms.json": made}})
    return folder


def test_seeds_of_older_code_are_refused(tmp_path):
    now = manifest(tmp_path / "now")
    other = manifest(tmp_path / "seeds" / "1", seed=7, sha256="1")
    require_alike(now, {"1": other})
    for changes in ({"code": {"jetchain.jets": "cd"}}, {"settings": {"radius": 1.0}}):
        manifest(tmp_path / "seeds" / "2", **changes)
        with pytest.raises(DataError, match=rf"(?s)seeds/2.*{next(iter(changes))}.*Remove"):
            require_alike(now, {"1": other, "2": tmp_path / "seeds" / "2"})
