"""The command line over the public API: ``python -m playground COMMAND --help``.

One file a command, each with ``add`` for its options. Results go to standard output, everything
else to standard error. What needs torch or pandas is imported where it is used, so that help
comes at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from playground import __version__
from playground.cli import classify, compare, distribution, models, runs, search, studies, train
from playground.cli.output import say
from playground.errors import PlaygroundError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 2 where something is wrong that a person can mend."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["serve"]:
        from playground.boot import main as serve

        return serve(given[1:])
    try:
        options = _parser(given).parse_args(given)
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PlaygroundError as error:
        say(error.message)
    except OSError as error:
        say(f"{error.filename}: {error.strerror}." if error.filename else str(error))
    return 2


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m playground",
        description="Write, measure and train prompts for pretrained language models.",
        epilog="Runs are kept in the folder that the environment variable PLAYGROUND_HOME names, "
        "where the page finds them too.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    models.add(commands)
    distribution.add(commands)
    classify.add(commands)
    compare.add(commands)
    # the options of "train METHOD" are the method's settings, and with them comes torch
    names_method = len(given) > 1 and not given[1].startswith("-")
    train.add(commands, given[1] if names_method and given[0] == "train" else None)
    search.add(commands, given[1] if names_method and given[0] == "search" else None)
    runs.add(commands)
    studies.add(commands)
    commands.add_parser("serve", help="serve the page", add_help=False)
    return parser
