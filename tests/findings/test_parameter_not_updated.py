"""A parameter that never moves is told with the reason; what is meant to stay is not made a fault of."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import dgmtui.findings.detectors  # noqa: F401
from dgmtui.findings.model import Finding, Severity
from tests.findings.training import data, found, network, recorded, usual

NAME = "parameter_not_updated"


def one(findings: list[Finding]) -> Finding:
    (finding,) = findings
    assert finding.kind == NAME and finding.message and finding.advice and finding.evidence
    return finding


def sgd(model: nn.Module, rate: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=rate)


def test_a_healthy_training_has_none(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    assert found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME) == []


def test_a_run_of_a_few_iterations_tells_nothing(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model, 0.0)
    recording = recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer), iterations=4)
    assert found(recording, NAME) == []


def test_layers_that_no_optimiser_has(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model[4])
    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME))
    assert finding.severity is Severity.ERROR and finding.data["why"] == "not in an optimiser"
    assert (
        finding.module == "0" and "`0`, `2` never move" in finding.message and "holds 2 parameters" in finding.message
    )


def test_a_layer_replaced_after_the_optimiser_was_made(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    model[4] = nn.Linear(16, 2)
    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME))
    assert finding.severity is Severity.ERROR and finding.data["why"] == "replaced" and finding.module == "4"
    assert "[2, 16]" in finding.message


class Detached(nn.Module):
    """Cuts what ``enc`` gives off from the loss."""

    def __init__(self, cut: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enc, self.dec, self.cut = nn.Linear(10, 8), nn.Linear(8, 2), cut

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.dec(self.cut(self.enc(x)))
        return made


@pytest.mark.parametrize(
    ("cut", "op"),
    [
        (lambda z: z.detach(), "aten.detach"),
        (lambda z: torch.sign(z), "aten.sign"),
        (lambda z: torch.from_numpy(z.detach().numpy()), None),
    ],
)
def test_a_layer_detached_from_the_loss(tmp_path: Path, cut: Callable[[Tensor], Tensor], op: str | None) -> None:
    model = Detached(cut)
    optimizer = sgd(model)
    findings = found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME)
    if op == "aten.sign":  # its derivative is zero everywhere: a gradient arrives, and it is nothing
        assert findings == []
        return
    finding = one(findings)
    assert finding.severity is Severity.ERROR and finding.data["why"] == "detached" and finding.module == "enc"
    assert finding.op == op and (op is None or "test_parameter_not_updated.py" in (finding.source or ""))


def test_a_layer_that_nothing_takes(tmp_path: Path) -> None:
    model = network()
    model.add_module("spare", nn.Identity())
    model[3].register_module("unused", nn.Linear(4, 4))
    optimizer = sgd(model)
    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME))
    assert finding.severity is Severity.WARNING and finding.data["why"] == "unused" and finding.module == "3.unused"


def test_a_gradient_cleared_before_the_step(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        loss().backward()
        optimizer.zero_grad()
        optimizer.step()

    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, step), NAME))
    assert finding.severity is Severity.ERROR and finding.data["why"] == "zeroed before the step"
    assert finding.value == 1.0


def test_a_step_that_is_never_called(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        optimizer.zero_grad()
        loss().backward()

    recording = recorded(tmp_path / "r.h5", model, optimizer, step)
    assert recording.iteration_count > 60, "each backward pass is an iteration, once no step seems to come"
    assert one(found(recording, NAME)).data["why"] == "never stepped"


def test_a_learning_rate_of_zero(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model, 0.0)
    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME))
    assert finding.data["why"] == "learning rate 0" and finding.severity is Severity.ERROR


def test_a_learning_rate_that_warms_up_from_zero_is_none(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, i / 20))
    plain = usual(optimizer)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        plain(iteration, loss)
        warm.step()

    assert found(recorded(tmp_path / "r.h5", model, optimizer, step), NAME) == []


def test_steps_that_round_to_nothing_in_half_precision(tmp_path: Path) -> None:
    model = network().bfloat16()
    optimizer = sgd(model, 1e-6)
    x, y = data(32)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x.bfloat16()).float(), y).backward()
        optimizer.step()

    findings = found(recorded(tmp_path / "r.h5", model, optimizer, step), NAME)
    finding = next(f for f in findings if f.data["why"] == "rounds to nothing")
    assert "bfloat16" in finding.message and "apart" in finding.message and finding.severity is Severity.ERROR


def trained_features() -> nn.Sequential:
    """A network that has been trained before."""
    model = network()
    optimizer, (x, y) = sgd(model, 0.5), data()
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model[4] = nn.Linear(16, 2)
    return model


def test_leading_layers_frozen_after_training_are_worth_knowing_only(tmp_path: Path) -> None:
    model = trained_features()
    for parameter in [*model[0].parameters(), *model[2].parameters()]:
        parameter.requires_grad_(False)
    optimizer = sgd(model[4])
    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME))
    assert finding.severity is Severity.INFO and finding.data["why"] == "frozen"


def test_all_frozen_but_a_bias_cannot_learn(tmp_path: Path) -> None:
    model = network()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model[4].bias.requires_grad_(True)
    optimizer = torch.optim.SGD([model[4].bias], lr=0.01)
    finding = one(found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME))
    assert finding.severity is Severity.ERROR and finding.data["why"] == "frozen"
    assert "initialised" in finding.message


def test_a_target_network_is_not_meant_to_move(tmp_path: Path) -> None:
    model = network()
    target = network()
    target.load_state_dict(model.state_dict())
    optimizer, (x, _) = sgd(model), data(32)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        optimizer.zero_grad()
        wanted = 0.9 * target(x).max(1).values.detach() + 1
        nn.functional.mse_loss(model(x)[:, 0], wanted).backward()
        optimizer.step()

    assert [f for f in found(recorded(tmp_path / "r.h5", model, optimizer, step), NAME) if f.severity != "info"] == []
