"""What the applications of workspaces (`inference.applications`) name in other sections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jetchain.anomaly.methods import METHODS
from jetchain.core.schema.background import NO_CUT
from jetchain.core.settings import did_you_mean
from jetchain.tagging.models import MODELS

if TYPE_CHECKING:
    from jetchain.plumbing.configuration import Configuration


def applications_known(config: Configuration) -> Iterator[str]:
    """A tagger, a scan with replicas without signal, and names that no search has."""
    applied, place = config.inference.applications, "inference.applications"
    if applied.charm.tagger not in MODELS:
        near = did_you_mean(applied.charm.tagger, MODELS)
        yield f"{place}.charm.tagger: no tagger '{applied.charm.tagger}'. {near}"
    for name in sorted({*applied.operators} & {*METHODS, *NO_CUT, *config.inference.workspaces}):
        yield f"{place}.operators.{name}: a search or workspace has this name already."
    asked = applied.gain.scan
    if asked is None:
        return
    scan = config.anomaly.scans.get(asked)
    if scan is None:
        yield f"{place}.gain.scan: no scan '{asked}'. {did_you_mean(asked, config.anomaly.scans)}"
    elif 0.0 not in scan.strengths or (
        scan.windows and list(config.anomaly.signal_region) not in map(list, scan.windows)
    ):
        yield (
            f"{place}.gain.scan: '{asked}' has no replicas without injected signal in "
            "anomaly.signal_region: name a scan whose strengths hold 0."
        )
