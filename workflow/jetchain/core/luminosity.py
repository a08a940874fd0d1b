"""The luminosity that a sample of generated events is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jetchain.core.errors import DataError

FB_PER_PB = 1000.0


def generated_events(account: dict[str, Any]) -> float:
    """Events that a shard was made from: all have one weight, which is 1 in Pythia's own."""
    kept = account["sum_of_weights_kept"]
    generated = account["sum_of_weights_generated"]
    return generated * account["cutflow"]["kept"] / kept if kept else generated


def luminosity(accounts: Sequence[dict[str, Any]], cross_section: float = 0.0) -> float:
    """Integrated luminosity of the background of the search in 1/fb, from its shards' accounts.

    Every shard estimates the cross-section of the same process; the estimates are averaged with
    the generated events.

    Args:
        accounts: of the shards.
        cross_section: in fb, in the place of those estimates; 0 for none.

    Raises:
        DataError: a shard without a cross-section, or none that is positive.
    """
    weight = sum(map(generated_events, accounts))
    if cross_section:
        return weight / cross_section
    unknown = sum(account["cross_section_pb"] is None for account in accounts)
    if unknown:
        raise DataError(
            f"{unknown} of {len(accounts)} shards of anomaly.background state no cross-section.",
            "Name samples of collisions, not of guns, and files that all state it, or set "
            "cross_section of the sample in generate.samples.",
        )
    sigma = sum(
        account["cross_section_pb"] * generated_events(account) for account in accounts
    ) / max(weight, 1e-300)
    if not sigma > 0:
        raise DataError(
            f"The background sample has the cross-section {sigma} pb.",
            "Generate it again; anomaly.background must name samples of collisions, not of guns.",
        )
    return weight / (sigma * FB_PER_PB)


def share_of(
    luminosity_fb: float, accounts: Sequence[dict[str, Any]], cross_section: float = 0.0
) -> float:
    """The part of a sample that a luminosity in 1/fb takes; see `luminosity`.

    Raises:
        DataError: the sample is worth less.
    """
    worth = luminosity(accounts, cross_section)
    share = luminosity_fb / worth
    if share > 1 + 1e-9:
        raise DataError(
            f"The samples of anomaly.background are worth {worth:g}/fb, less than the luminosity "
            f"of {luminosity_fb:g}/fb that generate.samples states for them.",
            f"Generate {share:.3g} times as many events (shards), or lower luminosity.",
        )
    return min(share, 1.0)
