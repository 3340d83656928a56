"""Workers on a cluster of Ray, an optional extra: https://docs.ray.io.

Nodes share no disk. A run's rows and its last checkpoint go out to a worker, and what it tells and
leaves comes back to the store here, which alone is the run's memory: a worker that is lost with its
node is replaced by one elsewhere, which goes on from the checkpoint that came back last. While a
worker lives, a thread here holds the run's lock.

The package goes to the nodes by itself, with the built-in models; they need its requirements, and
other models under the same name or path. What travels between machines is Ray's matter, pickles
among it: a cluster is to be trusted as the machines of it are. No file is read that way.
"""

import contextlib
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from playground.errors import RunError, SettingsError
from playground.processors import SLEEPING_THREADS
from playground.runs.executors.following import follow
from playground.runs.executors.queueing import QueueingExecutor
from playground.runs.executors.remote import RemoteWorker, pack_run
from playground.runs.failure import failure
from playground.runs.run import WORKING
from playground.runs.store import RunStore

ATTEMPTS = 3  # at a run whose workers are lost
LOOK_SECONDS = 0.2  # between two looks whether a run that waits for its worker is still wanted
LOCK_SECONDS = 10.0  # the wait for whoever had the run before
IDLE_SECONDS = 60.0  # a worker is kept that long for a next run; the cluster may have other users
REACH_SECONDS = 5.0
ROOT = Path(__file__).parents[3]
SENT = ("playground", "assets")  # of what lies there: the package, and the models that it brings


@dataclass(frozen=True)
class Bundle:
    """What a worker takes of a node: processors and accelerators, parts of them too."""

    cpus: float = 1.0
    gpus: float = 0.0

    def fits(self, node: Mapping[str, float]) -> int:
        """How many workers a node with these resources has room for."""
        needed = {"CPU": self.cpus, "GPU": self.gpus}
        return min(math.floor(node.get(kind, 0.0) / n) for kind, n in needed.items() if n > 0)


@dataclass(eq=False)
class _Worker:
    actor: Any
    node: str = ""
    idle_since: float = 0.0


class RayWorker(RemoteWorker):
    """What is made an actor."""

    def node(self) -> str:
        """The id of the node that it is on."""
        import ray

        return str(ray.get_runtime_context().get_node_id())


