"""A network once more, to be changed without a change to the one that is there."""

import copy
from itertools import chain
from typing import Any


def view_of(network: Any) -> Any:
    """The network with modules of its own over the same weights, which take no further memory."""
    shared = {id(tensor): tensor for tensor in chain(network.parameters(), network.buffers())}
    return copy.deepcopy(network, shared)
