"""Seeds and determinism."""

from __future__ import annotations

import subprocess
import sys


def test_determinism_does_not_load_torchs_compiler():
    """It takes a second, which every job that scores would pay."""
    code = (
        "import sys, torch; from jetchain.core.seeds import make_deterministic; "
        "make_deterministic(1); print(torch.are_deterministic_algorithms_enabled(), "
        "torch.is_deterministic_algorithms_warn_only_enabled(), 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["True", "False", "False"]
