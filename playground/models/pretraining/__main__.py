"""``python -m playground.models.pretraining``: see `command`."""

import sys

from playground.models.pretraining.command import main

if __name__ == "__main__":
    sys.exit(main())
