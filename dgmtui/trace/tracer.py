"""One iteration's operations, seen below autograd as they are dispatched."""

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from dgmtui.errors import ReplayError
from dgmtui.trace.assemble import Seen, Traced, assemble
from dgmtui.trace.graph import Argument, Call, Constant, Node, NodeRef, Outside, OutsideRef, Ref
from dgmtui.trace.operations import (
    NAMESPACES,
    argument_at,
    encode_argument,
    flat_results,
    is_random,
    name_of_op,
    written_arguments,
)
from dgmtui.trace.sources import current_source
from dgmtui.trace.tensors import meta_of, name_of
from dgmtui.trace.tracebacks import unseen

_LITERAL_ELEMENTS = 1 << 16


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records what is dispatched while it is entered, without changing it.

    Tensors are told apart by their implementation's address, so all that were seen are kept alive until the tracer
    is let go.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refused = ""
        """Why the trace can't be replayed, in one sentence; empty if it can."""
        self._seen = Seen()
        self._paused = False
        self._thread: weakref.ref[threading.Thread] | None = None
        """In which it is entered: PyTorch has a stack of modes for each."""
        self._stack: list[int] = []
        self._call_counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._thread = weakref.ref(threading.current_thread())
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        """From another thread it can't be left, only told to let everything pass."""
        if self.entered_here:
            super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._paused = self._paused or not self.entered_here

    @property
    def entered_here(self) -> bool:
        """Whether this is the thread in which it was entered."""
        return self._thread is not None and self._thread() is threading.current_thread()

    @unseen
    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if self._paused or func.namespace == "profiler":  # marks in a profile, no operation
            return func(*args, **kwargs)
        try:
            begun = self._begin(func, args, kwargs)
        except Exception as error:  # the user's training goes on whatever tracing runs into
            self._refuse(f"{func} could not be traced ({type(error).__name__}: {error})")
            return func(*args, **kwargs)
        result = func(*args, **kwargs)
        try:
            self._end(begun, func, result)
        except Exception as error:
            self._refuse(f"{func} could not be traced ({type(error).__name__}: {error})")
        return result

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let operations pass unseen: for measuring tensors while tracing goes on."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def forget(self) -> None:
        """Begin anew: what was seen so far is no part of the trace."""
        self.refused = ""
        self._seen = Seen()
        self._stack = []
        self._call_counts = {}

    def resume(self) -> None:
        """Enter again after a pause in which what ran is no part of the trace, such as an update."""
        self._seen.resumed.append(len(self._seen.nodes))
        self.__enter__()

    def enter_call(self, module: str, type_: str, inputs: Sequence[Tensor], training: bool) -> int:
        """A module with path ``module`` and class ``type_`` is called. Gives the call's id."""
        try:
            known = tuple(self._ref(t) for t in inputs)
        except Exception as error:  # as in dispatch
            known = ()
            self._refuse(f"the inputs of {module or type_} could not be traced ({type(error).__name__}: {error})")
        seen = self._seen
        index = self._call_counts.get(module, 0)
        self._call_counts[module] = index + 1
        call = Call(
            id=len(seen.calls),
            module=module,
            type=type_,
            index=index,
            parent=self._stack[-1] if self._stack else -1,
            inputs=known,
            training=training,
            begin=len(seen.nodes),
        )
        seen.calls.append(call)
        self._stack.append(call.id)
        return call.id

    def exit_call(self, outputs: Sequence[Tensor]) -> None:
        """The module called last and not yet left gives ``outputs``."""
        if not self._stack:
            return
        try:
            refs = tuple(self._ref(t) for t in outputs)
        except Exception as error:  # as in dispatch
            refs = ()
            self._refuse(f"a module's outputs could not be traced ({type(error).__name__}: {error})")
        self._seen.leave(self._stack.pop(), refs)

    def outside_tensors(self) -> list[Tensor]:
        """Tensors that were seen and not made here, in the order they were met."""
        return list(self._seen.outside)

    def finish(self, loss: Tensor, name: Callable[[Tensor], Outside | None], signature: str = "") -> "Traced":
        """The graph that led to ``loss``; ``name`` names an outside tensor, or gives None where it can't.

        Raises:
            ReplayError: ``loss`` was not made while the tracer was entered.
        """
        ref = self._seen.refs.get(loss._cdata) or self._aliased(loss)
        if not isinstance(ref, NodeRef):
            raise ReplayError("the loss was not computed while this iteration was traced; its trace can't be replayed")
        return assemble(self._seen, ref, name, signature, self.refused)

    def _refuse(self, reason: str) -> None:
        self.refused = self.refused or reason

    def _begin(self, func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "_Begun":
        if func.namespace not in NAMESPACES:
            self._refuse(f"{name_of_op(func)} is an operation of its own library, which a replay would not have")
        literal = self._literal(func, args)
        if literal is not None:
            return literal
        encoded = tuple(encode_argument(value, self._ref, self._refuse) for value in args)
        named = {key: encode_argument(value, self._ref, self._refuse) for key, value in kwargs.items()}
        written = [argument_at(func, i, args, kwargs) for i in written_arguments(func)]
        targets = [t for t in flat_results(written) if isinstance(t, Tensor)]
        return _Begun(name_of_op(func), encoded, named, tuple(self._ref(t) for t in targets))

    def _literal(self, func: OpOverload, args: tuple[Any, ...]) -> "_Begun | None":
        """A tensor that the code spells out (``torch.tensor(0.5)``): first seen at ``lift_fresh``, nameless."""
        if func is not torch.ops.aten.lift_fresh.default or args[0]._cdata in self._seen.refs:
            return None
        value: Tensor = args[0]
        if value.numel() == 1:
            options: dict[str, Argument] = {
                "dtype": Constant("dtype", name_of(value.dtype)),
                "device": Constant("device", str(value.device)),
            }
            return _Begun("aten.full.default", (tuple(value.shape), value.item()), options, ())
        if value.numel() <= _LITERAL_ELEMENTS:
            self._seen.add_literal(value, value.clone(), current_source())
        return None

    def _end(self, begun: "_Begun", func: OpOverload, result: Any) -> None:
        seen = self._seen
        results = flat_results(result)
        node = Node(
            id=len(seen.nodes),
            op=begun.op,
            args=begun.args,
            kwargs=begun.kwargs,
            outs=tuple(meta_of(t) if isinstance(t, Tensor) else None for t in results),
            call=self._stack[-1] if self._stack else -1,
            source=current_source(),
            grad_enabled=torch.is_grad_enabled(),
            random=is_random(func, begun.args, begun.kwargs),
            mutates=begun.mutates,
        )
        seen.add_node(node, results)

    def _ref(self, t: Tensor) -> Ref:
        known = self._seen.refs.get(t._cdata)
        if known is None or (t.grad_fn is not None and self._is_detached(known)):
            known = self._aliased(t) or known
        return known if known is not None else self._seen.add_outside(t)

    def _is_detached(self, ref: Ref) -> bool:
        return isinstance(ref, NodeRef) and self._seen.nodes[ref.node].op == "aten.detach.default"

    def _aliased(self, t: Tensor) -> Ref | None:
        """What ``t`` is where it is no tensor of ours and yet in the memory of one.

        Autograd detaches the results that it saves, and gives what it unpacks their history back; backward operations
        in the forward pass (a gradient penalty) take those; and ``t.data`` makes a detached one without
        dispatching anything.
        """
        sharing = self._seen.sharing(t)
        for other in sharing:
            if (
                other is not t
                and t.grad_fn is not None
                and (other.grad_fn, other.output_nr) == (t.grad_fn, t.output_nr)
            ):
                return self._seen.refs[other._cdata]
        if not sharing or sharing[0].dtype != t.dtype or t.requires_grad:
            return None
        alike = [other for other in sharing if _same_place(other, t)]
        other = (alike or sharing)[-1]
        ref = self._seen.refs[other._cdata]
        if not alike and any(isinstance(self._seen.refs[other._cdata], OutsideRef) for other in sharing):
            return None  # a place within memory that the replay copies only in part: a tensor from outside of its own
        op, args = ("aten.detach.default", ()) if alike else (
            "aten.as_strided.default", (tuple(t.shape), tuple(t.stride()), t.storage_offset())
        )  # fmt: skip
        node = Node(
            id=len(self._seen.nodes),
            op=op,
            args=(ref, *args),
            kwargs={},
            outs=(meta_of(t),),
            call=self._stack[-1] if self._stack else -1,
            source=current_source(),
            grad_enabled=False,
        )
        self._seen.add_node(node, (t,))
        return self._seen.refs[t._cdata]


def _same_place(a: Tensor, b: Tensor) -> bool:
    return (a.shape, a.stride(), a.storage_offset()) == (b.shape, b.stride(), b.storage_offset())


@dataclass(frozen=True)
class _Begun:
    """An operation's arguments as they were before it ran."""

    op: str
    args: tuple[Argument, ...]
    kwargs: Mapping[str, Argument] = field(default_factory=dict)
    mutates: tuple[Ref, ...] = ()
