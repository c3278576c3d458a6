"""A chain's account: each line opens, the region and the parameters are those that were planted."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import chain, gradient_chain, parse_target
from dgmtui.credit.region import region_of
from dgmtui.errors import CreditError
from dgmtui.trace.birth import first_birth
from dgmtui.trace.graph import OutsideRef


def chain_of(replay: Any) -> Any:
    birth = first_birth(replay)
    assert birth is not None
    return chain(replay, birth)


def test_each_unit_of_the_account_is_a_target_and_the_rest_opens_by_print(run: Any) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    with torch.no_grad():
        model[2].weight.abs_()[1] *= 40
        model[2].bias[1] = 30.0
    x = torch.rand(4, 6)
    x[2, 3] = 25.0
    replay = run(model, lambda m, x: m(x).exp().mean(), x=x)
    found = chain_of(replay)
    units = [line for line in found.account if line.target]
    assert [line.command for line in units] == [f"credit {line.target}" for line in units]
    assert len(units) == 3
    for line in units:
        target = parse_target(line.target, replay.graph, replay)
        assert (target.value, target.sample) == (pytest.approx(line.value), 2)
    assert [line.command for line in found.account if not line.target][:2] == [
        "print input:x[2, 3]",
        "print input:x[2]",
    ]
    kept = {line.what: line for line in found.account if line.what.startswith("param:")}
    ours = kept["param:2.weight[1]"]
    norms = model[2].weight.detach().norm(dim=1)
    assert ours.value == pytest.approx(float(norms[1]), rel=1e-5)
    assert f"{float(norms[1] / norms.median()):.3g} ×" in ours.note
    bias = kept["param:2.bias[1]"]
    assert bias.value == 30.0 and bias.share == pytest.approx(30.0 / found.links[0].value, rel=1e-4)
    assert bias.command == "print param:2.bias[1]"


def test_the_region_of_a_picture_is_where_it_was_planted(run: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(3 * 100, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.conv(x).relu().flatten(1))

    torch.manual_seed(2)
    model = Net()
    with torch.no_grad():
        model.conv.weight.fill_(1.0)
        model.head.weight.fill_(1.0)
    x = torch.rand(5, 1, 10, 10) * 0.001
    x[3, 0, 4:6, 7:9] = 30.0
    replay = run(model, lambda m, x: m(x).exp().mean(), x=x)
    found = chain_of(replay)
    line = next(line for line in found.account if "rows" in line.what or "row " in line.what)
    # the chain goes through one position of the convolution, which sees 3 × 3 pixels: the planted four are among them
    assert (
        line.what.startswith("rows 4–5, column")
        and line.note == "of input:x@3"
        and line.share is not None
        and line.share > 0.5
    )
    assert line.command == "print input:x[3]"


def test_a_region_is_a_box_that_holds_most(run: Any) -> None:
    replay = run(nn.Flatten(), lambda m, x: m(x).mean(), x=torch.randn(2, 8, 9, requires_grad=True))
    graph, ref = replay.graph, OutsideRef("input:x")
    plane = torch.full((8, 9), 0.01)
    plane[2:5, 6:8] = 1.0
    found = region_of(graph, ref, plane)
    assert found is not None and found.share > 0.5
    rows, columns = ([int(n) for n in part.split()[1].split("–")] for part in found.text.split(", "))
    assert rows[0] >= 2 and rows[-1] <= 4 and columns[0] >= 6 and columns[-1] <= 7
    part = plane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert found.share == pytest.approx(float(part.sum() / plane.sum()))
    spread = region_of(graph, ref, torch.ones(8, 9))
    assert spread is not None and (spread.text == "all over it" or spread.share >= 0.5)
    assert region_of(graph, ref, torch.zeros(8, 9)) is None
    features = region_of(graph, ref, torch.tensor([0.0, 5.0, -1.0, 6.0]))
    assert features is not None and (features.text, features.share) == ("feature 3", 0.5)


def test_a_word_is_the_end_of_a_chain_through_an_embedding(run: Any) -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(20, 4), nn.Linear(4, 2)

        def forward(self, words: Tensor) -> Tensor:
            return self.head(self.embedding(words.t()).sum(0))

    model = Words()
    with torch.no_grad():
        model.embedding.weight[13, 2] = 300.0
        model.head.weight[1] = torch.tensor([0.0, 0.0, 1.0, 0.0])
    words = torch.randint(0, 12, (6, 5))
    words[4, 3] = 13
    found = chain_of(run(model, lambda m, words: m(words).exp().mean(), words=words))
    last = found.links[-1]
    assert (last.module, last.element, last.value, last.sample) == ("input:words", (4, 3), 13.0, 4)
    assert last.command == "print input:words[4, 3]"
    assert "sample 4 of words at [3] = 13" in found.sentence


class Through(nn.Module):
    """A linear layer, then an operation whose derivative is infinite or makes 0·∞ where it stands."""

    def __init__(self, operation: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2, bias=False)
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(self.fc(x))


@pytest.mark.parametrize(
    ("operation", "op", "received", "derivative", "incoming"),
    [
        (torch.sqrt, "aten.sqrt", 0.0, "inf", None),
        (lambda h: h.abs().pow(0.5), "aten.pow", 0.0, "inf", None),
        (lambda h: torch.acos(1 - h), "aten.acos", 1.0, "-inf", None),
        (lambda h: torch.where(h > 0, h, h.sqrt()), "aten.sqrt", 0.0, "inf", None),
        (lambda h: torch.where(h > 0, h.sqrt(), h), "aten.sqrt", 0.0, "inf", 0.0),
        (lambda h: h.sqrt() * torch.tensor([0.0, 1.0]), "aten.sqrt", 0.0, "inf", 0.0),
        (lambda h: 1e-15 / (h + 1e-30), "aten.reciprocal", 1e-30, "-inf", pytest.approx(1.25e-16)),
    ],
    ids=["sqrt", "pow", "acos", "where taken", "where trap", "zero times", "division"],
)
def test_a_backward_account_has_the_gradient_the_derivative_and_where_it_went(
    run: Any, operation: Any, op: str, received: float, derivative: str, incoming: Any
) -> None:
    model = Through(operation)
    with torch.no_grad():
        model.fc.weight.copy_(torch.tensor([[1.0, 1.0, 0.0], [0.5, 0.0, 1.0]]))
    x = torch.rand(4, 3) * 0.1 + 0.05
    x[2] = torch.tensor([0.03, -0.03, 0.5])
    replay = run(model, lambda m, x: m(x).mean(), x=x)
    birth = first_birth(replay)
    assert birth is not None and birth.phase == "backward", birth
    found = chain(replay, birth)
    came, passed, *rest = found.account
    assert came.what.startswith("∂L/∂node:")
    assert came.value == (pytest.approx(0.125) if incoming is None else incoming)
    assert passed.op == op and passed.value == pytest.approx(received, abs=1e-9)
    made = "nan" if came.value == 0.0 else derivative
    assert passed.note == f"{came.value:.4g} × {derivative} = {made}"
    assert rest[0].note.startswith("non-finite in 1 of 1 parameters: fc.weight (3 of 6)")
    assert rest[0].command == "print grad:fc.weight"
    assert {line.what.split("@")[-1] for line in rest[1:] if line.target} == {"2"}
    assert "The gradient that came in there" in found.sentence


def test_an_exploding_gradient_names_the_layer_that_it_grew_through(run: Any) -> None:
    torch.manual_seed(3)
    layers = [nn.Linear(16, 16) for _ in range(8)]
    for layer in layers:
        nn.init.orthogonal_(layer.weight)
    model = nn.Sequential(*layers)
    with torch.no_grad():
        model[5].weight *= 1000
    replay = run(model, lambda m, x: m(x).mean(), x=torch.randn(4, 16))
    found = gradient_chain(replay, parse_target("1[3]", replay.graph, replay))
    steps = {line.what: line for line in found.account}
    own = replay.gradient(replay.graph.calls[2].outputs[0])[:, 3].norm()
    assert found.account[-1].value == pytest.approx(float(own), rel=1e-5)
    assert steps["through 5"].share == pytest.approx(1000, rel=1e-3)
    assert max(found.account, key=lambda line: line.share or 0.0).what == "through 5"
    assert "aten.addmm" in found.sentence and "by 1e+03" in found.sentence


def test_a_gradient_that_is_not_there_is_refused(run: Any) -> None:
    model = nn.ModuleDict({"used": nn.Linear(3, 2), "cut": nn.Linear(3, 2)})
    replay = run(model, lambda m, x: (m["used"](x) + m["cut"](x).detach()).mean(), x=torch.randn(4, 3))
    with pytest.raises(CreditError, match="no gradient of the loss reaches cut"):
        gradient_chain(replay, parse_target("cut", replay.graph, replay))
    bad = run(nn.Linear(3, 2), lambda m, x: m(x).mul(0).sqrt().mean(), x=torch.randn(4, 3))
    with pytest.raises(CreditError, match="not finite; `chain nonfinite`"):
        gradient_chain(bad, parse_target(".", bad.graph, bad))
