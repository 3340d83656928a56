"""Pretrained language models behind one small class."""

from typing import TYPE_CHECKING

from playground.lazy import lazy_exports
from playground.models.built_in import built_in_models

if TYPE_CHECKING:
    from playground.models.catalog import load_model
    from playground.models.deep_prefix import PrefixedModel, PrefixShape
    from playground.models.encoded import Encoded, SoftLayout
    from playground.models.label_head import LabelHead
    from playground.models.label_reader import LabelReader
    from playground.models.label_vectors import LabelVectors
    from playground.models.language_model import LanguageModel
    from playground.models.linear_head import LinearHead
    from playground.models.lora import LoraModel
    from playground.models.prototypes import Prototypes

__all__ = [
    "Encoded",
    "LabelHead",
    "LabelReader",
    "LabelVectors",
    "LanguageModel",
    "LinearHead",
    "LoraModel",
    "PrefixShape",
    "PrefixedModel",
    "Prototypes",
    "SoftLayout",
    "built_in_models",
    "load_model",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Encoded": "playground.models.encoded",
        "LabelHead": "playground.models.label_head",
        "LabelReader": "playground.models.label_reader",
        "LabelVectors": "playground.models.label_vectors",
        "LanguageModel": "playground.models.language_model",
        "LinearHead": "playground.models.linear_head",
        "LoraModel": "playground.models.lora",
        "PrefixShape": "playground.models.deep_prefix",
        "PrefixedModel": "playground.models.deep_prefix",
        "Prototypes": "playground.models.prototypes",
        "SoftLayout": "playground.models.encoded",
        "load_model": "playground.models.catalog",
    },
)
