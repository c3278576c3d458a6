"""What every tensor of a replay held, and when: copies are made only before something is overwritten."""

from bisect import bisect_left
from typing import NamedTuple

from torch import Tensor

from dgmtui.trace.graph import NodeRef, Ref
from dgmtui.trace.plan import Plan


class Kept(NamedTuple):
    """What a tensor held before it was overwritten."""

    node: int
    """The one that overwrote it."""
    copy: Tensor
    is_memory: bool
    """``copy`` is of the whole memory that the tensor lies in."""

    def seen_as(self, t: Tensor) -> Tensor:
        """It where ``t`` lies."""
        return self.copy.as_strided(t.shape, t.stride(), t.storage_offset()) if self.is_memory else self.copy


class Values:
    """The tensors of a replay by reference, alive and as they were."""

    def __init__(self, plan: Plan) -> None:
        self._live: dict[Ref, Tensor] = {}
        self._sharing: dict[int, list[Ref]] = {}
        self._frozen: dict[Ref, list[Kept]] = {}
        """Per reference, in order."""
        self._writers: dict[int, list[int]] = {}
        self._plan = plan

    def __contains__(self, ref: Ref) -> bool:
        return ref in self._live

    def live(self, ref: Ref) -> Tensor:
        """The tensor itself, connected by autograd, as it is now."""
        return self._live[ref]

    def put(self, ref: Ref, t: Tensor) -> None:
        """``ref`` has been computed, or fed."""
        self._live[ref] = t
        if self._plan.writes and (key := _storage(t)):
            self._sharing.setdefault(key, []).append(ref)

    def release(self, ref: Ref) -> None:
        """``ref`` will not be asked for again."""
        t = self._live.pop(ref, None)
        self._frozen.pop(ref, None)
        if t is not None and self._plan.writes and (key := _storage(t)):
            self._sharing[key].remove(ref)

    def about_to_change(self, node: int, targets: tuple[Tensor, ...]) -> None:
        """Node ``node`` will overwrite ``targets``: keep what will be asked for."""
        for key in {_storage(t) for t in targets} - {0}:
            self._writers.setdefault(key, []).append(node)
            read = [ref for ref in self._sharing.get(key, ()) if self._is_read_before(ref, node)]
            whole = self._whole([self._live[ref] for ref in read])
            for ref in read:
                kept = Kept(node, whole, True) if whole is not None else Kept(node, _copy(self._live[ref]), False)
                self._frozen.setdefault(ref, []).append(kept)

    def _whole(self, sharing: list[Tensor]) -> Tensor | None:
        """A copy of all the memory that tensors share, where that is less than to copy each."""
        if len(sharing) < 2 or any(t.dtype != sharing[0].dtype or t.is_conj() or t.is_neg() for t in sharing):
            return None
        size = sharing[0].untyped_storage().nbytes() // sharing[0].element_size()
        less = size <= sum(t.numel() for t in sharing)
        return _copy(sharing[0].detach().as_strided((size,), (1,), 0)) if less else None

    def changed(self, targets: tuple[Tensor, ...]) -> list[Tensor]:
        """Every live tensor that shares memory with ``targets``."""
        keys = {_storage(t) for t in targets} - {0}
        return [self._live[ref] for key in keys for ref in self._sharing.get(key, ())]

    def writers(self, ref: Ref, before: int) -> list[int]:
        """Ids, below ``before``, of the nodes that wrote into ``ref``'s memory after it was computed."""
        made = ref.node if isinstance(ref, NodeRef) else -1
        return [node for node in self._writers.get(_storage(self._live[ref]), ()) if made < node < before]

    def at(self, ref: Ref, node: int) -> Tensor:
        """What ``ref`` held just before node ``node`` ran, detached; exact for the nodes that read it."""
        versions = self._frozen.get(ref, [])
        if not versions:
            return self._live[ref].detach()
        place = bisect_left(versions, node, key=lambda version: version.node)
        return versions[place].seen_as(self._live[ref]) if place < len(versions) else self._live[ref].detach()

    def first(self, ref: Ref) -> Tensor:
        """What ``ref`` held right after it was computed, or as it was fed; detached."""
        return self.at(ref, ref.node + 1 if isinstance(ref, NodeRef) else 0)

    def _is_read_before(self, ref: Ref, node: int) -> bool:
        """Whether a state of ``ref`` since its last kept one is asked for by something before ``node``."""
        versions = self._frozen.get(ref)
        if not versions:
            return True
        readings = self._plan.readings.get(ref, ())
        place = bisect_left(readings, versions[-1].node + 1)
        return place < len(readings) and readings[place] <= node


def _copy(t: Tensor) -> Tensor:
    return t.detach().clone()


def _storage(t: Tensor) -> int:
    try:
        return t.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0
