"""Figures and tables of kappa_c, operators and gains, from results that were written down here."""

from __future__ import annotations

import csv
import json

from jetchain.core.io.tables import write_result
from jetchain.core.resources import RESOURCES
from jetchain.core.schema.applications import (
    CharmLimit,
    CharmSearch,
    CharmYields,
    Gains,
    Interval,
    MethodGain,
    Minimum,
    OperatorScans,
    Scan,
)
from jetchain.reporting import applications

BOUNDED = Scan(
    name="kappa_c", unit="", values=[0.0, 1.0, 9.0], q=[0.4, 0.0, 9.0],
    minima=(Minimum(at=1.0, q=0.0),), intervals_95=(Interval(low=None, high=4.25),),
)  # fmt: skip
OPEN = BOUNDED.model_copy(
    update={"q": [0.1, None, 1.0], "intervals_95": (Interval(low=None, high=None),)}
)


def limit(scan: Scan, unbounded: bool, mu: float | None = 9.0, **more) -> CharmLimit:
    band = (None,) * 5 if mu is None else (0.5 * mu, 0.7 * mu, mu, 1.4 * mu, 2.0 * mu)
    return CharmLimit(
        luminosity=140.0, template_statistics=unbounded, expected_mu=band, kappa=scan,
        unbounded=unbounded, q_saturated=1.0 if unbounded else 20.0, from_mu=3.3, **more,
    )  # fmt: skip


SEARCH = CharmSearch(
    tagger="pfn", level=0.05, rates={"Hcc": 0.02, "quark": 600.0}, edges=[50.0, 105.0, 145.0],
    luminosity=140.0,
    yields=(
        CharmYields(category="cc_40", jet_class="Hcc", jets=160, events=[0.0, 1.5]),
        CharmYields(category="cc_40", jet_class="quark", jets=2, events=[75.0, 170.0]),
    ),
    limits=(limit(BOUNDED, False), limit(OPEN, True), limit(OPEN, True, None, reason="no fit")),
)  # fmt: skip


def drawn(folder, verb, name: str, result, **more) -> str:
    """The numbers of a figure."""
    write_result(folder / "result.json", result)
    files = {kind: folder / f"figure.{kind}" for kind in ("pdf", "png", "json")}
    verb(
        **{name: folder / "result.json"}, **more, pdf=files["pdf"], png=files["png"],
        data=files["json"],
    )  # fmt: skip
    assert all(path.stat().st_size for path in files.values())
    return json.dumps(json.loads(files["json"].read_text()))


def rows_of(folder, verb, name: str, result, **more) -> list[dict[str, str]]:
    write_result(folder / "result.json", result)
    verb(**{name: folder / "result.json"}, **more, table=folder / "table.csv")
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


CHARM = RESOURCES / "published" / "charm.json"


def test_kappa_stands_beside_the_published_numbers(tmp_path) -> None:
    numbers = drawn(tmp_path, applications.charm_limits, "search", SEARCH, published=CHARM)
    assert "CMS, VH(cc), 138/fb, observed" in numbers
    assert "140/fb, simulation infinite" in numbers
    rows = rows_of(tmp_path, applications.charm_table, "search", SEARCH, published=CHARM)
    assert rows[0]["expected_kappa_c"] == "[0, 4.25]"
    assert rows[1]["expected_kappa_c"] == "unbounded: mu saturates"
    assert (rows[2]["expected_mu"], rows[2]["source"]) == ("", "no fit")
    assert "simulation" in rows[0]["result"]
    assert rows[-1]["expected_mu"] == "7.6"
    assert "2205.05550" in rows[-1]["source"]


def test_yields_say_how_many_jets_are_behind_them(tmp_path) -> None:
    numbers = drawn(tmp_path, applications.charm_yields, "search", SEARCH)
    assert "quark (2)" in numbers
    assert "171.5" in numbers  # stacked


TWO = Scan(
    name="O1_tt", unit="TeV^-2", values=[-3.0, 0.0, 3.0], q=[0.0, 5.0, None],
    minima=(Minimum(at=-2.0, q=0.0), Minimum(at=1.5, q=0.2)),
    intervals_68=(Interval(low=-2.5, high=-1.5), Interval(low=1.0, high=2.0)),
    intervals_95=(Interval(low=None, high=2.6),),
)  # fmt: skip
NOTHING = TWO.model_copy(
    update={
        "name": "mine", "unit": "", "q": [None] * 3, "minima": (), "intervals_68": (),
        "intervals_95": (), "reason": "channel 'SR' expects -3 events",
    }
)  # fmt: skip


def test_operators_have_two_minima_open_ends_and_published_intervals(tmp_path) -> None:
    found = OperatorScans(method="toy", scans=(TWO, NOTHING))
    numbers = drawn(tmp_path, applications.operators, "scans", found)
    for text in ("minimum at -2", "minimum at 1.5", "[scan, 2.6]", "TeV"):
        assert text in numbers
    tops = RESOURCES / "published" / "four_tops.json"
    first, second = rows_of(tmp_path, applications.operators_table, "scans", found, published=tops)
    assert first["interval_68"] == "[-2.5, -1.5]; [1, 2]"
    assert first["published_observed_95"] == "[-1.7, 1.9]"
    assert (second["published_observed_95"], second["reason"]) == ("", NOTHING.reason)


def test_gains_have_bands_and_trainings_where_there_are_any(tmp_path) -> None:
    band = (5.0, 7.0, 10.0, 14.0, 20.0)
    found = Gains(level=0.05, methods=(
        MethodGain(method="a", luminosity=[1.0, 4.0], expected_fb=[band, band], trainings=3,
                   mean_fb=(9.0, None), spread_fb=(0.5, None)),
        MethodGain(method="b", luminosity=[1.0, 4.0], expected_fb=[band, (None,) * 5]),
        MethodGain(method="c", luminosity=[1.0, 4.0], expected_fb=[(None,) * 5] * 2, reason="no"),
    ))  # fmt: skip
    numbers = drawn(tmp_path, applications.gain, "gains", found, labels={"a": "A", "b": "B"})
    assert "A, 3 trainings" in numbers
    assert "B, 1 sigma" in numbers
