"""What is summed into a loss."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import contributions, parse_target
from dgmtui.credit.sweep import Reader
from dgmtui.credit.terms import terms_of
from dgmtui.errors import UsageError


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mu, self.logvar = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.mu(x), self.logvar(x)


def elbo(model: nn.Module, x: Tensor) -> Tensor:
    mu, logvar = model(x)
    nll = 0.5 * ((x[:, :2] - mu) ** 2 / logvar.exp() + logvar).sum(1)
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)
    return (nll + kl).mean()


def several(model: nn.Module, x: Tensor) -> Tensor:
    mu, logvar = model(x)
    total = mu.square().mean() - 0.25 * logvar.exp().mean()
    for parameter in model.parameters():
        total = total + 0.01 * parameter.square().sum()
    return (total + 3.0) / 2


def stacked(model: nn.Module, x: Tensor) -> Tensor:
    return torch.stack([part.square().mean() for part in model(x)]).sum()


@pytest.mark.parametrize(("loss", "count", "constant"), [(elbo, 2, 0.0), (several, 6, 1.5), (stacked, 2, 0.0)])
def test_the_parts_and_what_constants_add_make_up_the_loss(run: Any, loss: Any, count: int, constant: float) -> None:
    replay = run(Two(), loss, x=torch.randn(5, 3))
    terms = terms_of(Reader(replay))
    assert [term.name for term in terms] == [f"loss:{i}" for i in range(count)]
    assert sum(term.part for term in terms) + constant == pytest.approx(float(replay.loss), rel=1e-5)


def test_parts_of_a_loss_are_what_the_code_sums(run: Any) -> None:
    model, x = Two(), torch.randn(5, 3)
    replay = run(model, several, x=x)
    mu, logvar = (part.detach() for part in model(x))
    terms = terms_of(Reader(replay))
    assert terms[0].part == pytest.approx(float(mu.square().mean()) / 2, rel=1e-5)
    assert terms[1].part == pytest.approx(-float(logvar.exp().mean()) / 8, rel=1e-5)
    assert terms[2].part == pytest.approx(0.005 * float(model.mu.weight.square().sum()), rel=1e-5)
    assert "test_terms.py" in str(terms[0].source)


def test_a_term_has_terms_itself(run: Any) -> None:
    model, x = Two(), torch.randn(5, 3)
    replay = run(model, elbo, x=x)
    reader = Reader(replay)
    _, kl = terms_of(reader)
    mu, logvar = model(x)
    wanted = [-0.5 * (1 + logvar).sum(1).mean(), 0.5 * (mu**2).sum(1).mean(), 0.5 * logvar.exp().sum(1).mean()]
    inner = terms_of(reader, "loss:1")
    assert [term.part for term in inner] == pytest.approx([float(part) for part in wanted], rel=1e-4)
    assert [term.name for term in inner] == ["loss:1.0", "loss:1.1", "loss:1.2"]
    assert sum(term.part for term in inner) == pytest.approx(kl.part, rel=1e-4)
    assert terms_of(reader, "loss:1.2") == ()


def test_a_term_is_a_target(run: Any) -> None:
    model, x = Two(), torch.randn(5, 3)
    replay = run(model, elbo, x=x)
    target = parse_target("loss:1.1", replay.graph, replay)
    assert target.value == pytest.approx(float((model(x)[0] ** 2).sum()), rel=1e-5)
    found = contributions(replay, target, by="module")
    assert {row.module for row in found.rows if row.forward and row.module} == {"mu"}
    whole = parse_target("loss:1@2", replay.graph, replay)
    assert (whole.sample, whole.module) == (2, "loss:1")


@pytest.mark.parametrize(
    "name", ["loss:2", "loss:1.9", "loss:x", "loss:", "loss:1.", "loss:1.2.0", "loss:-1", "loss:0x"]
)
def test_terms_that_are_none(run: Any, name: str) -> None:
    replay = run(Two(), elbo, x=torch.randn(5, 3))
    with pytest.raises(UsageError, match="there is no loss:"):
        parse_target(name, replay.graph, replay)


def test_a_loss_that_is_no_sum_has_none(run: Any) -> None:
    replay = run(Two(), lambda model, x: (model(x)[0] * model(x)[1]).mean(), x=torch.randn(5, 3))
    assert terms_of(Reader(replay)) == ()
