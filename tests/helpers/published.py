"""Small files of jets, laid out as the published data sets are, and what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

JETCLASS = ["QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl"]
PIDS = np.array([211, -211, 130, 22, 11, -13, 2112, 2212])
CHARGES = np.array([1, -1, 0, 0, -1, 1, 0, 1])
MASSES = np.array([0.13957, 0.13957, 0.49761, 0, 0.000511, 0.10566, 0.93957, 0.93827])
KINDS = ("charged_hadron", "charged_hadron", "neutral_hadron", "photon", "electron", "muon",
         "neutral_hadron", "charged_hadron")  # fmt: skip


def jets(number: int, seed: int = 1, places: int = 30) -> dict[str, Any]:
    """Jets of 600 GeV: lists of pt, eta, phi and what the particle is, in falling pT."""
    random = np.random.default_rng(seed)
    found: dict[str, Any] = {name: [] for name in ("pt", "eta", "phi", "what")}
    for count in random.integers(1, places, number):
        pt = np.sort(random.exponential(1.0, count))[::-1] + 0.01
        axis = random.uniform(-1.5, 1.5), random.uniform(-3.1, 3.1)
        found["pt"].append(600.0 * pt / pt.sum())
        found["eta"].append(axis[0] + random.normal(0, 0.1, count))
        found["phi"].append((axis[1] + random.normal(0, 0.1, count) + np.pi) % (2 * np.pi) - np.pi)
        found["what"].append(random.integers(0, len(PIDS), count))
    return found


def momenta(made: dict[str, Any], mass: bool = False) -> list[np.ndarray]:
    """px, py, pz, e of each jet's particles, (particles, 4)."""
    result = []
    for pt, eta, phi, what in zip(*(made[n] for n in ("pt", "eta", "phi", "what")), strict=True):
        m = MASSES[what] if mass else 0.0 * pt
        pz = pt * np.sinh(eta)
        e = np.sqrt((pt * np.cosh(eta)) ** 2 + m**2)
        result.append(np.stack([pt * np.cos(phi), pt * np.sin(phi), pz, e], axis=1))
    return result


def padded(lists: list[np.ndarray], places: int) -> np.ndarray:
    """Four columns of each jet's particles in rows of equal length, padded with zeros."""
    result = (
        np.zeros((len(lists), places, *lists[0].shape[1:])) if lists else np.zeros((0, places, 4))
    )
    for row, values in enumerate(lists):
        result[row, : len(values)] = values
    return result


def write_top_tagging(path: Path, made: dict[str, Any], label: np.ndarray, **how: Any) -> Path:
    import pandas as pd

    places = how.pop("places", 30)
    momentum = padded(momenta(made), places).astype(np.float32)
    names = [f"{name}_{i}" for i in range(places) for name in ("PX", "PY", "PZ", "E")]
    frame = pd.DataFrame(momentum.reshape(len(momentum), len(names)), columns=names)
    truth = {f"truth{name}": np.float32(0) for name in ("E", "PX", "PY", "PZ")}
    frame = frame.assign(**truth, ttv=0, is_signal_new=label)
    frame = how.pop("change", lambda each: each)(frame)
    frame.to_hdf(path, key=how.pop("key", "table"), mode="w", format=how.pop("form", "table"))
    return path


def write_quark_gluon(path: Path, made: dict[str, Any], label: np.ndarray, **change: Any) -> Path:
    rows = []
    for pt, eta, phi, what in zip(*(made[n] for n in ("pt", "eta", "phi", "what")), strict=True):
        transverse = np.hypot(pt, MASSES[what])
        rapidity = np.arcsinh(pt * np.sinh(eta) / transverse)
        rows.append(np.stack([pt, rapidity, phi, PIDS[what]], axis=1))
    arrays = {"X": padded(rows, 139), "y": label.astype(float)} | change
    np.savez_compressed(path, **{name: each for name, each in arrays.items() if each is not None})
    return path


