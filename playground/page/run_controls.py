"""What steers and follows runs of one kind: buttons, the list of runs, the browser's questions."""

import contextlib
from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError, RunError
from playground.page.engine import Engine
from playground.page.private import PRIVATE
from playground.page.text import explain, language_of, say, shown
from playground.runs import Group, Run, is_group
from playground.runs.spec import Kind

# In which states of a run an order makes sense.
ALLOWED = {
    "pause": ("queued", "running"),
    "step": ("running", "paused"),
    "resume": ("paused", "stopped", "interrupted", "failed"),
    "stop": ("queued", "running", "paused"),
}
_NUDGE_JS = """(run) => {
  document.dispatchEvent(new CustomEvent('pg-run-nudge', { detail: run }));
}"""


class RunControls:
    """Buttons and list for the runs of one ``kind``; ``remembered`` is its place in the address.

    ``orders`` are those of ALLOWED that get a button. ``prefix`` goes before every ``elem_id``.
    """

    def __init__(
        self, engine: Engine, kind: Kind, *, orders: tuple[str, ...], remembered: str, prefix: str
    ) -> None:
        self.engine = engine
        self.kind: Kind = kind
        self.orders = orders
        self.remembered = remembered
        self.prefix = prefix

    def build_buttons(self) -> None:
        """Start and the orders, into a row of their own."""
        with gr.Row(elem_classes="pg-buttons"):
            self.start = gr.Button(
                shown("train.start"),
                variant="primary",
                size="sm",
                interactive=False,  # until the runs there are have come: they must not come after
                elem_id=f"{self.prefix}start",
                min_width=80,
            )
            self.buttons = {name: run_button(name, prefix=self.prefix) for name in self.orders}

    def build_picker(self, label: str) -> None:
        """The list of runs."""
        self.run = gr.Dropdown(
            choices=[],
            label=shown(label),
            interactive=True,
            elem_id=f"{self.prefix}run-picker",
            min_width=220,
        )

    def wire(
        self,
        view: gr.HTML,
        message: gr.HTML,
        show: Callable[..., Any],
        tell_state: Callable[..., Any],
        followers: list[Any],
    ) -> None:
        """Connects buttons and list.

        ``followers`` are enabled by a run's state. ``show(run_id)`` gives another run's value of
        the ``view`` and theirs, ``tell_state(run_id)`` the list's and theirs when a state changes.
        """
        runs = self.engine.runs
        for name, button in self.buttons.items():
            order = _giving(getattr(runs, name))
            button.click(order, [self.run], [message], queue=False, **PRIVATE).then(
                None, [self.run], None, js=_NUDGE_JS, queue=False, **PRIVATE
            )
        self.run.input(show, [self.run], [view, *followers], **PRIVATE)
        remember = f"(run) => playgroundRemember('{self.remembered}', run)"
        self.run.change(None, [self.run], js=remember, queue=False, **PRIVATE)
        self.run.focus(self.list_runs, [self.run], [self.run], **PRIVATE)
        view.state(
            tell_state,
            [self.run],
            [self.run, *followers],
            trigger_mode="always_last",  # what is told of an earlier state must not come last
            queue=False,
            **PRIVATE,
        )

    # ---- handlers ------------------------------------------------------------------------------

    def opened(self, request: gr.Request) -> str:
        """The run that the address names, else the newest: a reloaded page finds it again."""
        chosen = str(request.query_params.get(self.remembered, ""))
        known = [run_id for _, run_id in self._choices(language_of(request), chosen)]
        return chosen if chosen in known else (known[0] if known else "")

    def picker(self, run_id: str, language: str) -> Any:
        """The list as it is now, with this run chosen."""
        return gr.Dropdown(choices=self._choices(language, run_id), value=run_id or None)

    def list_runs(self, run_id: str, request: gr.Request) -> Any:
        """The list as it is now; which run is chosen stays, for it may just be changing."""
        return gr.Dropdown(choices=self._choices(language_of(request), run_id))

    def enabled(self, run_id: str) -> list[Any]:
        """An update of each order's button: which of them make sense now."""
        if is_group(run_id):  # one step of several runs is no order
            allowed = {**ALLOWED, "step": ()}
            states: set[str] = {run.state for run in self.engine.runs.group(run_id).runs}
        else:
            allowed, states = ALLOWED, {self.state(run_id)}
        return [
            gr.Button(interactive=not states.isdisjoint(allowed[name])) for name in self.buttons
        ]

    def state(self, run_id: str) -> str:
        """The state of a run or a group now, "" without one."""
        return self.engine.runs.standing(run_id).state if run_id else ""

    def followed(self, run_id: str) -> dict[str, Any]:
        """What tells a view which run or which group to follow."""
        group = run_id if is_group(run_id) else ""
        return {"run": "" if group else run_id, "group": group, "state": self.state(run_id)}

    def poll(self, asked: list[Any]) -> dict[str, Any]:
        """A run's state and its events after a cursor, for the browser."""
        run_id, cursor, language = asked
        try:
            seen = self.engine.runs.events(str(run_id), int(cursor))
        except PlaygroundError as error:  # deleted in another window, say
            gone = {"step": 0, "steps": 0, "events": [], "cursor": cursor}
            return {"state": "failed", "reason": explain(error, language), **gone}
        reason = RunError(seen["reason"], code=seen["code"], **seen["details"])
        return {**seen, "reason": explain(reason, language)}

    def _choices(self, language: str, chosen: str) -> list[tuple[str, str]]:
        """The newest first: (title, id). A group comes before its members, which are set in.

        Those of studies are left out. The one that is ``chosen`` is there in any case, last if need
        be.
        """
        choices: dict[str, str] = {}

        def add(standing: Run | Group, name: str) -> None:
            state = say(f"run.state.{standing.state}", language)
            choices[standing.id] = f"{name or standing.id} · {state}"

        def add_group(group: Group) -> None:
            count = say("seeds.count", language, count=len(group.runs))
            add(group, f"{group.name} · {count}")
            for member in group.runs:
                add(member, f"↳ {member.name or member.id}")

        for run in self.engine.runs.list(kind=self.kind, studies=False):
            if not run.spec.group:
                add(run, run.name)
            elif run.spec.group not in choices:
                add_group(self.engine.runs.group(run.spec.group))
        if chosen and chosen not in choices:
            with contextlib.suppress(RunError):  # deleted, or a word in the address
                standing = self.engine.runs.standing(chosen)
                if isinstance(standing, Group):
                    add_group(standing)
                elif standing.spec.kind == self.kind:
                    add(standing, standing.name)
        return [(title, run_id) for run_id, title in choices.items()]


def run_button(name: str, *, prefix: str = "", variant: str = "secondary") -> gr.Button:
    """A button that does nothing until there is a run for it."""
    return gr.Button(
        shown(f"train.{name}"),
        variant=variant,  # type: ignore[arg-type]
        interactive=False,
        elem_id=prefix + name.replace("_", "-"),
        min_width=80,
        size="sm",
    )


def _giving(order: Callable[[str], None]) -> Callable[..., str]:
    """A handler that gives an order to a run and returns a sentence if it cannot."""

    def give(run_id: str, request: gr.Request) -> str:
        try:
            order(run_id)
        except PlaygroundError as error:
            return explain(error, language_of(request))
        return ""

    return give
