"""Ways of finding a prompt: the settings of each in ``settings.py``, each in a file of its own."""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from playground.lazy import lazy_exports

if TYPE_CHECKING:
    from playground.methods.calibration import Calibration
    from playground.methods.comparison import Comparison, compare
    from playground.methods.comparison_result import ComparisonResult
    from playground.methods.learning_rate_curve import LearningRateCurve
    from playground.methods.learning_rate_finder import find_learning_rate
    from playground.methods.registry import Method, method, methods
    from playground.methods.search_result import SearchResult
    from playground.methods.searches import SearchMethod
    from playground.methods.seeds import SeedsResult, train_seeds
    from playground.methods.settings import MethodSettings, TrainingSettings
    from playground.methods.trained_prompt import TrainedPrompt
    from playground.methods.training import Event, Training, start
    from playground.methods.widening import nearby_words, widened
    from playground.methods.zero_shot import answer_distribution, classify

__all__ = [
    "Calibration",
    "Comparison",
    "ComparisonResult",
    "Event",
    "LearningRateCurve",
    "Method",
    "MethodSettings",
    "SearchMethod",
    "SearchResult",
    "SeedsResult",
    "TrainedPrompt",
    "Training",
    "TrainingSettings",
    "answer_distribution",
    "classify",
    "compare",
    "find_learning_rate",
    "method",
    "methods",
    "nearby_words",
    "start",
    "train_seeds",
    "widened",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Calibration": "playground.methods.calibration",
        "Comparison": "playground.methods.comparison",
        "ComparisonResult": "playground.methods.comparison_result",
        "Event": "playground.methods.training",
        "LearningRateCurve": "playground.methods.learning_rate_curve",
        "Method": "playground.methods.registry",
        "MethodSettings": "playground.methods.settings",
        "SearchMethod": "playground.methods.searches",
        "SearchResult": "playground.methods.search_result",
        "SeedsResult": "playground.methods.seeds",
        "TrainedPrompt": "playground.methods.trained_prompt",
        "Training": "playground.methods.training",
        "TrainingSettings": "playground.methods.settings",
        "answer_distribution": "playground.methods.zero_shot",
        "classify": "playground.methods.zero_shot",
        "compare": "playground.methods.comparison",
        "find_learning_rate": "playground.methods.learning_rate_finder",
        "method": "playground.methods.registry",
        "methods": "playground.methods.registry",
        "nearby_words": "playground.methods.widening",
        "start": "playground.methods.training",
        "train_seeds": "playground.methods.seeds",
        "widened": "playground.methods.widening",
    },
)


class _CallablePackage(ModuleType):
    """Once imported, this package stands where the function ``playground.methods`` stood."""

    def __call__(self) -> "dict[str, Method]":
        from playground.methods.registry import methods

        return methods()


sys.modules[__name__].__class__ = _CallablePackage