def jetclass_columns(made: dict[str, Any], label: np.ndarray, two: bool = False) -> dict[str, Any]:
    counts = np.array([len(each) for each in made["pt"]], int)
    flat = np.concatenate([*momenta(made, mass=True), np.zeros((0, 4))])
    what = np.concatenate([*made["what"], np.zeros(0, int)]).astype(int)
    total = np.array([each.sum(axis=0) for each in momenta(made, mass=True)]).reshape(-1, 4)
    columns: dict[str, Any] = dict(
        zip(("part_px", "part_py", "part_pz", "part_energy"), flat.T, strict=True)
    )
    columns |= {"part_charge": CHARGES[what].astype(float)}
    kinds = np.array(KINDS)[what]
    for name in ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon"):
        small = {"ChargedHadron": "charged_hadron", "NeutralHadron": "neutral_hadron"}
        columns[f"part_is{name}"] = (kinds == small.get(name, name.lower())).astype(np.int32)
    for i, name in enumerate(("d0val", "d0err", "dzval", "dzerr")):
        columns[f"part_{name}"] = np.where(CHARGES[what] != 0, 0.1 * (i + 1), 0.0)
    columns["part_deta"] = columns["part_dphi"] = np.zeros(len(flat))
    lists = {
        name: ak.unflatten(each.astype(np.float32) if each.dtype.kind == "f" else each, counts)
        for name, each in columns.items()
    }
    pt = np.hypot(total[:, 0], total[:, 1])
    jet = {
        "jet_pt": pt,
        "jet_eta": np.arcsinh(total[:, 2] / pt),
        "jet_phi": np.arctan2(total[:, 1], total[:, 0]),
        "jet_energy": total[:, 3],
        **{f"jet_{n}": np.full(len(pt), i + 0.5) for i, n in
           enumerate(("sdmass", "tau1", "tau2", "tau3", "tau4"))},
    }  # fmt: skip
    flags = {"jet_label": label.astype(np.int32)} if two else {
        f"label_{name}": (label == i).astype(np.int32)
        for i, name in enumerate(JETCLASS)
    }  # fmt: skip
    return lists | {name: each.astype(np.float32) for name, each in jet.items()} | flags


def write_root(path: Path, columns: dict[str, Any], tree: str = "tree") -> Path:
    """A tree of numbers and lists, each with a counter."""
    arrays = {name: ak.Array(each) for name, each in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: each.type.content for name, each in arrays.items()})
        file[tree].extend(arrays)
    return path


def write_ntuple(path: Path, columns: dict[str, Any], name: str) -> Path:
    """An RNTuple of the same."""
    with uproot.recreate(path) as file:
        file.mkrntuple(name, {field: ak.Array(each) for field, each in columns.items()})
    return path


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    ak.to_parquet(
        ak.zip(columns, depth_limit=1), path, list_to32=True, extensionarray=False,
        row_group_size=5,
    )  # fmt: skip
    return path


def write_hls4ml(path: Path, made: dict[str, Any], label: np.ndarray, **change: Any) -> Path:
    import h5py

    names = [
        "px",
        "py",
        "pz",
        "e",
        "erel",
        "pt",
        "ptrel",
        "eta",
        "etarel",
        "etarot",
        "phi",
        "phirel",
        "phirot",
        "deltaR",
        "costheta",
    ]
    names += ["costhetarel", "pdgid"]
    rows = padded(momenta(made), 150)
    data = {
        "jetConstituentList": np.concatenate([rows, np.zeros((*rows.shape[:2], 12))], axis=2),
        "particleFeatureNames": np.array([f"j1_{name}" for name in names], "S20"),
        "jets": np.concatenate(
            [np.ones((len(rows), 53)), label[:, None] == np.arange(6)], axis=1
        ).astype(float),
        "jetFeatureNames": np.array(
            [f"j_{i}" for i in range(53)] + [f"j_{n}" for n in ["g", "q", "w", "z", "t", "undef"]],
            "S20",
        ),
    } | change
    with h5py.File(path, "w") as file:
        for name, each in data.items():
            if each is not None:
                file[name] = each
    return path


def nanoaod_columns(
    made: dict[str, Any], flavour: np.ndarray, jets_of_events: list[int], jet: str = "Jet"
) -> dict[str, Any]:
    """Events with these jets, whose candidates stand in rising order of their number in the file.

    Candidates of an event are those of its jets, last jet first, and one more of none.
    """
    fifteen = jet == "FatJet15"
    jet, table = jet.removesuffix("15"), "PFCand" if fifteen else "PFCands"
    link = f"{jet}PFCand" if fifteen else f"{jet}PFCands"
    index = "pfCandIdx" if fifteen else "pFCandsIdx"
    events, first = [], 0
    for number in jets_of_events:
        mine = [*range(first, first + number)]
        first += number
        row: dict[str, list[Any]] = {name: [] for name in ("pt", "eta", "phi", "mass", "pdgId")}
        pairs: list[tuple[int, int]] = []
        for j in reversed(mine):
            what = made["what"][j]
            start = len(row["pt"])
            code = PIDS[what]
            code = np.select([code == 2212, code == 2112], [211, 130], code)
            for name in ("pt", "eta", "phi"):
                row[name] += made[name][j].tolist()
            row["mass"] += (0.0 * what).tolist()
            row["pdgId"] += code.tolist()
            pairs += [(j - mine[0], start + k) for k in range(len(what))]
        for name in row:
            row[name].append(1.0)
        row["pdgId"][-1] = 22
        events.append((row, [*pairs, (-1, len(row["pt"]) - 1)], flavour[mine]))
    columns: dict[str, Any] = {
        f"{table}_{name}": ak.values_astype(
            ak.Array([event[0][name] for event in events]),
            "int32" if name == "pdgId" else "float32",
        )
        for name in ("pt", "eta", "phi", "mass", "pdgId")
    }
    code = columns[f"{table}_pdgId"]
    charged = (abs(code) != 22) & (abs(code) != 130)
    if not fifteen:
        for name, value in (("d0", 0.01), ("d0Err", 0.02), ("dz", 0.03), ("dzErr", 0.04)):
            columns[f"{table}_{name}"] = ak.where(charged, np.float32(value), np.float32(-1))
        columns[f"{table}_puppiWeight"] = ak.ones_like(columns[f"{table}_pt"])
    columns[f"{link}_jetIdx"] = ak.Array([[int(a) for a, _ in event[1]] for event in events])
    columns[f"{link}_{index}"] = ak.Array([[int(b) for _, b in event[1]] for event in events])
    columns[f"{jet}_pt"] = ak.Array([[1.0] * number for number in jets_of_events])
    name = "hadronFlavour" if jet == "FatJet" else "partonFlavour"
    columns[f"{jet}_{name}"] = ak.Array([event[2].tolist() for event in events])
    return columns


