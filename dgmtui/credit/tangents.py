"""Forward-mode derivatives over a replay: how every tensor downstream moves with one."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dgmtui.credit.flow import is_draw, is_float
from dgmtui.credit.ops import first_line
from dgmtui.credit.pushed import pushed as pushed_directly
from dgmtui.credit.sweep import Reader
from dgmtui.credit.table import VALUE_FREE, packet
from dgmtui.errors import CreditError, ReplayError
from dgmtui.trace.graph import Node, NodeRef, Ref
from dgmtui.trace.operations import run_node
from dgmtui.trace.progress import Progress


def push_forward(
    reader: Reader,
    seed: Tensor,
    start: Ref,
    visit: Callable[[Ref, Tensor], None],
    progress: Progress | None = None,
    *,
    through: Callable[[Node], bool] = lambda node: True,
) -> tuple[str, ...]:
    """Tell ``visit`` the tangent of every tensor that moves when ``start`` moves along ``seed``.

    Random draws are held fixed; ``detach`` and ``no_grad`` cut, as they cut the gradient. Given back is which
    operations were not passed, since they have neither a forward derivative nor a second one.

    Args:
        through: whether a node is to be passed at all.
    """
    blocked: list[str] = []
    tangents: dict[Ref, Tensor] = {start: seed}
    first = start.node + 1 if isinstance(start, NodeRef) else 0
    nodes = reader.graph.nodes
    for node in itertools.islice(nodes, first, None):
        if progress is not None:
            progress.update(node.id / len(nodes), "backward contributions")
        if not through(node):
            continue
        try:
            found = _push(node, tangents, reader)
        except CreditError:
            blocked.append(f"{node.name} (node {node.id})")
            found = {}
        reader.aliases.move(node, found.get(NodeRef(node.id)), tangents, reader.value)
        tangents.update(found)
        for ref, tangent in found.items():
            visit(ref, tangent)
    return tuple(blocked)


def _push(node: Node, tangents: dict[Ref, Tensor], reader: Reader) -> dict[Ref, Tensor]:
    """The tangents of the node's floating results; empty where none of its operands moves."""
    moving = [ref for ref in dict.fromkeys(node.inputs()) if ref in tangents]
    cut = not node.grad_enabled or packet(node.op) in ("detach", *VALUE_FREE) or is_draw(node)
    if not moving or cut:
        return {}
    if packet(node.op) == "native_dropout":
        return _dropout(node, tangents, reader)
    try:
        known = pushed_directly(node, reader.graph, reader.at(node.id), tangents)
        pushed = _dual(node, tangents, reader) if known is None else known
    except (RuntimeError, NotImplementedError, ReplayError):
        pushed = _twice_backward(node, moving, tangents, reader)
    return {
        NodeRef(node.id, out): t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
        for out, t in pushed.items()
        if t is not None
    }


def _dual(node: Node, tangents: dict[Ref, Tensor], reader: Reader) -> dict[int, Tensor | None]:
    read = reader.at(node.id)

    def lookup(ref: Ref) -> Tensor:
        value = read(ref).clone() if ref in node.mutates else read(ref)
        return _moving(value, tangents[ref]) if ref in tangents else value

    with torch.no_grad(), forward_ad.dual_level():
        results = run_node(node, lookup, reader.graph)
        return {
            out: _tangent(result)
            for out, result in enumerate(results)
            if isinstance(result, Tensor) and result.dtype.is_floating_point
        }


def _moving(value: Tensor, tangent: Tensor) -> Tensor:
    dual: Tensor = forward_ad.make_dual(value, tangent.to(value.dtype))  # type: ignore[no-untyped-call]
    return dual


def _tangent(dual: Tensor) -> Tensor | None:
    tangent: Tensor | None = forward_ad.unpack_dual(dual).tangent  # type: ignore[no-untyped-call]
    return tangent


def _twice_backward(
    node: Node, moving: list[Ref], tangents: dict[Ref, Tensor], reader: Reader
) -> dict[int, Tensor | None]:
    """``J t`` as the derivative of ``u ↦ Jᵀu·t``, for operations that have no forward derivative."""
    read = reader.at(node.id)
    leaves = {ref: read(ref).detach().requires_grad_() for ref in moving}

    def lookup(ref: Ref) -> Tensor:
        value = leaves[ref] if ref in leaves else read(ref)
        return value.clone() if ref in node.mutates else value

    try:
        with torch.enable_grad():
            results = run_node(node, lookup, reader.graph)
            outs = {i: r for i, r in enumerate(results) if isinstance(r, Tensor) and r.requires_grad}
            u = [torch.zeros_like(r, requires_grad=True) for r in outs.values()]
            pulled = torch.autograd.grad(
                list(outs.values()), list(leaves.values()), u, create_graph=True, allow_unused=True
            )
            pairs = [(p, tangents[ref].to(p.dtype)) for p, ref in zip(pulled, moving, strict=True) if p is not None]
            pushed = torch.autograd.grad([p for p, _ in pairs], u, [t for _, t in pairs], allow_unused=True)
    except (RuntimeError, NotImplementedError, ReplayError) as error:
        raise CreditError(
            f"{node.name} (node {node.id}) has no forward derivative, so backward contributions can't pass it: "
            f"{first_line(error)}"
        ) from error
    return dict(zip(outs, pushed, strict=True))


def _dropout(node: Node, tangents: dict[Ref, Tensor], reader: Reader) -> dict[Ref, Tensor]:
    """With the mask that was drawn: ``t ⊙ mask / (1 − p)``."""
    source = next(ref for ref in node.inputs() if is_float(reader.graph.meta(ref).dtype))
    p = float(node.args[1])  # type: ignore[arg-type]
    mask = reader.value(NodeRef(node.id, 1))
    return {NodeRef(node.id): tangents[source] * mask * (0.0 if p == 1 else 1 / (1 - p))}
