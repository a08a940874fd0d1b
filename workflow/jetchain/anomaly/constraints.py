"""How far two outputs are from independent on the background: what Double DisCo constrains.

Two quantities, estimated without bias (the logarithm to first order), so that samples of any size
give the same mean: the squared distance correlation in slices of the mass (arXiv 2007.14400), and
the mean of log^2 of kappa = A D / (B C) over random cuts (as in ABCDisCoTEC, arXiv 2506.08826).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jetchain.core.dependence import distance_correlation
from jetchain.core.dijets import Array
from jetchain.core.errors import EmptySampleError

GROUPS, PAIRS, AT_ONCE = 10, 192, 16
"""Groups of the jackknife, and random pairs of cuts, by which a training is judged."""
LOOSEST = 0.3
"""Largest fraction of the background that random cuts keep in region A."""


def dependence_in_slices(logits: Tensor, m_jj: Tensor, slices: int) -> Tensor:
    """dCorr^2 of both outputs of background events (events, 2), the mean of slices of the mass."""
    parts = torch.argsort(m_jj).tensor_split(max(min(slices, len(m_jj) // 10), 1))
    outputs = torch.sigmoid(logits)
    values = [distance_correlation(outputs[part, 0], outputs[part, 1]) for part in parts]
    return torch.stack(values).mean()


def passed(logits: Tensor, tightest: float, number: int) -> Tensor:
    """Which events pass the first and the second of random pairs of cuts, (2, pairs, events).

    Args:
        logits: (events, 2).
        tightest: smallest fraction of the events in region A.
        number: of pairs.
    """
    kept = torch.exp(logits.new_empty(number).uniform_(math.log(tightest), math.log(LOOSEST)))
    share = logits.new_empty(number).uniform_(0.25, 0.75)  # of the first cut, in logs
    fractions = torch.stack([kept**share, kept ** (1 - share)])
    ladder = torch.sort(logits.T).values
    cuts = torch.gather(ladder, 1, ((1 - fractions) * (len(logits) - 1)).long())
    return (logits.T[:, None] > cuts[..., None]).to(logits.dtype)


def squared_log_kappa(passes: Tensor, kept: Tensor) -> Tensor:
    """The mean over the cuts of log^2(A D / B C), less its variance, of samples of the events.

    Half an event more in each region takes the bias of the logarithm away to first order in
    1 / events (Haldane, Ann. Hum. Genet. 20 (1956) 309; Anscombe, Biometrika 43 (1956) 461). The
    variance is the sum of the squares of what each event does to the logarithm, to first order.

    Args:
        passes: (2, pairs, events) 1 where an event passes a cut, see `passed`.
        kept: (events, samples) 1 where an event is in the sample; the first sample has all.

    Returns:
        (samples,).
    """
    first, second = passes
    both = first * second
    n_first, n_second, n_both = first @ kept, second @ kept, both @ kept
    a, b, c = n_both + 0.5, n_first - n_both + 0.5, n_second - n_both + 0.5
    d = kept.sum(0) - n_first - n_second + n_both + 0.5
    log_kappa = torch.log(a * d / (b * c))
    w_a, w_b, w_c, w_d = (1 / each[:, :1] for each in (a, b, c, d))  # an event's, by its region
    of_events = both * (w_a + w_b + w_c + w_d) - first * (w_b + w_d) - second * (w_c + w_d) + w_d
    return (log_kappa**2 - of_events**2 @ kept).mean(0)


@torch.no_grad()
def measured(
    outputs: Array, m_jj: Array, slices: int, tightest: float
) -> dict[str, tuple[float, float]]:
    """Both constraints on background events that took no part in a training.

    Errors are a jackknife's, of groups of events that are spread over all masses. The cuts come
    from torch's generator.

    Args:
        outputs: logits (events, 2).
        m_jj: masses (events,), TeV.
        slices: of the mass.
        tightest: smallest fraction of the events in region A.

    Returns:
        Value and error, by the name of the field of the settings that limits it.

    Raises:
        EmptySampleError: too few events.
    """
    if len(outputs) < 2 * GROUPS:
        raise EmptySampleError(
            f"{len(outputs)} sideband events are too few to judge a decorrelated training on: at "
            f"least {2 * GROUPS} are needed.",
            "Generate more events of anomaly.background.",
        )
    logits, masses = (torch.as_tensor(each, dtype=torch.float32) for each in (outputs, m_jj))
    group = torch.argsort(torch.argsort(masses)) % GROUPS
    # The first column has all events, each of the others lacks a group.
    kept = torch.cat(
        [torch.ones(len(group), 1), (group[:, None] != torch.arange(GROUPS)).float()], dim=1
    )
    nonclosure = []
    for _ in range(PAIRS // AT_ONCE):
        nonclosure.append(squared_log_kappa(passed(logits, tightest, AT_ONCE), kept))
    values = {
        "correlation": torch.stack(
            [dependence_in_slices(logits[own], masses[own], slices) for own in kept.bool().T]
        ),
        "nonclosure": torch.stack(nonclosure).mean(0),
    }
    return {
        name: (float(each[0]), math.sqrt((GROUPS - 1) * float(each[1:].var(correction=0))))
        for name, each in values.items()
    }
