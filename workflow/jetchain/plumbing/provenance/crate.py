"""An RO-Crate of the run, from its manifest: https://w3id.org/ro/crate.

It follows the profile Workflow Run Crate: the Snakefile is the main workflow, every job an action
with its inputs, its outputs and the verb that it called. Only the metadata file is written, into
results/, whose files it describes where they lie.
"""

from __future__ import annotations

import json
from collections import defaultdict
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from jetchain.plumbing import checksums
from jetchain.plumbing.provenance.manifest import MANIFEST, Entries, read_manifest

PROFILE = "https://w3id.org/ro/wfrun/workflow/0.5"
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
    crate = ROCrate()
    crate.name = "A run of jetchain"
    crate.description = project["Summary"]
    crate.license = project["License-Expression"]
    crate.root_dataset["conformsTo"] = {"@id": PROFILE}
    engine = crate.add(
        SoftwareApplication(
            crate, "#jetchain", {"name": "jetchain", "softwareVersion": project["Version"]}
        )
    )
    files = {path: _add_file(crate, path, entry) for path, entry in artefacts.items()}
    for job, outputs in sorted(_jobs(artefacts).items()):
        _add_action(crate, engine, f"#{job}", outputs, artefacts, files)
    crate.metadata.write(folder)
    return folder / "ro-crate-metadata.json"


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
) -> None:
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
    crate.add(
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
                    f"{library}=={version}" for library, version in entry["libraries"].items()
                ],
            },
        )
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
