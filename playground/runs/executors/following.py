"""The store's end of a run whose worker is elsewhere."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from playground.runs.executors.remote import Message, unpack
from playground.runs.run import Command
from playground.runs.store import RunStore

PAUSE_SECONDS = 0.02  # in which more can gather, where the worker does not wait for an answer

Exchange = Callable[[Command, Mapping[int, Any]], list[Message]]


def follow(store: RunStore, run_id: str, exchange: Exchange, closing: threading.Event) -> None:
    """Does at the store what a worker tells, until that is done with its run, or at ``closing``.

    ``exchange`` is that of the worker; what it raises is passed on.
    """
    answers: dict[int, Any] = {}
    while not closing.is_set():
        told = exchange(store.read_order(run_id), answers)
        answers = {}
        for message in told:
            if message.name == "done":
                return
            answer = _obey(store, run_id, message)
            if message.number is not None:
                answers[message.number] = answer
        if not answers:
            time.sleep(PAUSE_SECONDS)


def _obey(store: RunStore, run_id: str, message: Message) -> Any:
    folder = store.folder(run_id)
    match message.name, message.arguments:
        case "append", (events,):
            store.append(run_id, events)
        case "set_progress", (step, steps):
            store.set_progress(run_id, step, steps)
        case "set_state", (state, reason, error):
            store.set_state(run_id, state, reason, **error)
        case "take_step_order", ():
            return store.take_step_order(run_id)
        case "replace", (name, files):
            folder.replace(name, lambda fresh: unpack(files, fresh))
        case "remove", (name,):
            folder.remove(name)
        case "write_log", (content,):
            with folder.log.open("ab") as log:
                log.write(content)
        case other:
            raise ValueError(f"a worker told {other}")
    return None
