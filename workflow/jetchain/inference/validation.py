"""Events of channels before and after a fit, also of those that the fit leaves out, to validate it.

A channel that validates takes the fitted parameters with their correlations; what it alone has
stays where it was before the fit, with its uncertainty.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.inference import ChannelYields
from jetchain.inference.fit import centres_of, load_model

Array = NDArray[np.floating]
PER_BIN = ("staterror", "shapesys")


def channels_of(model: Any, data: Array, result: Any) -> tuple[ChannelYields, ...]:
    """The events of all channels of a model, observed, before and after a fit.

    Args:
        model: pyhf's.
        data: counts, then auxiliary data.
        result: cabinetry's `FitResults`, with the model's parameters.
    """
    from cabinetry.fit.results_containers import FitResults
    from cabinetry.model_utils import prediction, prefit_uncertainties

    # cabinetry alone would take constrained parameters to be 0 or 1, whatever the auxiliary data.
    names, centres = model.config.par_names, np.array(centres_of(model))
    before = FitResults(centres, prefit_uncertainties(model), names, np.eye(len(names)), np.nan)
    shown = {
        when: prediction(model, fit_results=each)
        for when, each in {"before": before, "after": result}.items()
    }
    channels = []
    for index, name in enumerate(model.config.channels):
        values: dict[str, Any] = {"observed": data[model.config.channel_slices[name]].tolist()}
        for when, each in shown.items():
            values[when] = np.sum(each.model_yields[index], axis=0).tolist()
            values[f"{when}_error"] = list(each.total_stdev_model_bins[index][-1])
        channels.append(ChannelYields(name=name, **values))
    return tuple(channels)


def validated(
    spec: dict[str, Any], names: Sequence[str], result: Any, path: str
) -> list[ChannelYields]:
    """The channels that a fit left out, with their pulls after it.

    Args:
        spec: with all channels.
        names: of those that were left out.
        result: of the fit to the others.
        path: for messages.
    """
    from cabinetry.model_utils import match_fit_results

    model, data = load_model(apart(spec, names), path)
    found = channels_of(model, np.asarray(data, float), match_fit_results(model, result))
    return [
        each.model_copy(update={"pulls": pulls_of(each)}) for each in found if each.name in names
    ]


def apart(spec: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The workspace whose parameters of single bins are these channels' own, by their names.

    pyhf counts the bins of such a parameter through all channels that have it, so that those of
    the fit would have other places with more channels.
    """
    spec = copy.deepcopy(spec)
    own, others = (
        [each for each in spec["channels"] if (each["name"] in names) == left] for left in (1, 0)
    )
    shared = {
        modifier["name"]
        for channel in others
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
        if modifier["type"] in PER_BIN
    }
    for channel in own:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["name"] in shared:
                    modifier["name"] = f"{modifier['name']}_of_{channel['name']}"
    return spec


def pulls_of(channel: ChannelYields) -> tuple[float | None, ...]:
    """(bins,) observed less expected events after the fit over the error of both; null at zero.

    The error of the count is that of the expectation, the square root of it.
    """
    after, error = np.array(channel.after), np.array(channel.after_error)
    variance = np.maximum(after, 0.0) + error**2
    return tuple(
        float((seen - each) / np.sqrt(square)) if square > 0 else None
        for seen, each, square in zip(channel.observed, after, variance, strict=True)
    )
