"""``python -m jetchain.provenance``: what a finished run is, and taking it elsewhere."""

import sys

from jetchain.plumbing.provenance.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