def tracks_only(made: dict[str, Any]) -> dict[str, Any]:
    """The same jets with charged pions alone, of both charges."""
    return made | {"what": [what % 2 for what in made["what"]]}


def physlite_columns(
    made: dict[str, Any], truth: np.ndarray, jets_of_events: list[int]
) -> dict[str, Any]:
    """Events with these jets, by container and column of the names in DAOD_PHYSLITE.

    Tracks of an event are those of its jets, last jet first, and one more of none. The second link
    of each jet is one to a track that was thinned away.

    Args:
        made: the jets, of charged pions.
        truth: labels of hadrons and of partons; (jets, 2).
        jets_of_events: how many of them each event has.
    """
    events, first = [], 0
    momentum = momenta(made, mass=True)
    for number in jets_of_events:
        mine = [*range(first, first + number)]
        first += number
        jet, track, vertex = "AnalysisJetsAuxDyn", "InDetTrackParticlesAuxDyn", 0.1 * number
        total = [momentum[j].sum(axis=0) for j in mine]
        pt = [float(np.hypot(*t[:2])) for t in total]
        row: dict[tuple[str, str], list[Any]] = {
            (jet, "pt"): [1000 * each for each in pt],
            (jet, "eta"): [float(np.arcsinh(t[2] / p)) for t, p in zip(total, pt, strict=True)],
            (jet, "phi"): [float(np.arctan2(t[1], t[0])) for t in total],
            (jet, "m"): [1000 * float(np.sqrt(t[3] ** 2 - (t[:3] ** 2).sum())) for t in total],
            (jet, "HadronConeExclTruthLabelID"): truth[mine, 0].tolist(),
            (jet, "PartonTruthLabelID"): truth[mine, 1].tolist(),
            ("PrimaryVerticesAuxDyn", "z"): [9.0, vertex, -9.0],
            ("PrimaryVerticesAuxDyn", "vertexType"): [3, 1, 1],
        }
        pt, eta, phi, what = (
            np.concatenate([*(made[name][j] for j in reversed(mine)), [1.0]])
            for name in ("pt", "eta", "phi", "what")
        )
        theta = 2 * np.arctan(np.exp(-eta))
        row |= {
            (track, "phi"): phi.tolist(),
            (track, "theta"): theta.tolist(),
            (track, "qOverP"): ((1 - 2 * what) * np.sin(theta) / (1000 * pt)).tolist(),
            (track, "d0"): [0.1] * len(pt),
            (track, "z0"): [0.8 + vertex] * len(pt),
            (track, "vz"): [-0.5] * len(pt),
            (track, "definingParametersCovMatrixDiag"): [[0.04, 0.16, 1.0, 1.0, 1.0]] * len(pt),
        }
        start, links = len(pt) - 1, {}
        for j in mine:
            start -= len(made["pt"][j])
            keyed = [(490246363, start + k) for k in range(len(made["pt"][j]))]
            links[j] = [keyed[0], (0, 0), *keyed[1:]]
        row[jet, "GhostTrack"] = [links[j] for j in mine]
        events.append(row)
    return {name: [event[name] for event in events] for name in events[0]}


def write_physlite(path: Path, columns: dict[tuple[str, str], list[Any]], **change: Any) -> Path:
    """An RNTuple as ATLAS writes it; `make_physlite_tree.py` writes the tree."""
    whole = ("LabelID", "Type")
    fields = {}
    for (container, column), lists in columns.items():
        if column == "GhostTrack":
            key, index = (
                ak.Array([[[each[i] for each in jet] for jet in event] for event in lists])
                for i in (0, 1)
            )
            values = ak.zip(
                {
                    "m_persKey": ak.values_astype(key, "uint32"),
                    "m_persIndex": ak.values_astype(index, "uint32"),
                }
            )
        else:
            values = ak.values_astype(
                ak.Array(lists), "int32" if column.endswith(whole) else "float32"
            )
        values = change.get(column, lambda each: each)(values)
        if values is not None:
            fields[f"{container}:{column}"] = values
    return write_ntuple(path, fields, "EventData")
