"""One edit as a change of the code: done in the files in memory where its place is certain, else told in words."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from dgmtui.errors import UsageError
from dgmtui.session.patch.files import Code, Codes
from dgmtui.session.patch.finding import Found, module_calls, operations, returned
from dgmtui.session.patch.writing import atom, clamped, linear, number, unary_call, unary_module, unary_words
from dgmtui.trace.edits import ChangeOutput, ReplaceOperation
from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Source
from dgmtui.trace.unary import CLAMP, short
from dgmtui.trace.units import unit_axis


@dataclass(frozen=True)
class Change:
    """What one edit asks of the code at one place."""

    words: tuple[str, ...]
    """Lines that say it, whether or not it is done."""
    source: Source | None = None
    done: bool = False
    """It is in the diff of the source's file."""


def replacement(edit: ReplaceOperation, graph: Graph, codes: Codes) -> list[Change]:
    """A change for every source line that runs an operation that was replaced."""
    lines: dict[Source | None, list[Node]] = {}
    for node in edit.found(graph):
        lines.setdefault(node.source, []).append(node)
    return [_replaced_on(edit, graph, codes, source, nodes) for source, nodes in lines.items()]


def changed_output(edit: ChangeOutput, graph: Graph, codes: Codes) -> list[Change]:
    """The change of what a module or a node gives out: where it is called, else in its own ``forward``."""
    if edit.place.node is not None:
        return [_changed_node(edit, graph, codes, graph.nodes[edit.place.node])]
    calls = [call for call in graph.calls if call.module == edit.place.module and call.outputs]
    nodes = graph.nodes[calls[-1].begin : calls[-1].end]
    sources = dict.fromkeys(node.source for node in nodes)
    for attempt in (_where_called, _in_forward):
        for source in sources:
            if source is not None and (done := attempt(edit, graph, codes.of(source), source, calls)):
                return [done]
    source = next((node.source for node in nodes if node.source is not None), None)
    times = f"the last of its {len(calls)} calls" if len(calls) > 1 else "its call"
    return [Change((f"what {edit.place} ({calls[-1].type}) gives out: {_what(edit)}, at {times}",), source)]


def _replaced_on(
    edit: ReplaceOperation, graph: Graph, codes: Codes, source: Source | None, nodes: list[Node]
) -> Change:
    old, names = short(nodes[0].op).removesuffix("_"), ", ".join(str(node.id) for node in nodes)
    new = linear(unary_words(edit.new), edit.factor, edit.offset)
    words = f"{new} in the place of {old} (node{'s' * (len(nodes) > 1)} {names})"
    if source is None:
        return Change((f"{words}; no line of yours is known to run it",))
    code = codes.of(source)
    found = _matching(code, source, nodes, graph, len(nodes[0].args) - 1)
    if any(each.operand is None for each in found) or _are_nested(found):
        found = []
    for each in sorted(found, key=_place, reverse=True):  # from the last to the first, so that places hold meanwhile
        if not _put(code, each, _replaced(edit, code, each, in_place=bool(nodes[0].mutates))):
            return Change((words,), source)
    if found:
        return Change((words,), source, True)
    return Change((words, *_of_module(edit, graph, nodes)), source)


def _replaced(edit: ReplaceOperation, code: Code, found: Found, *, in_place: bool) -> str:
    assert found.operand is not None
    operand = code.text(found.operand)
    if in_place and operand.replace(".", "").isidentifier():  # a derivative may need what it held before
        new = linear(unary_call(edit.new, f"{operand}.clone()", code.names), edit.factor, edit.offset)
        return f"{operand}.copy_({new})"
    new = linear(unary_call(edit.new, operand, code.names), edit.factor, edit.offset)
    return new if found.is_open or (edit.factor, edit.offset) == (1, 0) else f"({new})"


def _matching(code: Code, source: Source, nodes: Sequence[Node], graph: Graph, others: int) -> list[Found]:
    """The expressions of the line that ran these nodes and no others; empty where that is not certain."""
    op = short(nodes[0].op).removesuffix("_")
    there = [node for node in graph.nodes if node.source == source and short(node.op).removesuffix("_") == op]
    try:
        found = operations(code, source.line, op, others)
    except UsageError:
        return []
    if not found or len(there) % len(found):
        return []
    if len(nodes) == len(there):
        return found
    return [found[there.index(node)] for node in nodes] if len(there) == len(found) else []


