"""The modules as a tree in the order in which they are drawn: depth first, each before what it contains."""

from collections.abc import Sequence

from dgmtui.recording.model import ModuleInfo


class Outline:
    """Where each module stands, what contains it and where what it contains ends; built once, in one pass."""

    def __init__(self, modules: Sequence[ModuleInfo]) -> None:
        self.modules: list[ModuleInfo] = []
        self.depth: list[int] = []
        self.parent: list[int] = []
        """Place of the module that contains each; -1 of a root."""
        self.place: dict[str, int] = {}
        """By path."""
        self._lay_out(modules)
        self.end = self._ends()
        """The place behind all that is within each."""

    def __len__(self) -> int:
        return len(self.modules)

    def is_parent(self, place: int) -> bool:
        """Whether it contains modules."""
        return self.end[place] > place + 1

    def ancestors(self, place: int) -> list[int]:
        """What contains it, innermost first."""
        found = []
        while (place := self.parent[place]) >= 0:
            found.append(place)
        return found

    def children(self, place: int) -> list[int]:
        """What it contains directly."""
        found, child = [], place + 1
        while child < self.end[place]:
            found.append(child)
            child = self.end[child]
        return found

    def _lay_out(self, modules: Sequence[ModuleInfo]) -> None:
        known = {module.path for module in modules}
        below: dict[str | None, list[ModuleInfo]] = {}
        for module in modules:
            below.setdefault(module.parent if module.parent in known else None, []).append(module)
        waiting = [(module, -1) for module in reversed(below.get(None, []))]
        while waiting:
            module, parent = waiting.pop()
            place = self.place[module.path] = len(self.modules)
            self.modules.append(module)
            self.parent.append(parent)
            self.depth.append(0 if parent < 0 else self.depth[parent] + 1)
            waiting += [(child, place) for child in reversed(below.get(module.path, []))]

    def _ends(self) -> list[int]:
        ends = list(range(1, len(self) + 1))
        for place in range(len(self) - 1, -1, -1):
            if (parent := self.parent[place]) >= 0:
                ends[parent] = max(ends[parent], ends[place])
        return ends
