"""Running a trace again: forward to any node, backward from the loss, in its own dtype or another."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.backward import BackwardStep, Edges, Watch
from dgmtui.trace.decomposed import DECOMPOSED
from dgmtui.trace.draws import has_draws, substitute
from dgmtui.trace.graph import Call, Constant, Graph, Node, NodeRef, Outside, OutsideRef, Ref
from dgmtui.trace.loading import load_replay
from dgmtui.trace.operations import (
    call_op,
    decode_argument,
    decode_constant,
    resolve_op,
    run_node,
)
from dgmtui.trace.plan import plan_of
from dgmtui.trace.precision import adapt_call, in_dtype, replaced_dtype
from dgmtui.trace.progress import Progress
from dgmtui.trace.tensors import dtype_named, laid_out_as, lies_as
from dgmtui.trace.values import Values

__all__ = ["Replay", "load_replay", "resolve_op", "run_node"]


class Replay:
    """One iteration, run again from its trace and its outside tensors.

    ``feeds`` are never changed by it, and must not be changed while it is used: what the graph changes in place is
    copied when ``forward`` starts, the rest is read where it is. ``draws`` are the results of random
    operations by node and result; without them chance is really drawn, from ``rng_state`` (the CPU generator's) if
    given, and from ``rng_states`` from the nodes on that they are given by; the process's own generators are put back
    afterwards. ``dtype`` runs every floating tensor in that dtype. ``device`` None keeps the traced devices. Without
    ``differentiable`` there is no going back from it, and nothing is kept for that. ``keeping`` says which tensors are
    asked for later (None: any); the others are let go as soon as no operation takes them.
    """

    def __init__(
        self,
        graph: Graph,
        feeds: Mapping[str, Tensor],
        *,
        draws: Mapping[tuple[int, int], Tensor] | None = None,
        rng_state: Tensor | None = None,
        rng_states: Mapping[int, Tensor] | None = None,
        dtype: torch.dtype | None = None,
        device: str | torch.device | None = None,
        differentiable: bool = True,
        keeping: Collection[Ref] | None = None,
    ) -> None:
        missing = [name for name in graph.outside if name not in feeds]
        if missing:
            raise ReplayError(f"the replay lacks {', '.join(missing[:5])}; the snapshot does not hold it")
        self.graph = graph
        self.dtype = dtype
        self.device = torch.device(device) if device is not None else None
        self.draws: dict[tuple[int, int], Tensor] = {}
        self.gradients: dict[str, Tensor] = {}
        self.backward_steps: tuple[BackwardStep, ...] = ()
        self._feeds = feeds
        self._given = draws
        self._rng_state = rng_state
        self._plan = graph.once(plan_of)
        self._rng_states = (rng_states or {}) if self._plan.random else {}
        self._values = Values(self._plan)
        self._differentiable = differentiable
        self._keeping = None if keeping is None else frozenset(keeping)
        self._leaves: dict[str, Tensor] = {}
        self._edges = Edges()
        self._result_gradients: dict[Ref, Tensor] = {}
        self._done = 0
        self._went_back = self._watched = False

    @property
    def feeds(self) -> Mapping[str, Tensor]:
        """The outside tensors as given."""
        return self._feeds

    @property
    def given_draws(self) -> Mapping[tuple[int, int], Tensor]:
        """The results of random operations as given, and those that it drew itself; empty if there are none yet."""
        return {**(self._given or {}), **self.draws}

    @property
    def rng_states(self) -> Mapping[int, Tensor]:
        """The generator states as given, by the nodes from which on they hold."""
        return self._rng_states

    def again(
        self,
        *,
        feeds: Mapping[str, Tensor] | None = None,
        dtype: torch.dtype | None = None,
        graph: Graph | None = None,
        draws: Mapping[tuple[int, int], Tensor] | None = None,
        rng_states: Mapping[int, Tensor] | None = None,
        same_draws: bool = True,
        differentiable: bool = True,
        keeping: Collection[Ref] | None = None,
    ) -> "Replay":
        """A new, unrun replay of the same iteration: with other feeds, in another dtype, of an edited graph.

        It takes the draws of this one, unless others are given, or ``same_draws`` is False: then it draws as this one
        did.
        """
        drawn = draws if draws is not None else self.given_draws if same_draws else self._given
        return Replay(
            self.graph if graph is None else graph,
            self._feeds if feeds is None else feeds,
            draws=drawn or None,
            rng_state=self._rng_state,
            rng_states=self._rng_states if rng_states is None else rng_states,
            dtype=dtype or self.dtype,
            device=self.device,
            differentiable=differentiable,
            keeping=keeping,
        )

    def forward(self, *, to: int | None = None, progress: Progress | None = None) -> None:
        """Run the nodes up to and with ``to`` (all, if None) that have not run yet.

        Raises:
            ReplayError: an operation is unknown, refused or fails.
            Cancelled: ``progress`` was cancelled.
        """
        end = len(self.graph.nodes) if to is None else min(to + 1, len(self.graph.nodes))
        with self._isolated():
            if not self._leaves and self._done == 0:
                self._feed()
            for node in self.graph.nodes[self._done : end]:
                if progress is not None:
                    progress.update(node.id / max(end, 1), f"replaying {node.name}")
                if node.id in self._rng_states:
                    torch.set_rng_state(self._rng_states[node.id])
                self._run(node)
                self._done = node.id + 1

    def backward(self, *, steps: bool = True) -> None:
        """Back-propagate from the loss, as ``loss.backward()`` did; fills ``gradients`` and ``backward_steps``.

        Without ``steps`` the backward functions are not watched. A second call does nothing, unless it is the first
        that watches.

        Raises:
            ReplayError: the loss depends on nothing that takes a gradient.
        """
        if self._went_back and (self._watched or not steps):
            return
        self.forward()
        loss = self._values.live(self.graph.loss)
        if not loss.requires_grad:
            raise ReplayError(
                "the loss depends on no parameter that takes a gradient; there is no backward pass to replay"
                if self._differentiable
                else "this replay was told that nobody goes back from it; ask `again` for one that can"
            )
        try:
            with self._isolated():
                if steps:
                    self._go_back_watched(loss)
                else:
                    self.gradients, self._result_gradients = self._edges.gradients(loss, self._leaves)
        except RuntimeError as error:
            raise ReplayError(f"the backward pass failed in the replay: {str(error).splitlines()[0]}") from error
        self._went_back, self._watched = True, steps

    def _go_back_watched(self, loss: Tensor) -> None:
        leaves = {torch.autograd.graph.get_gradient_edge(leaf).node: name for name, leaf in self._leaves.items()}
        for leaf in self._leaves.values():
            leaf.grad = None
        watch = Watch(loss, self._edges.owners(), leaves)
        try:
            with self._edges.kept() as kept:
                torch.autograd.backward(loss, torch.ones_like(loss), retain_graph=True)
        finally:
            watch.remove()
        self.backward_steps = watch.steps()
        self._result_gradients = kept
        self.gradients = {name: leaf.grad for name, leaf in self._leaves.items() if leaf.grad is not None}

    @property
    def loss(self) -> Tensor:
        """The loss, detached."""
        return self.value(self.graph.loss)

    def value(self, ref: Ref, *, at: int | None = None) -> Tensor:
        """What ``ref`` held right after it was computed (or as it was fed), detached.

        With ``at``, what it held just before node ``at`` ran: another thing where it was changed in place since.
        """
        self._ensure(ref)
        return self._values.first(ref) if at is None else self._values.at(ref, at)

    def writers(self, ref: Ref, before: int) -> list[int]:
        """Ids, below ``before``, of the nodes that wrote into ``ref``'s memory after it was computed."""
        self._ensure(ref)
        return self._values.writers(ref, before)

    def output(self, call: Call, index: int = 0) -> Tensor:
        """What a module call gave back, as its caller received it, detached."""
        return self.value(call.outputs[index], at=call.end)

    def gradient(self, ref: Ref) -> Tensor | None:
        """The loss's gradient by ``ref``; None where none reached it, or before ``backward``."""
        if isinstance(ref, OutsideRef):
            return self.gradients.get(ref.name)
        return self._result_gradients.get(ref)

    def live(self, ref: Ref) -> Tensor:
        """The tensor itself, connected by autograd."""
        self._ensure(ref)
        return self._values.live(ref)

    def release(self, ref: Ref) -> None:
        """Let go of the value and the gradient of ``ref``, which nobody will ask this replay for again.

        The memory is free once nothing else lies in it and autograd does not need it (see ``differentiable``).
        """
        self._values.release(ref)
        self._result_gradients.pop(ref, None)

    def _ensure(self, ref: Ref) -> None:
        if ref in self._values:
            return
        self.forward(to=ref.node if isinstance(ref, NodeRef) else -1)
        if ref not in self._values:
            made = isinstance(ref, NodeRef) and ref.node < len(self.graph.nodes)
            raise ReplayError(
                f"the value of {ref} was let go; ask `again` for a replay that keeps it"
                if made or (isinstance(ref, OutsideRef) and ref.name in self.graph.outside)
                else f"{ref} is no tensor of this iteration"
            )

    def _feed(self) -> None:
        changed = {
            ref.name
            for node in self.graph.nodes
            for ref in node.mutates
            if isinstance(ref, OutsideRef) and node.grad_enabled
        }
        for name, outside in self.graph.outside.items():
            leaf = self._placed_as(name, outside)
            differentiable = leaf.is_floating_point() or leaf.is_complex()
            if outside.meta.requires_grad and differentiable:
                self._leaves[name] = leaf.requires_grad_()
            # A tensor that was no leaf in the training may be changed in place there; a leaf may not.
            aside = outside.meta.requires_grad and name in changed
            with torch.enable_grad():
                self._values.put(OutsideRef(name), leaf.clone() if aside else leaf)

    def _placed_as(self, name: str, outside: Outside) -> Tensor:
        """What was fed as the trace had it: itself where nothing writes to it and it lies alike, else a copy."""
        given = self._feeds[name].detach()
        fed = in_dtype(given, self.dtype)
        fed = fed if self.device is None else fed.to(self.device)
        same = lies_as(fed, outside.meta) and not fed.is_inference()
        return fed if same and (fed is not given or name not in self._plan.written) else laid_out_as(fed, outside.meta)

    def _run(self, node: Node) -> None:
        targets: tuple[Tensor, ...] = ()
        if node.mutates:
            targets = tuple(self._values.live(ref) for ref in node.mutates)
            self._values.about_to_change(node.id, targets)
        with nullcontext() if node.grad_enabled else torch.no_grad():
            results = self._results(node, targets)
        if len(results) != len(node.outs):
            raise ReplayError(
                f"{node.op} gives {len(results)} results here and gave {len(node.outs)} when traced; replay with torch "
                f"{self.graph.torch_version}"
            )
        for out, result in enumerate(results):
            if isinstance(result, Tensor):
                self._keep(node, NodeRef(node.id, out), result)
        if node.mutates and self._differentiable:
            for t in self._values.changed(targets):
                self._edges.own(t, node.id)
        if self._keeping is not None:
            for ref in self._plan.last_uses.get(node.id, ()):
                if ref not in self._keeping and ref != self.graph.loss:
                    self.release(ref)

    def _results(self, node: Node, targets: tuple[Tensor, ...]) -> tuple[Any, ...]:
        op = resolve_op(node.op)
        args = [decode_argument(value, self._values.live, self._constant) for value in node.args]
        if node.random and self._given is not None and has_draws(node, self._given):
            given = {key: self._placed(self._given[key]) for key in self._given if key[0] == node.id}
            return substitute(node, given, args, targets)
        kwargs = {key: decode_argument(value, self._values.live, self._constant) for key, value in node.kwargs.items()}
        if self.dtype is None:
            return call_op(op, node, args, kwargs)
        adapt_call(op, node, args, kwargs, self.dtype)
        decomposed = DECOMPOSED.get(node.name)
        results = call_op(op, node, args, kwargs) if decomposed is None else decomposed(*args, **kwargs)
        return (
            results if node.mutates else tuple(in_dtype(r, self.dtype) if isinstance(r, Tensor) else r for r in results)
        )

    def _placed(self, draw: Tensor) -> Tensor:
        draw = in_dtype(draw, self.dtype)
        return draw if self.device is None else draw.to(self.device)

    def _constant(self, constant: Constant) -> Any:
        if constant.kind == "dtype":
            return replaced_dtype(dtype_named(constant.value), self.dtype)
        return decode_constant(constant, self.device)

    def _keep(self, node: Node, ref: NodeRef, result: Tensor) -> None:
        self._values.put(ref, result)
        if node.random:
            self.draws[ref.node, ref.out] = result.detach().clone()
        if result.requires_grad and result.grad_fn is not None:
            self._edges.add(ref, result)

    @contextmanager
    def _isolated(self) -> Iterator[None]:
        """Neither autocast nor grad mode of the caller's, and every generator afterwards as it was."""
        with ExitStack() as stack:
            stack.enter_context(torch.set_grad_enabled(self._differentiable))
            for kind in {"cpu", *(torch.device(o.meta.device).type for o in self.graph.outside.values())} - {"meta"}:
                if torch.is_autocast_enabled(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            if self._plan.random:
                stack.enter_context(torch.random.fork_rng())
                if self._rng_state is not None and self._done == 0:
                    torch.set_rng_state(self._rng_state)
            yield
