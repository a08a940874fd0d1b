"""The algorithms of particle flow: one file and one line each.

One without training is a function of a file's tracks and clusters, with the signature of
`parametric.parametric`; `particleflow.untrained` calls it. One with training is a network, a class
derived from `particleflow.network.Network`; `particleflow.train` and `particleflow.reconstruct`
do the rest.
"""

from dataclasses import dataclass

from jetchain.core.registry import Member, Registry


@dataclass(frozen=True)
class Algorithm(Member):
    """One algorithm.

    Attributes:
        trained: whether it is a network, whose weights are trained on event graphs.
        calibrations: tables of the room that one without training reads: their names in
            ``results/particleflow``.
    """

    trained: bool = False
    calibrations: tuple[str, ...] = ()


ALGORITHMS: Registry[Algorithm] = Registry(
    "jetchain.particleflow.algorithms",
    "particle-flow algorithm",
    {
        "parametric": Algorithm(
            "parametric",
            "2303.02101",
            "parametric.parametric",
            "parametric.ParametricSettings",
            calibrations=("calibration", "photon_calibration", "shower_calibration"),
        ),
        "mlpf": Algorithm("MLPF", "2101.08578", "mlpf.Mlpf", "mlpf.MlpfSettings", trained=True),
        "mlpf_several": Algorithm(
            "MLPF, several a cluster",
            "2101.08578",
            "mlpf.Mlpf",
            "mlpf.MlpfSeveralSettings",
            trained=True,
        ),
        "hgpflow": Algorithm(
            "HGPflow", "2410.23236", "hgpflow.Hgpflow", "hgpflow.HgpflowSettings", trained=True
        ),
        "condensation": Algorithm(
            "object condensation",
            "2002.03605",
            "condensation.Condensation",
            "condensation.CondensationSettings",
            trained=True,
        ),
        "tspn": Algorithm("TSPN-SA", "2212.01328", "tspn.Tspn", "tspn.TspnSettings", trained=True),
    },
)


def trained() -> list[str]:
    """Keys of the algorithms that are networks."""
    return [name for name, algorithm in ALGORITHMS.items() if algorithm.trained]
