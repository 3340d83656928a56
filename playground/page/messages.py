"""The line below a field that says what is wrong with it."""

import gradio as gr


def message_line(elem_id: str) -> gr.HTML:
    """A sentence about a mistake, beside the field that it concerns; nothing when all is well."""
    return gr.HTML(
        value="",
        elem_id=elem_id,
        html_template='<div class="pg-message" role="alert"></div>',
        js_on_load="const line = element.querySelector('.pg-message');"
        "const show = () => { line.textContent = props.value || ''; line.hidden = !props.value; };"
        "watch('value', show); show();",
        apply_default_css=False,
    )
