"""Anti-kT jets of whole shards with FastJet, on truth and on reconstructed particles."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import read_event_chunks, require_same_events, write_event_chunks
from jetchain.core.io.tables import read_result
from jetchain.core.kinematics import delta_phi, invariant_mass, pt_eta_phi, rapidity
from jetchain.core.schema.generate import GENERATED, UNSEEN
from jetchain.core.schema.jets import (
    SHARES,
    JetCalibration,
    JetCalibrations,
    jet_collection,
    jets_table,
)
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED
from jetchain.core.substructure import substructure
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.jets.containers import Array, Integers, Jets, Particles, offsets, reordered
from jetchain.jets.label import label_jets
from jetchain.jets.pileup import soft_killer, without_density
from jetchain.jets.puppi import Tracks, hard_z, puppi
from jetchain.jets.response import calibrated_pt, calibrated_values
from jetchain.jets.settings import ClusteringSettings, ClusterJobSettings

MOMENTUM = ("px", "py", "pz", "e")
TRACK = ("charge", "d0", "z0")

EVENTS = 1000
"""That go through at a time: each time costs as much as the jets of some hundred."""

# Jets of this part of the smallest pT are found where the calibration may lift them above it.
MARGIN = 0.7


def cluster(
    *,
    truth: Input,
    particles: Input,
    calibration: Inputs,
    jets: Output,
    settings: ClusterJobSettings,
) -> None:
    """Cluster, measure and label the jets of one shard; every event is kept, in order.

    Events go through in chunks, so that memory does not grow with them.

    Args:
        truth: generated events.
        particles: the reconstructed particles of the same events.
        calibration: `JetCalibrations` of the radii; none for jets as they are reconstructed.
        jets: written, table `jets_table`.
        settings: of the clustering, and what the detector simulates.

    Raises:
        DataError: the calibration lacks one of the radii.
    """
    found: Counter[str] = Counter()
    known = {
        each.radius: each
        for path in calibration
        for each in read_result(path, JetCalibrations).radii
    }
    if calibration and (missing := sorted({*settings.radii} - known.keys())):
        raise DataError(
            f"{', '.join(map(str, calibration))}: no calibration of jets with R = "
            f"{', '.join(map(str, missing))}; it has {', '.join(map(str, sorted(known)))}.",
            REMAKE,
        )
    true = settings.truth_radii
    write_event_chunks(
        jets,
        jets_table(tuple(settings.radii), None if true is None else tuple(true)),
        _cluster_chunks(truth, particles, known, settings, found),
    )
    for name in (n for n in found if n.startswith(("ak", "truth"))):
        print(
            f"{name}: {found[name]} jets in {found['events']} events with "
            f"pT > {settings.pt_min:g} GeV and |eta| < {settings.eta_max:g}; "
            f"{found[f'outside {name}']} more outside",
            file=sys.stderr,
        )


def _cluster_chunks(
    truth: Input,
    particles: Input,
    calibrations: Mapping[float, JetCalibration],
    settings: ClusterJobSettings,
    found: Counter[str],
) -> Iterator[dict[str, Any]]:
    """The jets of some events at a time; counts them in `found`."""
    import awkward as ak

    true_radii = settings.radii if settings.truth_radii is None else settings.truth_radii
    columns = {"parton": ["pdgid", "px", "py", "pz", "mother"]}
    if true_radii:
        columns["particle"] = ["seen_as", *MOMENTUM]
    # Without pile-up there is nothing to weight against but what decays in flight.
    weighted = settings.pileup == "puppi" and settings.pileup_mean > 0
    if weighted:
        columns["particle"] = [*columns.get("particle", []), "z", "vertex"]
    chunks = zip_longest(
        read_event_chunks(truth, GENERATED, columns, EVENTS),
        read_event_chunks(
            particles,
            RECONSTRUCTED,
            {"pflow": [*MOMENTUM, "label", *(TRACK if weighted else ())]},
            EVENTS,
        ),
    )
    for generated, reconstructed in chunks:
        require_same_events(generated, reconstructed, f"{truth} and {particles}")
        inputs = {False: flatten(reconstructed["pflow"], str(particles))}
        if true_radii:
            seen = visible(generated, settings)
            inputs[True] = flatten(generated["particle"], str(truth), seen)
        if settings.pileup == "softkiller":
            inputs[False] = soft_killer(inputs[False], settings.eta_max)
        if weighted:
            charge, d0, z0 = (_flat(reconstructed["pflow"], name, np.float64) for name in TRACK)
            z0 -= np.repeat(hard_z(generated["particle"]), np.diff(inputs[False].offset))
            inputs[False] = puppi(
                inputs[False], Tracks(charge, d0, z0), settings.pileup_mean, settings.track_eta_max
            )
        label = labels_of(inputs[False], reconstructed["pflow"])
        partons = flatten_partons(generated["parton"])
        data: dict[str, Any] = {"event": reconstructed["event"]}
        found["events"] += len(data["event"])
        for radius in settings.radii:
            for is_truth, particles_in in inputs.items():
                if is_truth and radius not in true_radii:
                    continue
                calibration = None if is_truth else calibrations.get(radius)
                lowest = settings.pt_min * (MARGIN if calibration else 1.0)
                jets = find_jets(particles_in, radius, pt_min=lowest, eta_max=settings.eta_max)
                if not is_truth and settings.pileup == "area":
                    jets = without_density(jets, particles_in, radius, settings.eta_max)
                    pt, _, _ = pt_eta_phi(*jets.momentum[:, :3].T)
                    jets = reordered(jets, pt, lowest)
                if calibration:
                    jets = harder(jets, particles_in, label, calibration, settings.pt_min)
                name = jet_collection(radius, is_truth)
                data[name] = describe(jets, particles_in, partons, radius, settings)
                if not is_truth:
                    counts = np.diff(jets.offset)
                    data[name] |= {
                        share: ak.unflatten(values, counts)
                        for share, values in shares(jets, particles_in, label).items()
                    }
                    data[name] |= calibrated(data[name], calibration)
                found[name] += len(jets.momentum)
                found[f"outside {name}"] += jets.outside
        yield data


def visible(generated: Mapping[str, Any], settings: ClusterJobSettings) -> NDArray[np.bool_]:
    """Which generated particles (particles,) the truth jets are made of."""
    particle = generated["particle"]
    seen = _flat(particle, "seen_as", np.int64) != UNSEEN
    if settings.truth == "visible":
        pt, eta, _ = pt_eta_phi(*(_flat(particle, f"p{axis}", np.float64) for axis in "xyz"))
        seen &= (pt >= settings.particle_pt_min) & (np.abs(eta) <= settings.particle_eta_max)
    return seen


def find_jets(particles: Particles, radius: float, *, pt_min: float, eta_max: float) -> Jets:
    """Anti-kT jets with summed four-momenta (arXiv 0802.1189).

    Args:
        particles: of all events.
        radius: R.
        pt_min: smallest jet pT in GeV.
        eta_max: largest |eta| of the jet's axis.

    Returns:
        the jets.
    """
    import awkward as ak
    import fastjet

    events = len(particles.offset) - 1
    if len(particles.momentum) == 0:
        return Jets(
            np.zeros((0, 4)),
            np.zeros(events + 1, np.int64),
            np.zeros(0, np.int64),
            np.zeros(1, np.int64),
            0,
        )
    layout = ak.contents.ListOffsetArray(
        ak.index.Index64(particles.offset),
        ak.contents.RecordArray(
            [
                ak.contents.NumpyArray(np.ascontiguousarray(particles.momentum[:, axis]))
                for axis in range(4)
            ],
            ["px", "py", "pz", "E"],
        ),
    )
    sequence = fastjet.ClusterSequence(
        ak.Array(layout), fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    )
    indices = sequence.constituent_index(pt_min)  # (events, jets, constituents)
    jets_per_event = ak.to_numpy(ak.num(indices, axis=1)).astype(np.int64)
    sizes = ak.to_numpy(ak.flatten(ak.num(indices, axis=2), axis=None)).astype(np.int64)
    event = np.repeat(np.arange(events), jets_per_event)
    rows = ak.to_numpy(ak.flatten(indices, axis=None)).astype(np.int64)
    rows += np.repeat(particles.offset[event], sizes)
    return _order(particles, event, sizes, rows, events, eta_max)


def _order(
    particles: Particles,
    event: Integers,
    sizes: Integers,
    rows: Integers,
    events: int,
    eta_max: float,
) -> Jets:
    """Sum the constituents, cut on eta, and order jets and constituents in falling pT."""
    jet = np.repeat(np.arange(len(sizes)), sizes)
    constituents = particles.momentum[rows]
    momentum = np.stack(
        [np.bincount(jet, constituents[:, axis], minlength=len(sizes)) for axis in range(4)],
        axis=1,
        dtype=np.float64,
    )
    pt, eta, _ = pt_eta_phi(*momentum[:, :3].T)
    kept = np.abs(eta) < eta_max
    order = np.lexsort((-pt, event))
    order = order[kept[order]]
    position = np.full(len(sizes), -1)
    position[order] = np.arange(len(order))

    place = position[jet]
    constituent_pt = np.hypot(constituents[:, 0], constituents[:, 1])
    sequence = np.lexsort((rows, -constituent_pt, place))
    sequence = sequence[place[sequence] >= 0]
    return Jets(
        momentum=momentum[order],
        offset=offsets(np.bincount(event[order], minlength=events)),
        constituents=rows[sequence],
        constituent_offset=offsets(sizes[order]),
        outside=int(np.count_nonzero(~kept)),
    )


def labels_of(particles: Particles, collection: Any) -> Integers:
    """The class of each particle (particles,), from the collection that they were taken from."""
    import awkward as ak

    first = offsets(ak.to_numpy(ak.num(collection, axis=1)))[:-1]
    event = np.repeat(np.arange(len(first)), np.diff(particles.offset))
    return _flat(collection, "label", np.int64)[first[event] + particles.index]


def shares(jets: Jets, particles: Particles, label: Integers) -> dict[str, Array]:
    """The share of its constituents' pT that the particles of a class have, (jets,) each."""
    sizes = np.diff(jets.constituent_offset)
    jet = np.repeat(np.arange(len(sizes)), sizes)
    pt = np.hypot(*particles.momentum[jets.constituents, :2].T)
    total = np.bincount(jet, pt, minlength=len(sizes))
    kind = label[jets.constituents]
    return {
        name: np.bincount(
            jet, np.where(kind == PARTICLE_CLASSES.index(name), pt, 0.0), minlength=len(sizes)
        )
        / total
        for name in SHARES
    }


