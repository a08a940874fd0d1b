"""Write tests/graphs/physlite.root: the events of `published.physlite_columns` as a TTree.

uproot cannot write lists of lists, nor ElementLink; ROOT does. It is no dependency: run this once
in an environment of its own (pip install ROOT uproot awkward), from the folder tests:

    python -m helpers.make_physlite_tree
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import ROOT

from helpers import published

FILE = Path(__file__).resolve().parents[1] / "graphs" / "physlite.root"

HEADER = """
#pragma once
#include <vector>
#include <cstdint>
struct ElementLinkBase { uint32_t m_persKey = 0; uint32_t m_persIndex = 0; };
template <class T> struct ElementLink : ElementLinkBase {};
template <class T> struct DataVector {};
namespace xAOD { struct IParticle {}; }
"""
LINKS = "std::vector<std::vector<ElementLink<DataVector<xAOD::IParticle>>>>"
EVENTS = [2, 0, 1, 3, 4, 1]
TRUTH = [[0, 21], [0, 1]]  # of the labels 0 and 1 of the tests


def main() -> None:
    os.chdir(tempfile.mkdtemp())  # ROOT compiles here
    header = Path("links.h").resolve()
    header.write_text(HEADER)
    ROOT.gInterpreter.Declare(f'#include "{header}"')
    ROOT.gInterpreter.GenerateDictionary(LINKS, str(header))
    truth = np.array(TRUTH)[np.arange(11) % 2]
    made = published.tracks_only(published.jets(11))
    columns = published.physlite_columns(made, truth, EVENTS)
    file = ROOT.TFile(FILE.name, "RECREATE", "", 101)  # which keeps its name as it is given
    tree = ROOT.TTree("CollectionTree", "CollectionTree")
    vectors = {}
    for container, column in columns:
        if column == "GhostTrack":
            kind = LINKS
        elif column.endswith(("LabelID", "Type")):
            kind = "std::vector<int>"
        elif column.endswith("Diag"):
            kind = "std::vector<std::vector<float>>"
        else:
            kind = "std::vector<float>"
        vectors[container, column] = ROOT.std.vector(kind.removeprefix("std::vector<")[:-1])()
        tree.Branch(f"{container}.{column}", vectors[container, column])
    for event in range(len(EVENTS)):
        for name, vector in vectors.items():
            vector.clear()
            for each in columns[name][event]:
                vector.push_back(_link(each) if name[1] == "GhostTrack" else each)
        tree.Fill()
    tree.Write()
    file.Close()
    shutil.copy(FILE.name, FILE)


def _link(pairs: list[tuple[int, int]]):
    links = ROOT.std.vector("ElementLink<DataVector<xAOD::IParticle>>")()
    for key, index in pairs:
        link = ROOT.ElementLink("DataVector<xAOD::IParticle>")()
        link.m_persKey, link.m_persIndex = key, index
        links.push_back(link)
    return links


if __name__ == "__main__":
    main()
