"""The line below a field that says what is wrong with it."""

import gradio as gr


def message_line(elem_id: str) -> gr.HTML:
    """A sentence about a mistake, beside the field that it concerns; nothing when all is well.

    Its value is the sentence. The document event ``pg-messages`` brings the sentences of several
    lines at once, by ``elem_id``, which costs the browser less than as many components' values;
    a line that it does not name stays as it is.
    """
    return gr.HTML(
        value="",
        elem_id=elem_id,
        html_template='<div class="pg-message" role="alert"></div>',
        js_on_load="const line = element.querySelector('.pg-message');"
        "const show = (text) => { line.textContent = text || ''; line.hidden = !text; };"
        "watch('value', () => show(props.value)); show(props.value);"
        "document.addEventListener('pg-messages', ({ detail }) => {"
        f" if ('{elem_id}' in detail) show(detail['{elem_id}']); }});",
        apply_default_css=False,
    )
