"""Edits of what comes from outside the iteration: parameters, buffers and the batch. Their place is told in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from dgmtui.errors import UsageError
from dgmtui.recording.model import ModuleInfo, SnapshotInfo
from dgmtui.session.expression import place
from dgmtui.session.patch.changes import Change
from dgmtui.session.patch.writing import number
from dgmtui.trace.edits import DropSample, SetTensor
from dgmtui.trace.graph import Graph

_METHODS = {"=": "copy_", "+=": "add_", "-=": "sub_", "*=": "mul_", "/=": "div_"}


def changed_tensor(edit: SetTensor, graph: Graph, snapshot: SnapshotInfo, modules: Sequence[ModuleInfo]) -> Change:
    """A parameter's or buffer's change before training; where the batch comes from, for a part of it."""
    kind, _, path = edit.name.partition(":")
    if kind == "input":
        return Change(tuple(_of_batch(edit, graph, snapshot)))
    held = {module.path: module.type for module in modules}
    return Change(
        (
            f"before the training, though the edit was made to the {_word(kind)} of iteration {snapshot.iteration:,};",
            "`model` stands for your variable of that model:",
            "    with torch.no_grad():",
            f"        {_python(path, held)}{_indices(edit.indices)}.{_call(edit)}",
        )
    )


def dropped(edit: DropSample, graph: Graph, snapshot: SnapshotInfo) -> Change:
    """Where the row comes from."""
    row = _data_row(snapshot, edit.row)
    rows = f"leave row {row} of the data set out" if row is not None else "leave it out where the batch is made"
    return Change((f"sample {edit.row} of the batch: {rows}. {_origins(graph)}",))


def _of_batch(edit: SetTensor, graph: Graph, snapshot: SnapshotInfo) -> list[str]:
    name, right = edit.name.partition(":")[2], re.split(r"[-+*/]?=(?!=)", edit.text, maxsplit=1)[-1].strip()
    told = [
        f"{name}{_indices(edit.indices)} of the batch {edit.way} {right}, where the batch is made. {_origins(graph)}"
    ]
    first = _first(edit.indices)
    row = None if first is None else _data_row(snapshot, first)
    if row is not None:
        told.append(f"Sample {first} of the batch is row {row} of the data set{_other(right, snapshot)}.")
    return told


def _other(right: str, snapshot: SnapshotInfo) -> str:
    try:
        other = _first(place(right)[1])
    except UsageError:
        other = None
    row = None if other is None else _data_row(snapshot, other)
    return "" if row is None else f", sample {other} is row {row}"


def _first(indices: Sequence[Any]) -> int | None:
    """The row that indices pick, if they pick one."""
    first = indices[0] if indices else None
    first = first[0] if isinstance(first, tuple) and first else first
    return first if type(first) is int else None


def _data_row(snapshot: SnapshotInfo, sample: int) -> int | None:
    rows = snapshot.extra.get("dataset_index", [])
    return rows[sample] if -len(rows) <= sample < len(rows) else None


def _origins(graph: Graph) -> str:
    fed = [o for o in graph.outside.values() if o.kind == "input" and not o.name.startswith("input:literal")]
    told = [f"{o.name.removeprefix('input:')} is {o.origin}" for o in fed if o.origin]
    return f"({'; '.join(told)}.)" if told else ""


def _call(edit: SetTensor) -> str:
    value, method = edit.value, _METHODS[edit.way]
    if isinstance(value, Tensor) and value.numel() != 1:
        right = re.split(r"[-+*/]?=(?!=)", edit.text, maxsplit=1)[-1].strip()
        return f"{method}(…)  # {right}, of shape {'×'.join(map(str, value.shape))}"
    plain = number(float(value))
    return f"fill_({plain})" if edit.way == "=" else f"{method}({plain})"


def _python(path: str, held: Mapping[str, str]) -> str:
    """``model.enc[0].weight`` for ``enc.0.weight``; by name where a part of the path is no attribute of that kind."""
    text, inner = "model", ""
    for part in path.split("."):
        if part.isidentifier():
            text += f".{part}"
        elif part.isdecimal() and held.get(inner) in ("Sequential", "ModuleList", "ParameterList"):
            text += f"[{part}]"
        else:
            return f"model.get_parameter({path!r})"
        inner = f"{inner}.{part}".lstrip(".")
    return text


def _indices(indices: Sequence[Any]) -> str:
    return "".join(f"[{_index(each)}]" for each in indices)


def _index(index: Any) -> str:
    if isinstance(index, tuple):
        return ", ".join(map(_index, index))
    if isinstance(index, slice):
        ends = ":".join("" if part is None else str(part) for part in (index.start, index.stop))
        return ends if index.step is None else f"{ends}:{index.step}"
    return str(index)


def _word(kind: str) -> str:
    return "parameter" if kind == "param" else "buffer"