def _of_module(edit: ReplaceOperation, graph: Graph, nodes: Sequence[Node]) -> tuple[str, ...]:
    """Says so where a module of torch's runs the operation, so that no line of the user's names it."""
    told = []
    for call in sorted({node.call for node in nodes if node.call >= 0}):
        module = unary_module(edit.new) if (edit.factor, edit.offset) == (1, 0) else None
        put = f"put {module}" if module else "put a module whose forward gives that"
        if graph.calls[call].module:
            told.append(f"where the model is built, {put} in the place of {_named(graph.calls[call])}")
    return tuple(told)


def _changed_node(edit: ChangeOutput, graph: Graph, codes: Codes, node: Node) -> Change:
    words = (f"what {node.name} (node {node.id}) gives out: {_what(edit)}",)
    if node.source is None:
        return Change(words)
    code = codes.of(node.source)
    found = _matching(code, node.source, (node,), graph, len(node.args) - 1)
    shape = graph.meta(NodeRef(node.id)).shape if node.outs and node.outs[0] else ()
    type_ = graph.calls[node.call].type if node.call >= 0 else ""
    done = len(found) == 1 and not node.mutates and _put(code, found[0], _wrapped(edit, code, found[0], shape, type_))
    return Change(words, node.source, done)


def _where_called(edit: ChangeOutput, graph: Graph, code: Code, source: Source, calls: list[Call]) -> Change | None:
    call = calls[-1]
    inside = {node.source for node in graph.nodes[call.begin : call.end]}
    here = [each for each in calls if any(n.source == source for n in graph.nodes[each.begin : each.end])]
    if not call.module or len(inside) != 1 or len(here) != 1:
        return None
    try:
        found = module_calls(code, source.line, call.module)
    except UsageError:
        return None
    shape = graph.meta(call.outputs[0]).shape
    if len(found) != 1 or not _put(code, found[0], _wrapped(edit, code, found[0], shape, call.type)):
        return None
    return Change((f"where {_named(call)} is called: {_what(edit)}",), source, True)


def _in_forward(edit: ChangeOutput, graph: Graph, code: Code, source: Source, calls: list[Call]) -> Change | None:
    call = calls[-1]
    others = {each.module for each in graph.calls if each.type == call.type} - {call.module}
    own = source.function.split(".")[-2:] == [call.type, "forward"]
    if not own or others or len(calls) != 1 or not code.whole:
        return None
    value = returned(code, source.line)
    if value is None or len(call.outputs) != 1:
        return None
    shape = graph.meta(call.outputs[0]).shape
    if not _put(code, Found(value, None, True), _wrapped(edit, code, Found(value, None, True), shape, call.type)):
        return None
    return Change((f"in the forward of {call.type}: {_what(edit)}",), source, True)


def _put(code: Code, found: Found, text: str) -> bool:
    try:
        code.put(found.node, text)
    except UsageError:
        return False
    return True


def _wrapped(edit: ChangeOutput, code: Code, found: Found, shape: tuple[int, ...], module_type: str) -> str:
    """The expression with the operation on it. One unit is cut out, changed and put back among the others."""
    text, unit = code.text(found.node), edit.place.unit
    if unit is None:
        return _applied(edit, atom(found.node, text), found.is_open)
    axis = unit_axis(shape, module_type)
    assert axis is not None, "the edit has found it"
    one = _applied(edit, f"whole.narrow({axis}, {unit}, 1)", True)
    return f"{code.names.torch('slice_scatter')}(whole := {text}, {one}, {axis}, {unit}, {unit + 1})"


def _applied(edit: ChangeOutput, text: str, is_open: bool) -> str:
    if edit.op == CLAMP:
        return clamped(text, *edit.numbers)
    return f"{text} * {number(edit.numbers[0])}" if is_open else f"({text} * {number(edit.numbers[0])})"


def _what(edit: ChangeOutput) -> str:
    unit = "" if edit.place.unit is None else f"unit {edit.place.unit} of it "
    if edit.op == CLAMP:
        return f"{unit}kept from {number(edit.numbers[0])} to {number(edit.numbers[1])}"
    return f"{unit}times {number(edit.numbers[0])}"


def _named(call: Call) -> str:
    return f"{call.module or 'the root'} ({call.type})"


def _place(found: Found) -> tuple[int, int]:
    return found.node.lineno, found.node.col_offset


def _are_nested(found: Sequence[Found]) -> bool:
    nodes = [each.node for each in found]
    return any(other is not node and other in ast.walk(node) for node in nodes for other in nodes)