def harder(
    jets: Jets, particles: Particles, label: Integers, calibration: JetCalibration, pt_min: float
) -> Jets:
    """The jets above the threshold, and in falling order, in calibrated pT."""
    pt, eta, _ = pt_eta_phi(*jets.momentum[:, :3].T)
    known = calibrated_pt(calibration, pt, eta, shares(jets, particles, label))
    return reordered(jets, known, pt_min)


def describe(
    jets: Jets,
    particles: Particles,
    partons: tuple[Integers, Array, Array, Integers, Integers],
    radius: float,
    settings: ClusteringSettings,
) -> dict[str, Any]:
    """The columns of a jet collection, each (events, var) or, for constituents, one more axis."""
    import awkward as ak

    pt, eta, phi = pt_eta_phi(*jets.momentum[:, :3].T)
    groomed, tau = substructure(
        particles.momentum[jets.constituents],
        jets.constituent_offset,
        radius,
        settings.soft_drop_zcut,
        settings.soft_drop_beta,
    )
    flat = {
        "pt": pt,
        "eta": eta,
        "phi": phi,
        "m": invariant_mass(*jets.momentum.T),
        "msd": groomed[:, 0],
        "zg": groomed[:, 1],
        "rg": groomed[:, 2],
        "tau1": tau[:, 0],
        "tau2": tau[:, 1],
        "tau3": tau[:, 2],
        "reach": reach(jets, particles),
        "label": label_jets((eta, phi, jets.offset), partons, radius),
    }
    counts = np.diff(jets.offset)
    inner = ak.unflatten(particles.index[jets.constituents], np.diff(jets.constituent_offset))
    return {name: ak.unflatten(values, counts) for name, values in flat.items()} | {
        "constituents": ak.unflatten(inner, counts)
    }


