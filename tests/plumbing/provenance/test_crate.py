"""The RO-Crate describes every file and every job, and its links resolve."""

import json
from pathlib import Path

from rocrate.rocrate import ROCrate

from jetchain.core.io.tables import write_json
from jetchain.plumbing.provenance.crate import PROFILES, write_crate

SNAKEFILE = Path(__file__).resolve().parents[3] / "workflow" / "Snakefile"
ENTRY = {
    "sha256": "0" * 64, "bytes": 3, "verb": "generate.sample", "rule": "generate_sample",
    "settings": {"events": 4}, "seed": 5, "code": {}, "libraries": {"numpy": "2.4.6"},
    "resources": {}, "parents": [],
}  # fmt: skip


def test_files_and_jobs_are_described(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = "results/generate/top/0000.root", "results/jets/top.json"
    job = {"verb": "jets.cluster", "job": "jets/cluster/top", "parents": [first], "seed": None}
    artefacts = {
        first: ENTRY | {"job": "generate/sample/top/0000"},
        first.replace("root", "json"): ENTRY | {"job": "generate/sample/top/0000"},
        second: ENTRY | job,
    }
    for path in artefacts:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("abc")
    write_json(Path("results/provenance/manifest.json"), {"artefacts": artefacts})
    written = write_crate()
    graph = {each["@id"]: each for each in json.loads(written.read_text())["@graph"]}
    root = graph["./"]
    assert [each["@id"] for each in root["conformsTo"]] == [*PROFILES]
    assert graph["generate/top/0000.root"]["sha256"] == "0" * 64
    action = graph["#jets/cluster/top"]
    assert action["result"] == [{"@id": "jets/top.json"}]
    assert {"@id": "generate/top/0000.root"} in action["object"]
    assert len(graph["#generate/sample/top/0000"]["result"]) == 2
    links = [
        link["@id"]
        for each in graph.values()
        for value in each.values()
        for link in (value if isinstance(value, list) else [value])
        if isinstance(link, dict) and "@id" in link
    ]
    assert all(link in graph or link.startswith("https://") for link in links)
    # What the profiles ask for beside this; `rocrate-validator` says the same of it, in 20 times
    # the time and with a network.
    workflow = graph[root["mainEntity"]["@id"]]
    assert set(workflow["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert graph[workflow["programmingLanguage"]["@id"]]["@type"] == "ComputerLanguage"
    assert (Path("results") / workflow["@id"]).read_text() == SNAKEFILE.read_text()
    run = graph["#run"]
    assert run["instrument"] == {"@id": workflow["@id"]}
    assert {each["@id"] for each in run["result"]} == {"generate/top/0000.json", "jets/top.json"}
    actions = {each["@id"] for each in graph.values() if each["@type"] == "CreateAction"}
    assert {each["@id"] for each in root["mentions"]} == actions
    for name in actions:
        tool = graph[graph[name]["instrument"]["@id"]]
        assert {"SoftwareApplication"} == {tool["@type"]} if name != "#run" else tool is workflow
    crate = ROCrate(Path("results"))
    described = {each.id for each in crate.data_entities}
    assert all((Path("results") / each).is_file() for each in described)
    assert described == {each["@id"] for each in root["hasPart"]}
