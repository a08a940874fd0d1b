"""Faster plans, where Snakemake is the version whose steps were measured."""

from __future__ import annotations

import snakemake

VERSION = "9.27.1"


def speed_up() -> bool:
    """Replace some of Snakemake's steps; False, and nothing done, with another version."""
    if snakemake.__version__ != VERSION:
        return False
    # Here, not above: another version may not have the names that it replaces.
    from jetchain.core import snakemake_speed

    snakemake_speed.replace()
    return True
