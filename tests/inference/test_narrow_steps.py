"""A background of Bernstein samples, with a shape of the signal that moves, is fitted at every mu.

`search_of_few_events.json` is what a search by CWoLa handed to the statistics in a run of the
default configuration: 284 events in 37 bins, seven norms of which some are zero. Where a norm that
goes to zero ends a step, -log L falls along 1e-4 of it only.
"""

from pathlib import Path

import numpy as np

from jetchain.inference.fit import best_of, scaled_model
from jetchain.inference.settings import WorkspaceSettings
from jetchain.inference.toys import Data, derivatives, newton_step, profile
from jetchain.inference.workspace import build
from jetchain.inference.yields import read_yields

SEARCH = read_yields(Path(__file__).with_name("search_of_few_events.json"))
UNIT, MODEL = scaled_model(build(SEARCH, WorkspaceSettings()), SEARCH, "a search")


def test_no_strength_stays_above_its_minimum():
    mu = np.linspace(0.0, 3.0, 301)
    data = Data.observed(MODEL, SEARCH.observed).chosen(np.zeros(len(mu), int))
    value, _, nuisances = profile(MODEL, data, mu)
    _, _, gradient, hessian = derivatives(MODEL, data, mu, nuisances)
    _, promised = newton_step(MODEL, nuisances, gradient, hessian)
    assert promised.max() < 1e-6
    lowest = np.argmin(value)
    assert np.all(np.diff(value[: lowest + 1]) < 0)
    assert np.all(np.diff(value[lowest:]) > 0)


def test_the_strength_lies_where_the_profile_is_least():
    best = best_of(MODEL, SEARCH, UNIT)
    mu = best.mu + np.linspace(-0.1, 0.1, 41)
    data = Data.observed(MODEL, SEARCH.observed).chosen(np.zeros(len(mu), int))
    assert np.argmin(profile(MODEL, data, mu)[0]) == 20
