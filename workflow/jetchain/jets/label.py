"""Labels of jets by matching them to the partons of the hard process."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import delta_phi
from jetchain.core.schema.jets import JET_CLASSES

Array = NDArray[np.floating]
Integers = NDArray[np.int64]

QUARK, GLUON, W, Z, TOP, HBB, HCC = range(7)
if JET_CLASSES != ("quark", "gluon", "W", "Z", "top", "Hbb", "Hcc"):
    raise ImportError("jets/label.py and JET_CLASSES of core/schema disagree")


def label_jets(
    jets: tuple[Array, Array, Integers],
    partons: tuple[Integers, Array, Array, Integers, Integers],
    radius: float,
) -> Integers:
    """Label each jet by what the hard process put into its cone of dR < R.

    - top: a top quark and the three quarks of its decay;
    - W, Z, Hbb, Hcc: the boson's two decay quarks (of a W from a top: without the b quark), both
      b or both c quarks for the Higgs boson; of several bosons the nearest one;
    - quark (u, d or s), gluon: the nearest outgoing parton that no resonance made, if no quark of
      a resonance lies in the cone;
    - -1: all others. Partly contained decays, heavy-quark jets and the jets of showers are these.

    Args:
        jets: (jets,) eta, (jets,) phi, (events + 1,) first jet of each event.
        partons: (partons,) PDG code, eta, phi, index of the mother in its event (-1: none), and
            (events + 1,) first parton of each event.
        radius: R of the jets.

    Returns:
        (jets,) index into JET_CLASSES, or -1.
    """
    eta, phi, jet_offset = jets
    pdgid, parton_eta, parton_phi, mother, parton_offset = partons
    return _label_events(
        np.ascontiguousarray(eta, dtype=np.float64),
        np.ascontiguousarray(phi, dtype=np.float64),
        np.ascontiguousarray(jet_offset, dtype=np.int64),
        np.ascontiguousarray(pdgid, dtype=np.int64),
        np.ascontiguousarray(parton_eta, dtype=np.float64),
        np.ascontiguousarray(parton_phi, dtype=np.float64),
        np.ascontiguousarray(mother, dtype=np.int64),
        np.ascontiguousarray(parton_offset, dtype=np.int64),
        radius,
    )


@numba.njit(cache=True)
def _label_events(
    eta: Array,
    phi: Array,
    jet_offset: Integers,
    pdgid: Integers,
    parton_eta: Array,
    parton_phi: Array,
    mother: Integers,
    parton_offset: Integers,
    radius: float,
) -> Integers:
    labels = np.full(len(eta), -1, dtype=np.int64)
    for event in range(len(jet_offset) - 1):
        here = slice(parton_offset[event], parton_offset[event + 1])
        code = np.abs(pdgid[here])
        final, boson, top, decayed = _ancestry(code, mother[here])
        distance = np.empty(len(code))
        for jet in range(jet_offset[event], jet_offset[event + 1]):
            for k in range(len(code)):
                parton = parton_offset[event] + k
                distance[k] = np.hypot(
                    parton_eta[parton] - eta[jet], delta_phi(parton_phi[parton], phi[jet])
                )
            labels[jet] = _label(code, distance, final, boson, top, decayed, radius)
    return labels


@numba.njit(cache=True)
def _ancestry(
    code: Integers, mother: Integers
) -> tuple[NDArray[np.bool_], Integers, Integers, NDArray[np.bool_]]:
    """Which partons have no daughter; the index of the nearest W/Z/H and top among the ancestors
    (-1: none); and whether any ancestor is neither quark (but top) nor gluon."""
    count = len(code)
    final = np.ones(count, dtype=np.bool_)
    boson, top = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    decayed = np.zeros(count, dtype=np.bool_)
    for i in range(count):
        ancestor = mother[i]
        if ancestor >= 0:
            final[ancestor] = False
        steps = 0
        while ancestor >= 0 and steps < count:
            if 23 <= code[ancestor] <= 25 and boson[i] < 0 and top[i] < 0:
                boson[i] = ancestor
            if code[ancestor] == 6 and top[i] < 0:
                top[i] = ancestor
            decayed[i] |= not (1 <= code[ancestor] <= 5 or code[ancestor] == 21)
            ancestor = mother[ancestor]
            steps += 1
    return final, boson, top, decayed


@numba.njit(cache=True)
def _label(
    code: Integers,
    distance: Array,
    final: NDArray[np.bool_],
    boson: Integers,
    top: Integers,
    decayed: NDArray[np.bool_],
    radius: float,
) -> int:
    quarks = final & (code >= 1) & (code <= 5)
    inside = distance < radius
    for i in range(len(code)):
        if code[i] == 6 and inside[i]:
            daughters = quarks & (top == i)
            if np.sum(daughters) == 3 and np.sum(daughters & inside) == 3:
                return TOP

    label, nearest = -1, np.inf
    for i in range(len(code)):
        if not 23 <= code[i] <= 25 or distance[i] >= nearest:
            continue
        daughters = quarks & (boson == i)
        if np.sum(daughters) != 2 or np.sum(daughters & inside) != 2:
            continue
        if top[i] >= 0 and np.any(quarks & inside & (top == top[i]) & (boson < 0)):
            continue
        flavours = code[daughters]
        found = -1
        if code[i] == 24:
            found = W
        elif code[i] == 23:
            found = Z
        elif flavours[0] == flavours[1] == 5:
            found = HBB
        elif flavours[0] == flavours[1] == 4:
            found = HCC
        if found >= 0:
            label, nearest = found, distance[i]
    if label >= 0 or np.any(quarks & inside & decayed):
        return label

    for i in range(len(code)):
        if final[i] and inside[i] and distance[i] < nearest and not decayed[i]:
            if 1 <= code[i] <= 5:
                label, nearest = (QUARK if code[i] <= 3 else -1), distance[i]
            elif code[i] == 21:
                label, nearest = GLUON, distance[i]
    return label
