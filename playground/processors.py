"""How torch shares the processors with its neighbours.

A torch thread that waits for another spins by default. The page's process and a training worker
then take the cores from each other while doing nothing: on two cores a step of 20 ms was measured
at seconds. Threads that sleep while they wait cost little when alone and nothing when not.
"""

import os


def share_processors() -> None:
    """Makes waiting threads sleep. Call it before torch is first imported: OpenMP reads it then."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
