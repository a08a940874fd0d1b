"""The methods of the search: one file and one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jetchain.core.registry import Member, Registry


@dataclass(frozen=True)
class Method(Member):
    """One way to score dijet events; `anomaly.searched` says what its class has to offer.

    Attributes:
        reference: its scores bound what a search can reach, since it reads the truth.
        template: it first draws a template of the background, in a job of its own.
        mass_range: it is told the range of the mass whose sidebands the background is fitted in.
        background: how the background after its cut is estimated: from a fit of the sidebands, or
            by the ABCD method from two independent scores (`PLANES`); empty where it is not.
        extras: names of the files that it writes beside its scores.
        identity: what its seed is a hash of; `anomaly.search` and its key if not given.
    """

    reference: bool = False
    template: bool = False
    mass_range: bool = False
    background: Literal["", "sideband", "abcd"] = ""
    extras: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()

    @property
    def saved(self) -> str:
        """The extra by which varied signal is scored; empty if there is none."""
        if self.background == "abcd":
            return "weights.safetensors"
        return TREES_FILE if TREES_FILE in self.extras else ""


PLANES = ("planes.safetensors", "signal_planes.safetensors")
"""Extras of the ABCD method: two independent ranks of each event of data and signal_test."""

CONSTRAINTS_FILE = "constraints.json"
"""Extra of a method that is trained under constraints: whether its trainings hold them."""

TREES_FILE = "trees.safetensors"
"""Extra of a method of boosted trees: they score signal whose jets are varied."""

# The identities are those of the jobs before there was this table: published numbers stay.
METHODS = Registry(
    "jetchain.anomaly.methods",
    "search method",
    {
        "supervised": Method(
            "Supervised",
            "2101.08320",
            "supervised.Supervised",
            "supervised.SupervisedSettings",
            reference=True,
            identity=("anomaly.train.reference", "supervised"),
        ),
        "idealised": Method(
            "Idealised (IAD)",
            "2109.00546",
            "idealised.Idealised",
            "idealised.IdealisedSettings",
            reference=True,
            identity=("anomaly.train.reference", "idealised"),
        ),
        "cathode": Method(
            "CATHODE",
            "2109.00546",
            "cathode.Cathode",
            "cathode.CathodeSettings",
            template=True,
            background="sideband",
            extras=(TREES_FILE,),
            identity=("background.cathode.classify",),
        ),
        "cwola": Method(
            "CWoLa",
            "1902.02634",
            "cwola.Cwola",
            "cwola.CwolaSettings",
            background="sideband",
            extras=(TREES_FILE,),
            identity=("background.cwola",),
        ),
        "disco": Method(
            "Double DisCo",
            "2007.14400",
            "disco.Disco",
            "disco.DiscoSettings",
            mass_range=True,
            background="abcd",
            extras=(*PLANES, "weights.safetensors", "history.csv", CONSTRAINTS_FILE),
            identity=("background.disco",),
        ),
        "isolation_forest": Method(
            "Isolation forest",
            "",
            "isolation_forest.IsolationForest",
            "isolation_forest.IsolationForestSettings",
            identity=("anomaly.train.outlier", "isolation_forest"),
        ),
        "mahalanobis": Method(
            "Mahalanobis",
            "",
            "mahalanobis.Mahalanobis",
            identity=("anomaly.train.outlier", "mahalanobis"),
        ),
    },
)
