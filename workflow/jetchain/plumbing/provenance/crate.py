"""An RO-Crate of the run, from its manifest: https://w3id.org/ro/crate.

It follows the profile Workflow Run Crate: the Snakefile is the main workflow, whose run made what
no other job read; and every job is an action with its inputs, its outputs and the verb that it
called. The metadata file is written into results/, whose files it describes where they lie, and
beside the manifest a copy of the Snakefile and its rules.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

from jetchain.core.io.atomic import atomic
from jetchain.plumbing import checksums, digest
from jetchain.plumbing.provenance.artefacts import ADOPTED, read_artefacts
from jetchain.plumbing.provenance.manifest import MANIFEST, Entries, read_manifest

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
"""What a crate of ours conforms to: name and version by address."""
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"  # sha256 is none of RO-Crate 1.1's own
_WORKFLOW = digest.ROOT.parent
_MEDIA_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".root": "application/x-root",
    ".gz": "application/gzip",
    ".md": "text/markdown",
    ".txt": "text/plain",
}


def write_crate(folder: Path = checksums.RESULTS, manifest: Path = MANIFEST) -> Path:
    """Write ro-crate-metadata.json into the folder of results; returns its path.

    Raises:
        DataError: there is no manifest.
    """
    from rocrate.model.softwareapplication import SoftwareApplication
    from rocrate.rocrate import ROCrate

    artefacts = read_manifest(manifest)
    project = metadata("jetchain")
    crate = ROCrate(version="1.1")  # what the profiles build upon
    crate.metadata.extra_contexts.append(_TERMS)
    crate.name = "A run of jetchain"
    crate.description = project["Summary"]
    _add_profiles(crate, project["License-Expression"])
    engine = crate.add(
        SoftwareApplication(
            crate,
            "#jetchain",
            {"name": "jetchain", "softwareVersion": project["Version"]},
        )
    )
    workflow = _add_workflow(crate, manifest.parent, folder, project)
    files = {path: _add_file(crate, path, entry) for path, entry in artefacts.items()}
    times = _times()
    actions = [
        _add_action(crate, engine, f"#{job}", outputs, artefacts, files, times)
        for job, outputs in sorted(_jobs(artefacts).items())
    ]
    run = _add_run(crate, workflow, artefacts, files, times)
    crate.root_dataset["mentions"] = [{"@id": each.id} for each in (run, *actions)]
    crate.metadata.write(folder)
    return folder / "ro-crate-metadata.json"


def _add_profiles(crate: Any, licence: str) -> None:
    from rocrate.model.contextentity import ContextEntity

    for address, (name, number) in PROFILES.items():
        crate.add(
            ContextEntity(
                crate, address, {"@type": "CreativeWork", "name": name, "version": number}
            )
        )
    crate.root_dataset["conformsTo"] = [{"@id": address} for address in PROFILES]
    of = f"https://spdx.org/licenses/{licence}"
    crate.add(ContextEntity(crate, of, {"@type": "CreativeWork", "name": licence}))
    crate.license = {"@id": of}


def _add_workflow(crate: Any, beside: Path, folder: Path, project: Any) -> Any:
    """The Snakefile as the main workflow, with the rules that it includes, from copies of them."""
    sources = [_WORKFLOW / "Snakefile", *sorted((_WORKFLOW / "rules").rglob("*.smk"))]
    copies = [beside / "workflow" / source.relative_to(_WORKFLOW) for source in sources]
    for source, copy in zip(sources, copies, strict=True):
        with atomic(copy) as temporary:
            temporary.write_bytes(source.read_bytes())
    names = [copy.relative_to(folder).as_posix() for copy in copies]
    workflow = crate.add_workflow(
        dest_path=names[0], main=True, lang="snakemake", lang_version=version("snakemake"),
        properties={"name": "jetchain", "version": project["Version"]},
    )  # fmt: skip
    rules = [
        crate.add_file(dest_path=name, properties={"name": name, "encodingFormat": "text/plain"})
        for name in names[1:]
    ]
    workflow["hasPart"] = [{"@id": each.id} for each in rules]
    return workflow


def _times() -> dict[str, tuple[float, float]]:
    """Begin and end of the job that made each artefact here, in seconds since 1970."""
    return {
        path: (each.started, each.ended) for path, each in read_artefacts().items() if each.ended
    }


def _span(paths: list[str], times: dict[str, tuple[float, float]]) -> dict[str, str]:
    known = [times[path] for path in paths if path in times]
    if not known:
        return {}
    begin, end = min(known)[0], max(last for _, last in known)
    return {
        "startTime": datetime.fromtimestamp(begin, UTC).isoformat(timespec="seconds"),
        "endTime": datetime.fromtimestamp(end, UTC).isoformat(timespec="seconds"),
    }


def _add_run(
    crate: Any,
    workflow: Any,
    artefacts: Entries,
    files: dict[str, Any],
    times: dict[str, tuple[float, float]],
) -> Any:
    """The run of the whole workflow: its results are what no job read."""
    from rocrate.model.contextentity import ContextEntity

    read = {parent for entry in artefacts.values() for parent in entry["parents"]}
    taken_in = [path for path, entry in artefacts.items() if entry["rule"] == ADOPTED]
    return crate.add(
        ContextEntity(
            crate,
            "#run",
            {
                "@type": "CreateAction",
                "name": "run of the workflow",
                "instrument": {"@id": workflow.id},
                "object": [{"@id": files[path].id} for path in taken_in],
                "result": [{"@id": files[path].id} for path in artefacts if path not in read],
                **_span([*artefacts], times),
            },
        )
    )


def _add_file(crate: Any, path: str, entry: dict[str, Any]) -> Any:
    inside = str(Path(path).relative_to(checksums.RESULTS))
    return crate.add_file(
        dest_path=inside,
        properties={
            "name": inside,
            "contentSize": str(entry["bytes"]),
            "sha256": entry["sha256"],
            "encodingFormat": _MEDIA_TYPES.get(Path(path).suffix, "application/octet-stream"),
        },
    )


def _jobs(artefacts: Entries) -> dict[str, list[str]]:
    """The outputs of each job."""
    jobs = defaultdict(list)
    for path, entry in artefacts.items():
        jobs[entry["job"]].append(path)
    return jobs


def _add_action(
    crate: Any,
    engine: Any,
    name: str,
    outputs: list[str],
    artefacts: Entries,
    files: dict[str, Any],
    times: dict[str, tuple[float, float]],
) -> Any:
    from rocrate.model.contextentity import ContextEntity

    entry = artefacts[outputs[0]]
    given = {key: entry[key] for key in ("settings", "seed", "resources") if entry[key]}
    parameters = [
        crate.add(
            ContextEntity(
                crate,
                f"{name}-{key}",
                {"@type": "PropertyValue", "name": key, "value": _text(value)},
            )
        )
        for key, value in given.items()
    ]
    return crate.add(
        ContextEntity(
            crate,
            name,
            {
                "@type": "CreateAction",
                "name": entry["verb"],
                "instrument": {"@id": engine.id},
                "object": [
                    {"@id": files[parent].id} for parent in entry["parents"] if parent in files
                ]
                + [{"@id": parameter.id} for parameter in parameters],
                "result": [{"@id": files[path].id} for path in outputs],
                "softwareRequirements": [
                    f"{library}=={number}" for library, number in entry["libraries"].items()
                ],
                **_span(outputs, times),
            },
        )
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
