"""What nobody asks for any more is not held."""

import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import forward_contributions, parse_target
from dgmtui.credit.propagation import EPSILON_RULE
from dgmtui.credit.sweep import Reader, Sweep
from dgmtui.errors import ReplayError
from dgmtui.trace.graph import NodeRef, Ref
from dgmtui.trace.replay import Replay
from tests.credit.conftest import trace


@pytest.fixture
def replay() -> Replay:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    return trace(model, lambda model, x, y: F.cross_entropy(model(x), y), x=torch.randn(7, 6), y=torch.arange(7) % 3)[1]


def test_a_tensors_relevance_is_let_go_when_the_sweep_has_passed(replay: Replay) -> None:
    target = parse_target("4[1]", replay.graph, replay)
    seed = torch.ones(7, 3)
    seen: list[weakref.ref[Tensor]] = []

    def visit(ref: Ref, relevance: Tensor, approximate: bool) -> bool:
        held = {id(t) for earlier in seen if (t := earlier()) is not None}
        assert held <= {id(seed), id(relevance)}, "element-wise functions hand the same tensor on"
        seen.append(weakref.ref(relevance))
        return False

    Sweep(Reader(replay), EPSILON_RULE).run({target.ref: seed}, visit)
    assert len(seen) > 4


def test_a_replay_for_one_answer_lets_its_activations_go(replay: Replay) -> None:
    target = parse_target("4[1]", replay.graph, replay)
    again = replay.again(differentiable=False)
    again.forward()
    results = [NodeRef(node.id) for node in replay.graph.nodes if node.id < target.ref.node]  # type: ignore[union-attr]
    held = {ref: weakref.ref(again.live(ref)) for ref in results}
    found = forward_contributions(again, target, releasing=True)
    assert found == forward_contributions(replay, target)
    assert not [ref for ref, tensor in held.items() if tensor() is not None]
    with pytest.raises(ReplayError, match="let go"):
        again.value(results[0])


def test_a_replay_told_what_to_keep_holds_nothing_else(replay: Replay) -> None:
    kept = NodeRef(3)
    again = replay.again(differentiable=False, keeping={kept})
    again.forward()
    assert torch.equal(again.value(kept), replay.value(kept))
    assert torch.equal(again.loss, replay.loss)
    with pytest.raises(ReplayError, match="let go"):
        again.value(NodeRef(1))
    with pytest.raises(ReplayError, match="goes back"):
        again.backward()


def test_going_back_with_and_without_watching_gives_the_same_gradients(replay: Replay) -> None:
    plain, watched = replay.again(), replay.again()
    plain.backward(steps=False)
    watched.backward()
    assert plain.gradients.keys() == watched.gradients.keys()
    for name, gradient in plain.gradients.items():
        assert torch.equal(gradient, watched.gradients[name])
    for node in replay.graph.nodes:
        a, b = plain.gradient(NodeRef(node.id)), watched.gradient(NodeRef(node.id))
        assert (a is None) == (b is None)
        assert a is None or (b is not None and torch.equal(a, b))