def calibrated(columns: Mapping[str, Any], calibration: JetCalibration | None) -> dict[str, Any]:
    """The columns of a reconstructed collection that the calibration changes or adds.

    It scales pT and masses; what the jet is made of stays, and with it all that is measured on
    angles and shares of pT.
    """
    import awkward as ak

    result = {f"{name}_raw": columns[name] for name in ("pt", "m", "msd")}
    if calibration:
        counts = ak.num(columns["pt"], axis=1)
        raw = {n: ak.to_numpy(ak.flatten(columns[n])) for n in ("pt", "eta", "m", "msd", *SHARES)}
        result |= {
            name: ak.unflatten(values, counts)
            for name, values in calibrated_values(calibration, raw).items()
        }
    return result


def reach(jets: Jets, particles: Particles) -> Array:
    """Distance in rapidity and azimuth from each jet's axis to its farthest constituent, (jets,).

    Jets with nothing hard beside them are cones of the radius R (arXiv 0802.1189): there it comes
    close to R.
    """
    sizes = np.diff(jets.constituent_offset)
    momentum = particles.momentum[jets.constituents]
    _, _, phi = pt_eta_phi(*momentum[:, :3].T)
    _, _, axis_phi = pt_eta_phi(*jets.momentum[:, :3].T)
    distance = np.hypot(
        rapidity(*momentum.T) - np.repeat(rapidity(*jets.momentum.T), sizes),
        delta_phi(phi, np.repeat(axis_phi, sizes)),
    )
    farthest = np.zeros(len(sizes))
    np.maximum.at(farthest, np.repeat(np.arange(len(sizes)), sizes), distance)
    return farthest


def flatten(collection: Any, path: str, keep: NDArray[np.bool_] | None = None) -> Particles:
    """Turn a collection with px, py, pz, e into flat arrays.

    Args:
        collection: jagged records (events, var).
        path: the file, for the error message.
        keep: (particles,) which to take; all if not given.

    Raises:
        DataError: a momentum is not finite.
    """
    import awkward as ak

    momentum = np.stack([_flat(collection, name, np.float64) for name in MOMENTUM], axis=1)
    counts = ak.to_numpy(ak.num(collection, axis=1)).astype(np.int64)
    index = np.arange(len(momentum)) - np.repeat(offsets(counts)[:-1], counts)
    if not np.isfinite(momentum).all():
        raise DataError(
            f"{path}: {np.count_nonzero(~np.isfinite(momentum).all(axis=1))} particles have a "
            "momentum that is not finite.",
            "Remove the file and make it anew; if that gives the same, the room that wrote it "
            "has a fault.",
        )
    if keep is not None:
        event = np.repeat(np.arange(len(counts)), counts)
        counts = np.bincount(event[keep], minlength=len(counts))
        momentum, index = momentum[keep], index[keep]
    return Particles(momentum, offsets(counts), index)


def flatten_partons(collection: Any) -> tuple[Integers, Array, Array, Integers, Integers]:
    """PDG code, eta, phi, mother and event offsets of the partons, as `label_jets` takes them."""
    import awkward as ak

    _, eta, phi = pt_eta_phi(*(_flat(collection, name, np.float64) for name in ("px", "py", "pz")))
    return (
        _flat(collection, "pdgid", np.int64),
        eta,
        phi,
        _flat(collection, "mother", np.int64),
        offsets(ak.to_numpy(ak.num(collection, axis=1))),
    )


def _flat(collection: Any, name: str, dtype: type) -> NDArray[Any]:
    import awkward as ak

    return ak.to_numpy(ak.flatten(collection[name])).astype(dtype)