class RayExecutor(QueueingExecutor):
    """Gives runs to workers on the cluster at ``address``; "local" or none starts one here.

    At most ``at_once`` at a time, or as many as the nodes that are there have room for. A paused
    run keeps its worker. Runs end with this process: they are queued again when it closes, and go
    on from their checkpoints with the next one. Raises SettingsError where Ray is not installed or
    the cluster cannot be reached.
    """

    def __init__(
        self,
        store: RunStore,
        address: str = "",
        bundle: Bundle = Bundle(),
        at_once: int | None = None,
    ) -> None:
        super().__init__(store)
        self._closed = threading.Event()
        self._connected = self._connect(address)
        self._bundle = bundle
        self._at_once = at_once
        self._busy: dict[threading.Thread, str] = {}
        self._idle: list[_Worker] = []
        self._queue_again()

    def _connect(self, address: str) -> bool:
        """As `_connect`, in a thread that stays: Ray's own processes here end with the one that
        started them, which may be no more than the one that builds the page.
        """
        connected: Future[bool] = Future()

        def stay() -> None:
            try:
                connected.set_result(_connect(address))
            except BaseException as error:
                connected.set_exception(error)
                return
            self._closed.wait()

        threading.Thread(target=stay, name="ray", daemon=True).start()
        return connected.result()

    @property
    def limit(self) -> int:
        import ray

        if self._at_once is not None:
            return self._at_once
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return max(1, sum(self._bundle.fits(resources) for resources in nodes))

    def adopt(self, run_id: str) -> None:
        """Does nothing: what another process has on the cluster is counted there."""

    def warm(self) -> None:
        """Takes nothing of the cluster ahead of time."""

    def shutdown(self) -> None:
        import ray

        with self._lock:
            self._closing.set()
            self._waiting.clear()
            busy = list(self._busy)
        for thread in busy:
            thread.join()
        for worker in self._idle:
            _end(worker)
        if self._connected:
            ray.shutdown()
        self._closed.set()

    def _queue_again(self) -> None:
        """Queues the runs whose workers have ended with an app that was killed.

        Early, before anyone looks at them and takes them for interrupted.
        """
        for run_id in self.store.ids(*WORKING):
            with contextlib.suppress(RunError):  # deleted since
                if self.store.get(run_id).node and self.store.settle(run_id).state == "interrupted":
                    self.store.queue(run_id)

    def _places(self) -> int:
        return self.limit - len(self._busy)

    def _begin(self, run_id: str) -> None:
        thread = threading.Thread(target=self._carry_out, args=(run_id,), daemon=True)
        self._busy[thread] = run_id
        thread.start()

    def _carry_out(self, run_id: str) -> None:
        """Sees a run through, with one worker after another if they are lost."""
        reason = ""
        try:
            for _ in range(ATTEMPTS):
                lost = self._attempt(run_id)
                if lost is None or self._closing.is_set():
                    return
                reason = lost
            self._give_up(run_id, reason)
        except Timeout:  # a worker elsewhere has the run
            pass
        except Exception as caught:
            error = failure(caught)
            with contextlib.suppress(RunError):  # deleted since
                self.store.set_state(
                    run_id, "failed", error.message, code=error.code, details=error.details
                )
        finally:
            with self._lock:
                del self._busy[threading.current_thread()]
                self._hand_out()

    def _attempt(self, run_id: str) -> str | None:
        """None, or how the worker of a run, which is queued now, was lost."""
        from ray.exceptions import RayError

        try:
            worker = self._take(run_id)
        except RayError as error:  # it never came to be
            return _last_line(error)
        if worker is None:
            return None
        reason = "It ended without a word."
        with self.store.folder(run_id).lock(LOCK_SECONDS):
            ended = False
            try:
                if self._is_queued(run_id):
                    self.store.set_node(run_id, worker.node)
                    self._follow(run_id, worker)
                ended = True
            except RayError as error:
                reason = _last_line(error)
            finally:
                alive = self.store.get(run_id).state in ("queued", *WORKING)
                if ended and not alive:
                    self._keep(worker)
                else:  # nothing that it may still tell will be heard
                    _end(worker)
                if alive:
                    self.store.set_state(run_id, "queued")
        return reason if alive else None

    def _follow(self, run_id: str, worker: _Worker) -> None:
        import ray

        spec = self.store.get(run_id).spec.model_dump_json()
        files = pack_run(self.store.folder(run_id))
        ray.get(worker.actor.begin.remote(run_id, spec, files))

        def exchange(*said: Any) -> Any:
            return ray.get(worker.actor.exchange.remote(*said))

        follow(self.store, run_id, exchange, self._closing)

    def _give_up(self, run_id: str, reason: str) -> None:
        run = self.store.get(run_id)
        self.store.set_state(
            run_id,
            "interrupted",
            f"The worker of this run was lost {ATTEMPTS} times, at last at step {run.step}: "
            f"{reason} See whether the cluster is well, then resume the run to go on from its "
            "last checkpoint.",
            code="runs.lost",
            details={"times": ATTEMPTS, "step": run.step, "reason": reason},
        )

    def _take(self, run_id: str) -> _Worker | None:
        """A worker that is there, or None where the run is not wanted any more before one is."""
        from ray.exceptions import RayError

        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            worker = kept or _Worker(self._new_actor())
            try:
                return self._come(worker, run_id)
            except RayError:  # one that was kept may have been lost since
                if kept is None:
                    raise

    def _come(self, worker: _Worker, run_id: str) -> _Worker | None:
        import ray

        there = worker.actor.node.remote()
        while not ray.wait([there], timeout=LOOK_SECONDS)[0]:
            if self._closing.is_set() or not self._is_queued(run_id):
                _end(worker)
                return None
        worker.node = _node_name(ray.get(there))
        return worker

    def _new_actor(self) -> Any:
        import ray

        options: dict[str, Any] = {"num_cpus": self._bundle.cpus, "num_gpus": self._bundle.gpus}
        return ray.remote(RayWorker).options(scheduling_strategy="SPREAD", **options).remote()

    def _keep(self, worker: _Worker) -> None:
        """Keeps a worker for a while: another run may be next."""

        def let_go() -> None:
            with self._lock:
                idle = time.monotonic() - worker.idle_since
                if worker in self._idle and idle >= IDLE_SECONDS:
                    self._idle.remove(worker)
                    _end(worker)

        with self._lock:
            worker.idle_since = time.monotonic()
            self._idle.append(worker)
        timer = threading.Timer(IDLE_SECONDS + 0.1, let_go)
        timer.daemon = True
        timer.start()


def _end(worker: _Worker) -> None:
    import ray

    with contextlib.suppress(Exception):  # it is gone, or the cluster is
        ray.kill(worker.actor)


def _last_line(error: Exception) -> str:
    """Where Ray's errors say what it was; before it they tell the way there."""
    return str(error).strip().rpartition("\n")[2]


def _node_name(node_id: str) -> str:
    """What people call a node: its name, where it was given one, else that of the machine."""
    import ray

    node = next(node for node in ray.nodes() if node["NodeID"] == node_id)
    named = node["NodeName"] != node["NodeManagerAddress"]
    return str(node["NodeName"] if named else node["NodeManagerHostname"])


def _connect(address: str) -> bool:
    """Joins the cluster; False where this process is connected already."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone
    try:
        import ray
    except ImportError as error:
        raise SettingsError(
            "The executor “ray” needs Ray, which is not installed. Install it with: "
            "pip install -r requirements-ray.txt",
            field="PLAYGROUND_EXECUTOR",
            code="settings.no_ray",
        ) from error
    here = address in ("", "local")
    try:
        if not here:
            _reach(address)
        if ray.is_initialized():
            return False
        ray.init(
            address="local" if here else address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={
                "working_dir": str(ROOT),
                "excludes": ["__pycache__", "/assets/screenshots", *_beside_the_package()],
                "env_vars": {**SLEEPING_THREADS, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            },
            include_dashboard=False if here else None,
        )
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(
            f"The Ray cluster at “{address or 'local'}” cannot be reached: {reason}. Give the "
            "address of its head node, such as 10.0.0.1:6379, or “local” to start one here.",
            field="PLAYGROUND_RAY_ADDRESS",
            code="settings.ray_address",
            value=address or "local",
            reason=reason,
        ) from error
    return True


def _beside_the_package() -> list[str]:
    """What of its folder is not to go to the nodes."""
    return [f"/{entry.name}" for entry in ROOT.iterdir() if entry.name not in SENT]


def _reach(address: str) -> None:
    """Raises OSError where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
