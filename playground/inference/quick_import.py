"""Importing transformers without what only compiled and distributed models need.

transformers marks functions for ``torch.compile`` and knows tensors that are spread over machines.
Merely to say so, it imports the compiler and ``torch.distributed.tensor``, which takes nearly as
long as everything else together. The process that answers neither compiles nor distributes, and
whoever opens the page waits for it.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_COMPILER = "torch._dynamo"
# They tell the compiler what to make of a function, and are nothing to one that just runs.
_MARKS = ("allow_in_graph", "assume_constant_result", "disable")
# All that transformers imports of the compiler itself.
_NEEDED = f"{_COMPILER}._trace_wrapped_higher_order_op"


def import_quickly() -> None:
    """To be called once in a process of our own, before anything imports transformers."""
    import torch

    # as in a build of torch without it, which transformers provides for
    torch.distributed.is_available = lambda: False
    if _COMPILER not in sys.modules:
        _Compiler()


class _Compiler(ModuleType):
    """The compiler, which becomes itself when more of it is wanted than its marks."""

    def __init__(self) -> None:
        super().__init__(_COMPILER)
        spec = find_spec(_COMPILER)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        self._real = spec
        sys.modules[_COMPILER] = self
        self.__path__ = spec.submodule_search_locations
        import_module(_NEEDED)
        del self.__path__  # the next submodule asks for it, and gets the whole package first

    def __getattr__(self, name: str) -> Any:
        if name in _MARKS:
            return _unmarked
        if name.startswith("__") and name != "__path__":  # asked by those who inspect modules
            raise AttributeError(name)
        spec = self._real
        assert spec.loader is not None
        assert spec.submodule_search_locations is not None
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__spec__, self.__path__ = spec, spec.submodule_search_locations
        self.__file__, self.__loader__, self.__package__ = spec.origin, spec.loader, spec.name
        spec.loader.exec_module(self)
        return getattr(self, name)


def _unmarked(function: Any = None, *_: object, **__: object) -> Any:
    """The function as it is, for a mark with or without arguments."""
    return (lambda marked: marked) if function is None else function
