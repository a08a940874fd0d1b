"""The luminosity that a sample of generated events is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jetchain.core.errors import DataError

FB_PER_PB = 1000.0
SIGMA, APART = 5.0, 0.1
"""Cross-sections whose intervals of so many errors lie apart, and which differ by this part of the
larger one, are not those of one process. Our choice."""


class Stated(NamedTuple):
    """The cross-section that a shard states, and its error."""

    shard: str
    value: float  # pb
    error: float  # pb
    imported: bool  # from a file: shards of the run's own generator have one process by themselves


def apart(stated: Sequence[Stated]) -> str | None:
    """In words, two shards of files whose cross-sections are not estimates of one, if any."""
    files = [each for each in stated if each.imported]
    if not files:
        return None
    small = min(files, key=lambda each: each.value + SIGMA * each.error)
    large = max(files, key=lambda each: each.value - SIGMA * each.error)
    errors = SIGMA * (small.error + large.error)
    if large.value - small.value <= max(errors, APART * large.value):
        return None
    return f"shards state {small.value:g} pb ({small.shard}) and {large.value:g} pb ({large.shard})"


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
        DataError: a shard without a cross-section, shards of different ones, or none that is
            positive.
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
    stated = [
        Stated(
            f"{account['shard']:04d}", account["cross_section_pb"],
            account["cross_section_error_pb"], account["lowest_pthat"] is None,
        )
        for account in accounts
        if {"shard", "lowest_pthat", "cross_section_error_pb"} <= account.keys()
    ]  # fmt: skip
    if two := apart(stated):
        raise DataError(
            f"anomaly.background: {two}, and the mean is that of no process.",
            "Name files of one process, or set cross_section of the sample in generate.samples.",
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
