"""The line on top of every tab: which model, which data, language, theme, a link to it all."""

import gradio as gr

from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.text import language_of, say, shown

LANGUAGE_BUTTON = "EN · 中文"


class Header:
    """Builds the header into the surrounding Blocks."""

    def __init__(self, default_model: str, models: tuple[str, ...]) -> None:
        with gr.Row(elem_id="header"):
            gr.HTML(
                '<div class="pg-brand"><span class="pg-mark">▣</span> Prompt Playground</div>',
                elem_id="brand",
                apply_default_css=False,
                min_height=0,
            )
            self.model = gr.Dropdown(
                label=shown("header.model"),
                choices=list(models),
                value=default_model,
                allow_custom_value=True,
                interactive=True,
                min_width=150,
                elem_id="model",
            )
            self.task = gr.Dropdown(
                label=shown("header.task"),
                choices=[],
                allow_custom_value=True,  # a dataset of the Hub
                interactive=True,
                min_width=180,
                elem_id="task",
            )
            self.upload = gr.UploadButton(
                shown("header.upload"),
                file_types=[".csv", ".tsv", ".txt"],
                size="sm",
                scale=0,
                min_width=92,
                elem_id="upload",
            )
            language = gr.Button(LANGUAGE_BUTTON, size="sm", scale=0, min_width=84)
            theme = gr.Button("◐", size="sm", scale=0, min_width=40, elem_id="theme")
            link = gr.Button(shown("header.link"), size="sm", scale=0, min_width=92)
        self.message = message_line("header-message")
        self.data_message = message_line("data-message")
        language.click(
            None,
            js="() => playgroundLanguage(document.documentElement.lang === 'en' ? 'zh-CN' : 'en')",
        )
        theme.click(None, js="() => playgroundTheme()")
        link.click(_say_copied, js="() => playgroundCopyLink()", queue=False, **PRIVATE)


def _say_copied(request: gr.Request) -> None:
    gr.Info(say("header.copied", language_of(request)), duration=2, title="")
