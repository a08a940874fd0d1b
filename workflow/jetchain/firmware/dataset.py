"""The network's inputs: the leading constituents of labelled jets, split by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.base import Tensor, TensorTable
from jetchain.core.schema.firmware import FirmwareCutflow
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.spectrum import CommonSpectrum, require_weights, sums_of
from jetchain.core.verbs import Inputs, Output
from jetchain.firmware.settings import FirmwareDatasetSettings

# The mass is what a constituent adds in quadrature to that of the jet, were it massless and narrow:
# sqrt(pT * pT of the jet) * distance to the axis.
FEATURES = (
    "pt_fraction", "delta_eta", "delta_phi", "mass", "charge", "is_electron", "is_muon",
    "is_photon", "is_neutral_hadron",
)  # fmt: skip
MEASURED = FEATURES[:4]
TRAIN, VALIDATION, TEST = 0, 1, 2
SPLITS = ("train", "validation", "test")

FIRMWARE_JETS = TensorTable(
    name="inputs of the trigger tagger",
    tensors={
        "features": Tensor(
            "float32", ("jets", "inputs"), "", "scaled FEATURES of each constituent in falling pT"
        ),
        "label": Tensor("int64", ("jets",), "", "index into the classes of the settings"),
        "split": Tensor("int64", ("jets",), "", "index into SPLITS"),
        "event_number": Tensor("int64", ("jets",), "", "event number"),
        "weight": Tensor(
            "float64",
            ("jets",),
            "",
            "all classes have one spectrum of pT and |eta|, and count the same in a split",
        ),
    },
)


def split_by_event(number: NDArray[np.int64], validation: float, test: float) -> NDArray[np.int64]:
    """Assign events to training, validation and test by a hash of their number (splitmix64).

    Jets of one event always stand on the same side, whatever the shards or their order.

    Args:
        number: (jets,) event numbers.
        validation, test: parts of the events.

    Returns:
        (jets,) indices into SPLITS.

    Reference: Steele, Lea, Flood, OOPSLA 2014 (splitmix64).
    """
    with np.errstate(over="ignore"):
        z = np.asarray(number).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    uniform = (z >> np.uint64(11)).astype(np.float64) / 2.0**53
    return np.where(
        uniform < test, TEST, np.where(uniform < test + validation, VALIDATION, TRAIN)
    ).astype(np.int64)


def leading_constituents(
    graphs: dict[str, np.ndarray],
    count: int,
    pt_scale: float,
    angle_scale: float,
    mass_scale: float,
) -> NDArray[np.float32]:
    """Scaled features of the leading constituents, zero where a jet has fewer.

    Args:
        graphs: a JET_GRAPHS table.
        count: constituents kept.
        pt_scale, angle_scale: factors on the transverse momentum and on the two angles.
        mass_scale: what the mass is divided by, in GeV.

    Returns:
        (jets, FEATURES * count): those of the first constituent, and so on.
    """
    column = {name: index for index, name in enumerate(CONSTITUENT_COLUMNS)}
    values = graphs["constituents"].astype(np.float64)
    offset = graphs["constituent_offset"]
    jets = len(graphs["label"])
    jet_pt = graphs["jet"][:, JET_COLUMNS.index("pt")].astype(np.float64)
    position = offset[:-1, None] + np.arange(count)[None, :]  # (jets, count)
    present = position < offset[1:, None]
    if len(values) == 0:
        return np.zeros((jets, len(FEATURES) * count), np.float32)
    chosen = values[np.where(present, position, 0)]  # (jets, count, columns)
    pt = np.hypot(chosen[..., column["px"]], chosen[..., column["py"]])
    eta, phi = chosen[..., column["delta_eta"]], chosen[..., column["delta_phi"]]
    features = np.stack(
        [
            pt / jet_pt[:, None] * pt_scale,
            eta * angle_scale,
            phi * angle_scale,
            np.sqrt(pt * jet_pt[:, None]) * np.hypot(eta, phi) / mass_scale,
            *(chosen[..., column[name]] for name in FEATURES[4:]),
        ],
        axis=-1,
    )
    return (features * present[..., None]).reshape(jets, -1).astype(np.float32)


def common_weights(
    table: dict[str, np.ndarray],
    jet: NDArray[np.float32],
    classes: Sequence[str],
    bins: tuple[int, int],
) -> NDArray[np.float64]:
    """Weights with which pT and |eta| tell no class; see `core.spectrum`.

    Args:
        table: label, split and weight of the event, (jets,) each; all classes are in every split.
        jet: (jets, JET_COLUMNS), GeV.
        classes: their names.
        bins: of pT and of |eta|.

    Returns:
        (jets,), 1 in the mean of a split, with the same sum for each of its classes.

    Raises:
        DataError: the weights of a class add up to nothing in a split.
    """
    label, split = table["label"], table["split"]
    require_weights(classes, SPLITS, label, split, table["weight"], "firmware.dataset")
    pt, eta = (jet[:, JET_COLUMNS.index(name)] for name in ("pt", "eta"))
    train = split == TRAIN
    spectrum = CommonSpectrum.of(
        label[train], pt[train], eta[train], table["weight"][train], len(classes), bins
    )
    weight = spectrum.weights(label, pt, eta, table["weight"])
    require_weights(classes, SPLITS, label, split, weight, "firmware.dataset")
    jets = np.bincount(split, minlength=len(SPLITS))
    sums = sums_of(label, split, weight, (len(classes), len(SPLITS)))
    return np.asarray(weight / sums[label, split] * jets[split] / len(classes))


def prepare(
    *, jets: Inputs, dataset: Output, cutflow: Output, settings: FirmwareDatasetSettings
) -> None:
    """Gather the network's inputs from the jet graphs of all samples and shards."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in FIRMWARE_JETS.tensors}
    found: list[np.ndarray] = []
    new_label = np.full(len(JET_CLASSES) + 1, -1, np.int64)  # the last entry serves label -1
    for index, name in enumerate(settings.classes):
        new_label[JET_CLASSES.index(name)] = index
    counts: Counter[str] = Counter()
    for path in jets:
        graphs = read_tensors(path, JET_GRAPHS)
        label = new_label[graphs["label"]]
        kept = label >= 0
        counts["jets"] += len(label)
        counts["unmatched"] += int(np.sum(graphs["label"] < 0))
        counts["of other classes"] += int(np.sum(~kept & (graphs["label"] >= 0)))
        number = graphs["event_number"][kept]
        features = leading_constituents(
            graphs,
            settings.constituents,
            settings.pt_scale,
            settings.angle_scale,
            settings.mass_scale,
        )
        parts["features"].append(features[kept])
        parts["label"].append(label[kept])
        parts["event_number"].append(number)
        parts["weight"].append(graphs["weight"][kept])
        found.append(graphs["jet"][kept])
        parts["split"].append(
            split_by_event(number, settings.validation_fraction, settings.test_fraction)
        )
    table = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    by_class = {
        name: {
            split: int(np.sum((table["label"] == index) & (table["split"] == number)))
            for number, split in enumerate(SPLITS)
        }
        for index, name in enumerate(settings.classes)
    }
    for name, row in by_class.items():
        if min(row.values()) == 0:
            raise EmptySampleError(
                f"firmware: class '{name}' has {row} jets.",
                "Generate more events for its sample, or take it out of firmware.dataset.classes.",
            )
    bins = settings.pt_bins, settings.eta_bins
    table["weight"] = common_weights(table, np.concatenate(found), settings.classes, bins)
    write_tensors(dataset, FIRMWARE_JETS, table)
    write_result(cutflow, FirmwareCutflow(jets=counts, kept=by_class))
