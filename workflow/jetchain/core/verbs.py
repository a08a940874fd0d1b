"""What a verb's signature says: which keyword is an input, which an output.

A verb is a plain function ``def cluster(*, particles: Input, jets: Output, settings: JetSettings,
seed: int) -> None``. Its keywords are the rule's named inputs and outputs; `plumbing.rules`
reads them to write the rule's shell command, and the launcher reads them to parse it.
"""

from pathlib import Path
from typing import NewType

Input = NewType("Input", Path)
Inputs = list[Input]
Output = NewType("Output", Path)
# A file of resources/, which a rule hands over by name and digest: see `jetchain.core.resources`.
Resource = NewType("Resource", Path)
# Displayed names of a family's members by their keys, which a rule hands to a figure as JSON.
Labels = NewType("Labels", dict[str, str])
