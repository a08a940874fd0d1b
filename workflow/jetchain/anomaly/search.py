"""The two verbs of all methods: score the events, and before it draw a template where one is used.

Truth reaches references only: the rule gives it to no other method.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jetchain.anomaly.methods import METHODS, TREES_FILE
from jetchain.anomaly.searched import Dijets
from jetchain.anomaly.settings import SearchJob, TemplateJob
from jetchain.core.dijets import read_dijets, read_truth
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.io.tensors import write_tensors, write_weights
from jetchain.core.schema.anomaly import DIJETS, SCORES, TREES
from jetchain.core.schema.base import Result
from jetchain.core.verbs import Input, Inputs, Output, Outputs


def build(name: str, settings: dict[str, Any] | None) -> Any:
    """A method by its name, with its settings; see `anomaly.searched`.

    Raises:
        ConfigurationError: there is no such method, or the settings are not its own.
    """
    method = METHODS.load(name)
    return method() if settings is None else method(METHODS.decode(name, settings))


def search(
    *,
    data: Input,
    signal_test: Input,
    truth: Inputs,
    template: Inputs,
    background_test: Inputs,
    scores: Output,
    signal_scores: Output,
    background_scores: Outputs,
    extras: Outputs,
    method: str,
    settings: SearchJob,
    seed: int,
) -> None:
    """Train a method, and score all events.

    Args:
        data: DIJETS.
        signal_test: DIJETS of signal that is not in the data.
        truth: DIJET_TRUTH for a reference, none for a search.
        template: DIJETS that the method's first stage drew; none if it has no such stage.
        background_test: DIJETS of background that is not in the data; none where there is none.
        scores, signal_scores, background_scores: written, SCORES of data and of both others.
        extras: written, what else the method has, by file name.
        method: its name.
        settings: of the method, and the regions of the mass.
        seed: of all that it draws.
    """
    tables = [read_dijets(path) for path in (data, signal_test, *background_test)]
    beside = tables[2] if background_test else None
    more: dict[str, Any] = {}
    for path in truth:
        more["truth"] = read_truth(path, tables[0])
    for path in template:
        more["template"] = read_dijets(path)
    found = build(method, settings.method).search(
        Dijets(tables[0], tables[1], settings.signal_region, settings.mass_range, beside),
        seed=seed,
        **more,
    )
    outputs = (scores, signal_scores, *background_scores)
    scored = (found.scores, found.signal_scores, found.background_scores)
    for to, table, score in zip(outputs, tables, scored[: len(tables)], strict=True):
        assert score is not None  # a method scores all that it is given
        write_tensors(to, SCORES, {"event_id": table["event_id"], "score": score})
    for extra in extras:
        _write(extra, found.extras[extra.name])


def template(
    *,
    data: Input,
    template: Output,
    sideband_template: Output,
    weights: Output,
    history: Output,
    method: str,
    settings: TemplateJob,
    seed: int,
) -> None:
    """Draw a method's template of the background from the sidebands of the data."""
    drawn = build(method, {"template": settings.template}).draw(
        read_dijets(data), settings.signal_region, settings.mass_range, seed
    )
    write_tensors(template, DIJETS, drawn.template)
    write_tensors(sideband_template, DIJETS, drawn.sideband_template)
    write_weights(weights, drawn.weights)
    write_csv(history, drawn.history)


def _write(path: Path, value: Any) -> None:
    if path.suffix == ".csv":
        write_csv(path, value)
    elif isinstance(value, Result):
        write_result(path, value)
    elif path.name == TREES_FILE:
        write_tensors(path, TREES, value)
    elif isinstance(value, dict):
        write_tensors(path, SCORES, value)
    else:
        write_weights(path, value)
