"""The form of the methods' settings: one field for what several methods have."""

import gradio as gr
import pytest

from playground.methods import methods
from playground.methods.searches import searches
from playground.page.form import MethodForm


@pytest.mark.parametrize("known", [methods(), searches()], ids=["methods", "searches"])
def test_a_field_takes_what_any_of_its_methods_takes(known):
    with gr.Blocks():
        components = MethodForm(known).components
    for method in known.values():
        for setting, info in method.settings.model_fields.items():
            component = components.get(setting)
            if not isinstance(component, gr.Number):
                continue
            for bound in info.metadata:
                least, most = getattr(bound, "ge", None), getattr(bound, "le", None)
                assert least is None or component.minimum <= least, setting
                assert most is None or component.maximum >= most, setting
