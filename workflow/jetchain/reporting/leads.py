"""Rows of tables with leads of one over another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jetchain.core.io.tables import write_csv
from jetchain.core.schema.taggers_compared import Lead
from jetchain.core.verbs import Output


def lead_columns(name: str, lead: Lead | None, digits: int) -> dict[str, Any]:
    """A lead, its error and its significance as columns; empty where there is none."""
    sigma = lead.significance if lead else None
    return {
        f"{name}_lead": round(lead.value, digits) if lead else "",
        f"{name}_lead_error": round(lead.error, digits) if lead else "",
        f"{name}_lead_sigma": "" if sigma is None else f"{sigma:.1f}",
    }


def write_rows(table: Output, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that have the same columns as CSV."""
    write_csv(table, {name: [row[name] for row in rows] for name in (rows[0] if rows else {})})
