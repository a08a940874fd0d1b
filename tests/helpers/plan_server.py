"""Makes dry runs by Snakemake's own command line, one a line of input: see `planner.py`.

Snakemake is loaded once; the process forks for every plan. The fork reads the configuration and the
rules afresh, and the package too if it was changed.
"""

import gc
import json
import os
import sys
import tempfile

import pandas as pd  # noqa: F401
import snakemake.cli

import jetchain.plumbing.configuration  # noqa: F401
from jetchain.plumbing import digest


def warm_up() -> None:
    """Load what every plan needs: plugins, the package, the source of its definitions."""
    snakemake.cli.get_argument_parser()
    for module in digest._modules():
        digest._parse(module)
    gc.freeze()


def serve() -> None:
    """Answer one request a line: whether files changed, and Snakemake's arguments.

    The answer is Snakemake's exit code and what it said.
    """
    warm_up()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        changed, arguments = json.loads(line)
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if child == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                for name in [each for each in sys.modules if each.partition(".")[0] == "jetchain"]:
                    if changed:
                        del sys.modules[name]
                try:
                    snakemake.cli.main(arguments)
                except SystemExit as end:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(int(end.code or 0))
                os._exit(1)
            _, status = os.waitpid(child, 0)
            output.seek(0)
            text = output.read().decode()
        answers.write(json.dumps([os.waitstatus_to_exitcode(status), text]) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
