"""Published jets through `graphs.import_jets`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.graphs.import_jets import import_jets
from jetchain.graphs.settings import ImportSettings


def take_in(
    path: Path, form: str, shard: str = "0000", **how: Any
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The jets of a file as JET_GRAPHS, written beside it, and their cutflow."""
    keys = {name: how.pop(name) for name in ("parts", "limit") if name in how}
    settings = ImportSettings(format=form, **{"pt_min": 0.0, "eta_max": 9.0} | how)
    graphs, cutflow = path.parent / "g.safetensors", path.parent / "c.json"
    import_jets(source=path, graphs=graphs, cutflow=cutflow, shard=shard, settings=settings, **keys)
    return read_tensors(graphs, JET_GRAPHS), read_json(cutflow)
