"""The bibliography of a run."""

from jetchain.core.resources import RESOURCES
from jetchain.plumbing import digest
from jetchain.plumbing.provenance.cite import BIBLIOGRAPHY, entries, papers, references

ENTRY = {"code": {}, "libraries": {}, "resources": {}, "settings": None}
KNOWN = entries(BIBLIOGRAPHY.read_text(encoding="utf-8"))


def cited(**entry):
    found = entries(references({"results/a": ENTRY | entry}))
    return {fields.get("eprint", key) for key, fields in found.items()}


def test_papers_are_found_by_their_arxiv_ids_only():
    text = "arXiv:1402.2657, eq. 1, and 1805.02664 (arXiv physics/0605123; hep-ex/0001020), "
    text += "arXiv:hep-ph/0609017; no ids: 1302.123, 11.402.2657, 1499.0001, records/2603256"
    new, old = {"1402.2657", "1805.02664"}, {"physics/0605123", "hep-ex/0001020", "hep-ph/0609017"}
    assert papers(text) == new | old


def test_what_a_run_did_not_use_is_not_cited():
    pfn, particlenet = "1810.05165", "1902.08570"
    used = cited(code={"tagging.models": "0" * 10, "tagging.models.pfn": "0" * 10})
    assert pfn in used
    assert particlenet not in used
    assert particlenet in cited(code={"tagging.models.particlenet": "0" * 10})
    assert "2203.11601" not in used  # Pythia
    assert "2203.11601" in cited(libraries={"pythia8mc": "8.317.2"})


def test_the_tune_that_was_set_is_cited_and_no_other():
    code = {"generate.tunes": "0" * 10}
    assert "1903.12179" in cited(code=code, settings={"tune": "cp5"})
    assert not {"1903.12179", "1404.5630"} & cited(code=code, settings={"tune": "a14"})


def test_tables_cite_their_sources():
    assert "1902.09914" in cited(resources={"published/tagging.json": "0" * 10})


def test_papers_without_an_id_are_found_by_their_names():
    assert "Bertsekas:1982" in cited(code={"background.poisson": "0" * 10})


def test_a_paper_that_the_table_lacks_is_there_by_its_id(monkeypatch):
    monkeypatch.setattr(
        "jetchain.plumbing.provenance.cite.texts_of", lambda artefacts: ["arXiv:2001.00001"]
    )
    assert "2001.00001" in cited()


def test_all_papers_named_in_the_sources_have_an_entry():
    named = set()
    tables = [path for suffix in ("json", "yaml") for path in RESOURCES.rglob(f"*.{suffix}")]
    for path in [*digest.ROOT.rglob("*.py"), *tables]:
        named |= papers(path.read_text(encoding="utf-8"))
    assert named - {fields.get("eprint") for fields in KNOWN.values()} == set()


def test_entries_are_whole_and_unlike():
    ids = [fields.get("eprint") or fields["doi"] for fields in KNOWN.values()]
    assert len(ids) == len(set(ids)) == BIBLIOGRAPHY.read_text(encoding="utf-8").count("\n@")
    for fields in KNOWN.values():
        assert {"author", "title", "year", "checked"} <= fields.keys()
        assert set(fields["checked"].split(", ")) <= {"page", "own", "quoted"}  # never by heart
        assert fields["text"].count("{") == fields["text"].count("}")
        if "eprint" in fields:
            assert fields["year"] == "20" + fields["eprint"].split("/")[-1][:2]
