"""Intervals on the coefficients of effective operators, from any workspace with their samples.

The rate is SM + c INT + c^2 QUAD in each bin. pyhf has no modifier that is a function of another
parameter, so a workspace has a factor for c and one for c^2; at each c both are held, everything
else is profiled, and q(c) is scanned. A quadratic has two minima where the data lie above its
smallest rate, and its interval may be two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_result
from jetchain.core.schema.applications import OperatorScans, Scan
from jetchain.core.verbs import Input, Output
from jetchain.inference.applications.profile import Profile, scan
from jetchain.inference.applications.settings import OperatorScanSettings, OperatorSettings
from jetchain.inference.fit import REMAKE
from jetchain.inference.published import REMEDY, read_file
from jetchain.inference.workspace import numpy_backend

CORRECT = "Correct the file, or name another one in inference.applications.operators."


def operators(
    *, workspace: Input, scans: Output, method: str, settings: OperatorScanSettings
) -> None:
    """Scan the coefficient of each operator of a workspace, the others at zero."""
    factors = [
        name
        for each in settings.operators.values()
        for name in dict.fromkeys((each.linear, each.quadratic))
    ]
    with numpy_backend():
        try:
            profile = Profile(read_file(workspace), str(workspace), [*dict.fromkeys(factors)])
        except DataError as error:
            if error.remedy in (REMAKE, REMEDY):  # of files that others ask for
                raise DataError(error.cause, CORRECT) from error
            raise
        found = tuple(
            scan_operator(profile, name, each, settings.points)
            for name, each in settings.operators.items()
        )
    write_result(scans, OperatorScans(method=method, scans=found))


def scan_operator(profile: Profile, name: str, operator: OperatorSettings, points: int) -> Scan:
    """The scan of one coefficient.

    Args:
        profile: of the workspace; all operators' factors are held.
        name: of the operator.
        operator: its factors and range.
        points: of the grid.
    """
    others = dict.fromkeys(profile.index, 0.0)

    def likelihood(coefficients: NDArray[np.floating]) -> NDArray[np.floating]:
        return profile.values([
            others | {operator.linear: c, operator.quadratic: c**2}
            for c in coefficients.tolist()
        ])  # fmt: skip

    profile.reasons.clear()
    found = scan(
        np.linspace(operator.range[0], operator.range[1], points), likelihood, name, operator.unit
    )
    return found.model_copy(update={"reason": profile.reasons[0] if profile.reasons else None})
