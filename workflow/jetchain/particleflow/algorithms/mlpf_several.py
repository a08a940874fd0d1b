"""MLPF with more than one candidate a cluster: a fifth of the neutral particles share theirs.

The candidates of a cluster are its particles in falling energy; the number of those that are not
none is the number of particles in it.

Reference: arXiv 2101.08578, which has one candidate an element; several are ours.
"""

from __future__ import annotations

from jetchain.core.settings import Settings, key
from jetchain.particleflow.algorithms.mlpf import Mlpf, MlpfModelSettings
from jetchain.particleflow.network_settings import NetworkTrainingSettings


class MlpfSeveralModelSettings(MlpfModelSettings):
    """Size of the network."""

    per_cluster: int = key(
        3, "Particles that a cluster may hold; what more there are is merged.", ge=1, le=8
    )


class MlpfSeveralSettings(Settings):
    """The MLPF network with several candidates a cluster."""

    model: MlpfSeveralModelSettings = key(MlpfSeveralModelSettings(), "Size of the network.")
    training: NetworkTrainingSettings = key(NetworkTrainingSettings(), "Its training.")


class MlpfSeveral(Mlpf):
    """The same network, of other default sizes."""
