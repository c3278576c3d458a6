"""The detectors, one idea a module: whatever module lies in this folder is imported, and so declares its own."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
