"""The page: header, tabs, wiring, and what it needs to be served."""

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.routing import Route

from playground.inference.client import InferenceProcess
from playground.models.built_in import built_in_models
from playground.page.downloads import run_file, study_file
from playground.page.endpoints import add_endpoints
from playground.page.engine import Engine
from playground.page.header import Header
from playground.page.plotly_file import plotly_file
from playground.page.private import PRIVATE
from playground.page.study_endpoints import add_study_endpoints
from playground.page.tabs.compare import CompareTab
from playground.page.tabs.playground import PlaygroundTab
from playground.page.tabs.runs import RunsTab
from playground.page.tabs.search import SearchTab
from playground.page.tabs.studies import StudiesTab
from playground.page.tabs.train import TrainTab
from playground.page.text import shown, translations
from playground.runs.executors import make_executor
from playground.settings import Settings

WORKER_AFTER = 5.0  # seconds
_HERE = Path(__file__).parent
_STYLE = _HERE.parents[1] / "assets" / "style"
_SYSTEM_FONT = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Noto Sans CJK SC"]


@dataclass(frozen=True)
class Page:
    """The page, the arguments with which to mount it, and what to call once it is served.

    ``routes`` are what the browser reads besides the page.
    """

    blocks: gr.Blocks
    launch: dict[str, Any]
    routes: list[Route]
    warm_up: Callable[[], None]


def build(settings: Settings, inference: InferenceProcess) -> Page:
    """The page over a process that answers; its ``warm_up`` raises ModelError.

    Raises SettingsError where what is to train cannot be had.
    """
    engine = Engine(settings.home, settings.model, inference, make_executor(settings))
    atexit.register(engine.runs.shutdown)
    atexit.register(engine.studies.shutdown)  # which comes first
    with gr.Blocks(title="Prompt Playground", fill_width=True, analytics_enabled=False) as page:
        add_endpoints(engine)  # before the page's own events, which must not take their names
        add_study_endpoints(engine)
        header = Header(settings.model, built_in_models())
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(shown("tab.playground"), id="playground") as first:
                playground = PlaygroundTab(engine, header)
            with gr.Tab(shown("tab.compare"), id="compare") as second:
                compare = CompareTab(engine)
            with gr.Tab(shown("tab.search"), id="search") as third:
                search = SearchTab(engine)
            with gr.Tab(shown("tab.train"), id="train") as fourth:
                train = TrainTab(engine)
            with gr.Tab(shown("tab.studies"), id="studies") as fifth:
                studies = StudiesTab(engine, settings.model)
            with gr.Tab(shown("tab.runs"), id="runs") as sixth:
                runs = RunsTab(engine)
        playground.wire(page.load, header)
        train.wire(playground, tabs)
        train.wire_summary(playground, fourth)
        search.wire(playground, tabs)
        compare.wire(playground, second)
        studies.wire(playground, fifth, tabs, train)
        runs.wire(page.load, tabs, {"training": train, "search": search, "comparison": compare})
        for tab in (first, second, third, fourth, fifth, sixth):
            tab.select(None, js=f"() => playgroundRememberTab('{tab.id}')", **PRIVATE)
        # not by a click: on a phone a tab's button may lie in a menu
        page.load(_open_tab, None, [tabs], queue=False, **PRIVATE).then(
            None, js="() => playgroundTabIsOpen()", **PRIVATE
        )
    launch = {
        "theme": _theme(),
        "css_paths": sorted(_STYLE.glob("*.css")),
        "head": f"<script>{(_HERE / 'page.js').read_text(encoding='utf-8')}</script>",
        "i18n": translations(),
        "footer_links": ["api"],
    }
    routes = [plotly_file(), run_file(engine.runs.history), study_file(engine.studies)]
    return Page(page, launch, routes, lambda: _warm_up(engine))


def _open_tab(request: gr.Request) -> gr.Tabs:
    """The tab that the address names; a name that none has opens the first."""
    return gr.Tabs(selected=request.query_params.get("tab") or "playground")


def _warm_up(engine: Engine) -> None:
    """Waits for the model that the page opens with; has a training worker made ready later."""
    engine.inference.ask("warm_up", model=engine.default_model)
    # the cores belong to the first visitor's page for a while
    later = threading.Timer(WORKER_AFTER, _warm_up_runs, [engine])
    later.daemon = True
    later.start()


def _warm_up_runs(engine: Engine) -> None:
    engine.runs.warm()
    engine.studies.warm()
    engine.runs.history.all_bytes()  # walks through every folder the first time


def _theme() -> gr.themes.Base:
    return gr.themes.Default(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        font=_SYSTEM_FONT,
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono"],
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_sm,
    ).set(
        # Gradio's own are too pale on white to be read with ease (WCAG 2.2, 1.4.3: 4.5 to 1)
        body_text_color_subdued="*neutral_500",
        block_title_text_color="*neutral_700",
        block_label_text_color="*neutral_700",
        input_placeholder_color="*neutral_500",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )
