"""``python -m playground``: see `playground.cli`."""

from playground.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
