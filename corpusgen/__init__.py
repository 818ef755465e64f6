"""corpusgen compiles a recipe into a released dataset of supportive refusals and answers.

import corpusgen as cg

result = cg.build("smoke", "runs/smoke")
cg.publish(result.run.root, "runs/smoke/release", unreviewed=True)
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from corpusgen.version import VERSION as __version__

__all__ = ["Run", "__version__", "build", "check", "deduplicate", "load_recipe", "plan", "publish"]

if TYPE_CHECKING:
    from corpusgen.api import check, deduplicate, plan
    from corpusgen.build import build
    from corpusgen.publish import publish
    from corpusgen.recipe import load_recipe
    from corpusgen.run import Run

_HOME = {
    "Run": "corpusgen.run",
    "build": "corpusgen.build",
    "check": "corpusgen.api",
    "deduplicate": "corpusgen.api",
    "load_recipe": "corpusgen.recipe",
    "plan": "corpusgen.api",
    "publish": "corpusgen.publish",
}


class _Package(ModuleType):
    """Keeps the public functions that share a name with their module from being hidden by an import of the module."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    # importing the package stays instant; a name costs its module only when it is used
    if name not in _HOME:
        raise AttributeError(f"module 'corpusgen' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
