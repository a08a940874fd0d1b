"""What the rules call: `launch`, `section`, `job_seed`, `code_digest`, `shards`.

The Snakefile makes one `Rules` from the validated configuration; common.smk gives its methods
their short names. Everything here returns plain strings and integers, since Snakemake stores them
and compares them with those of the next run.
"""

from __future__ import annotations

import ast
import inspect
import json
import string
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from jetchain.core.errors import ConfigurationError
from jetchain.core.seeds import derive_seed
from jetchain.plumbing import digest

WILDCARDS = ("sample", "shard", "algorithm", "model", "method")
Parameter = str | int | Callable[[Any], str | int]


def launch(verb: str) -> str:
    """The shell command of a rule, written from the verb's signature.

    Keywords annotated Input, Inputs and Output are the rule's named inputs and outputs; a keyword
    named like a wildcard gets its value; resources, `settings` and `seed` come from the rule's
    params.
    """
    module, function = digest.verb_location(verb)
    options = []
    for name, annotation in _signature(module, function):
        option = f"--{name.replace('_', '-')}"
        if annotation in ("Input", "Inputs"):
            options.append(f"{option} {{input.{name}:q}}")
        elif annotation == "Output":
            options.append(f"{option} {{output.{name}:q}}")
        elif name in WILDCARDS:
            options.append(f"{option} {{wildcards.{name}:q}}")
        else:
            options.append(f"{option} {{params.{name}:q}}")
    return f"python -m jetchain {verb} {' '.join(options)} > {{log:q}} 2>&1"


def _signature(module: str, function: str) -> list[tuple[str, str]]:
    path = digest.module_path(module)
    if path is None:
        raise LookupError(f"there is no module {module}")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return [
                (argument.arg, ast.unparse(argument.annotation) if argument.annotation else "")
                for argument in [*node.args.args, *node.args.kwonlyargs]
            ]
    raise LookupError(f"{module} defines no '{function}'")


class Rules:
    """The helpers of the rules, bound to one configuration.

    Args:
        configuration: the validated configuration as plain builtins.
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self._configuration = configuration
        # Where in the configuration the settings of a job stand, by their JSON: the dotted path of
        # each first key, or of all under "". It lets `make explain` name keys as the user does.
        self.origins: dict[str, dict[str, str]] = {}

    def section(self, *paths: str, **named: str) -> Parameter:
        """The part of the configuration that a verb reads, as JSON.

        Args:
            paths: one dotted path, for its content; braces are filled from the wildcards.
            named: several, for an object with these fields.
        """
        if bool(paths) == bool(named) or len(paths) > 1:
            raise TypeError("section() takes one path, or several by name")

        # Once per text, not per job: ten thousand shards of a sample share one.
        @cache
        def encode(*filled: str) -> str:
            values = [self._look_up(path) for path in filled]
            value = values[0] if paths else dict(zip(named, values, strict=True))
            text = json.dumps(value, sort_keys=True)
            self.origins[text] = dict(zip(named or [""], filled, strict=True))
            return text

        return _fill([*paths, *named.values()], encode)

    def job_seed(self, *identity: str) -> Parameter:
        """The seed of a job from the root seed and what the job is."""
        root = self._configuration["seed"]
        return _fill(identity, lambda *filled: derive_seed(root, *filled))

    def code_digest(self, verb: str, *modules: str) -> Parameter:
        """The digest of the verb's source closure, and of modules it reaches by name only."""
        return _fill(modules, lambda *filled: digest.code_digest(verb, *filled))

    def shard_names(self, sample: str) -> list[str]:
        """The shards of a sample: 0000, 0001, ..."""
        samples = self._look_up("generate.samples")
        if sample not in samples:
            raise ConfigurationError(
                f"Sample '{sample}' is used but not defined.",
                f"Define it in generate.samples; defined are: {', '.join(samples)}.",
            )
        return [f"{index:04d}" for index in range(samples[sample]["shards"])]

    def shards(
        self, pattern: str, samples: Sequence[str] | None = None
    ) -> list[str] | Callable[[Any], list[str]]:
        """The pattern for every shard of the samples, or of the rule's own sample if none is given.

        Wildcards other than the shard, and the sample where samples are given, are the rule's.
        """

        def paths(filled: str, *own: str) -> list[str]:
            return [
                filled.replace("{sample}", sample).replace("{shard}", shard)
                for sample in samples or own
                for shard in self.shard_names(sample)
            ]

        # What is listed here keeps its braces while the rule's own wildcards are filled in.
        kept = pattern.replace("{shard}", "{{shard}}")
        if samples:
            return _fill([kept.replace("{sample}", "{{sample}}")], paths)
        return _fill([kept, "{sample}"], paths)

    def _look_up(self, path: str) -> Any:
        value: Any = self._configuration
        for part in path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise ConfigurationError(
                    f"The configuration has no '{path}'.", "Define it, or correct the target."
                )
            value = value[part]
        return value


def _fill(templates: Sequence[str], make: Callable[..., Any]) -> Any:
    """Call make with the texts now if none has a wildcard, else once the wildcards are known."""
    formatter = string.Formatter()
    if not any(field for text in templates for _, field, _, _ in formatter.parse(text)):
        return make(*[text.format() for text in templates])

    def from_wildcards(wildcards: Any) -> Any:
        return make(*[text.format_map(wildcards) for text in templates])

    # Snakemake asks for the signature three times a job; kept, it is not worked out each time.
    from_wildcards.__signature__ = inspect.signature(from_wildcards)  # type: ignore[attr-defined]
    return from_wildcards
