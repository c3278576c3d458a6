"""What layers do, told from small trainings that are recorded in this process with few rows: the snapshots tell it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import dgmtui
from dgmtui.findings import DETECTORS
from dgmtui.findings.case import Case
from dgmtui.findings.model import Finding
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording import open_recording
from dgmtui.recording.model import SnapshotInfo, Verdict
from dgmtui.session.session import Session
from dgmtui.trace.replay import Replay

LAYERS = (
    "dead_units", "saturated_units", "vanishing_gradient", "exploding_gradient", "discriminator_won", "mode_collapse",
    "discriminator_idle",
)  # fmt: skip
Look = Callable[[nn.Module, Callable[[], None]], list[Finding]]


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    """``look(model, loop)``: run the loop recorded, with a row each 100th iteration, and give what layers do."""

    def recorded(model: nn.Module, loop: Callable[[], None]) -> list[Finding]:
        with dgmtui.Recorder(tmp_path / "run.h5", model, every=100):
            loop()
        with open_recording(tmp_path / "run.h5") as recording:
            results = Session(recording).results

            def again(snapshot: SnapshotInfo) -> tuple[Replay, Verdict]:
                made = results.replay(snapshot)
                assert made.verdict is not None
                return made.replay, made.verdict

            case = Case(recording, DEFAULT, None, again)
            return [finding for name in LAYERS for finding in DETECTORS[name].detect(case)]

    torch.manual_seed(0)
    yield recorded


def train(
    model: nn.Module,
    batch: Callable[[], tuple[Tensor, Tensor]],
    criterion: Callable[[Tensor, Tensor], Tensor],
    rate: float,
    iterations: int = 140,
    kind: type[torch.optim.Optimizer] = torch.optim.SGD,
) -> Callable[[], None]:
    def loop() -> None:
        optimizer = kind(model.parameters(), lr=rate)  # type: ignore[call-arg]
        for _ in range(iterations):
            x, y = batch()
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def classes(scale: float = 1.0, features: int = 12) -> Callable[[], tuple[Tensor, Tensor]]:
    def batch() -> tuple[Tensor, Tensor]:
        x = torch.randn(32, features)
        return x * scale, (x[:, :3].sum(dim=1) > 0).long()

    return batch


def mlp(function: Callable[[], nn.Module], hidden: int = 2, units: int = 32) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(12, units), function()]
    for _ in range(hidden - 1):
        layers += [nn.Linear(units, units), function()]
    return nn.Sequential(*layers, nn.Linear(units, 2))


cross_entropy = nn.functional.cross_entropy


def test_units_that_start_below_zero_are_dead_at_their_initialisation(look: Look) -> None:
    model = mlp(nn.ReLU)
    nn.init.constant_(model[2].bias, -100.0)  # type: ignore[arg-type]
    (finding,) = [f for f in look(model, train(model, classes(), cross_entropy, 0.05)) if f.kind == "dead_units"]
    assert (finding.severity, finding.module, finding.onset) == ("error", "3", 0)
    assert (finding.data["fed_by"], finding.data["when"], finding.value) == ("2", "initialisation", 1.0)


def test_units_that_are_pushed_below_zero_die_while_training(look: Look) -> None:
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))

    def loop() -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for iteration in range(140):
            if iteration == 20:
                model[0].bias.data -= 50.0
            x = torch.randn(32, 12)
            loss = (model(x) - x.pow(2).sum(dim=1, keepdim=True)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    (finding,) = [f for f in look(model, loop) if f.kind == "dead_units"]
    assert (finding.module, finding.data["when"], finding.onset) == ("1", "training", 32)


def test_units_that_fire_for_one_sample_in_ten_are_not_dead(look: Look) -> None:
    model = mlp(nn.ReLU)
    nn.init.constant_(model[2].bias, -0.3)  # type: ignore[arg-type]
    assert look(model, train(model, classes(), cross_entropy, 0.02)) == []


def test_an_input_out_of_scale_saturates_the_units_after_it(look: Look) -> None:
    model = mlp(nn.Tanh)
    found = look(model, train(model, classes(scale=500.0), cross_entropy, 1e-4))
    (finding,) = [f for f in found if f.kind == "saturated_units"]
    assert (finding.module, finding.op, finding.data["fed_by"]) == ("1", "aten.tanh", "0")
    assert finding.data["when"] == "initialisation" and finding.data["range"][1] > 100


def test_a_classifier_that_is_sure_is_right_to_saturate(look: Look) -> None:
    model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 1), nn.Sigmoid())

    def batch() -> tuple[Tensor, Tensor]:
        y = (torch.rand(32, 1) > 0.5).float()
        return torch.randn(32, 12) + 6 * y, y

    assert look(model, train(model, batch, nn.functional.binary_cross_entropy, 0.05, 200, torch.optim.Adam)) == []


def test_a_gradient_vanishes_over_many_sigmoids(look: Look) -> None:
    model = mlp(nn.Sigmoid, hidden=8)
    (finding,) = look(model, train(model, classes(), cross_entropy, 0.1))
    assert (finding.kind, finding.severity, finding.module) == ("vanishing_gradient", "error", "0")
    assert finding.data["last"] == "16" and finding.value is not None and finding.value < 1e-3
    assert len(finding.data["profile"]) == 9


class Residual(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(units, units), nn.Sigmoid(), nn.Linear(units, units))
        nn.init.normal_(self.inner[2].weight, std=0.01)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.inner(x)
        return out


def test_small_gradients_within_residual_blocks_are_no_vanishing(look: Look) -> None:
    model = nn.Sequential(nn.Linear(12, 32), *(Residual(32) for _ in range(5)), nn.Linear(32, 2))
    assert look(model, train(model, classes(), cross_entropy, 0.1)) == []


def test_a_training_that_has_converged_has_no_vanishing_gradient(look: Look) -> None:
    model = mlp(nn.ReLU, hidden=5)
    assert look(model, train(model, classes(), cross_entropy, 3e-3, 250, torch.optim.Adam)) == []


class Reader(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.rnn, self.out = cell, nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.rnn(x)[0][:, -1])
        return out


def first_step(steps: int) -> Callable[[], tuple[Tensor, Tensor]]:
    def batch() -> tuple[Tensor, Tensor]:
        x = torch.randn(32, steps, 3)
        return x, (x[:, 0, 0] > 0).long()

    return batch


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_gradient_vanishes_over_the_steps_of_a_sequence(look: Look, cell: type[nn.RNN]) -> None:
    model = Reader(cell(3, 16, batch_first=True))
    (finding,) = look(model, train(model, first_step(40), cross_entropy, 0.05, 70))
    assert (finding.kind, finding.module, finding.data["steps"]) == ("vanishing_gradient", "rnn", 40)
    assert 0 < finding.data["reach"] < 40


def test_the_gates_of_an_lstm_with_large_weights_are_saturated(look: Look) -> None:
    model = Reader(nn.LSTM(3, 16, batch_first=True))
    for weight in model.rnn.parameters():
        nn.init.normal_(weight, std=60.0)
    found = look(model, train(model, first_step(12), cross_entropy, 1e-4, 70))
    (finding,) = [f for f in found if f.kind == "saturated_units"]
    assert (finding.module, finding.op, finding.onset) == ("rnn", "aten.sigmoid", 0)
    assert "gates of rnn" in finding.message


class Attention(nn.Module):
    """Scores that are not divided by the root of the width, of queries and keys that are large."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.query, self.key, self.out, self.scale = nn.Linear(8, 32), nn.Linear(8, 32), nn.Linear(8, 2), scale

    def forward(self, x: Tensor) -> Tensor:
        shares = (self.scale * self.query(x) @ self.key(x).transpose(1, 2)).softmax(dim=-1)
        out: Tensor = self.out((shares @ x).mean(dim=1))
        return out


@pytest.mark.parametrize(("scale", "kinds"), [(1e4, ["saturated_units"]), (0.1, [])])
def test_attention_is_saturated_where_its_scores_are_far_too_large(look: Look, scale: float, kinds: list[str]) -> None:
    model = Attention(scale)

    def batch() -> tuple[Tensor, Tensor]:
        x = torch.randn(32, 6, 8)
        return x, torch.randint(0, 2, (32,))

    assert [f.kind for f in look(model, train(model, batch, cross_entropy, 1e-5, 70))] == kinds


def test_an_lstm_that_learns_from_its_last_steps_is_no_matter(look: Look) -> None:
    model = Reader(nn.LSTM(3, 16, batch_first=True))

    def batch() -> tuple[Tensor, Tensor]:
        x = torch.randn(32, 40, 3)
        return x, (x[:, -1, 0] > 0).long()

    assert look(model, train(model, batch, cross_entropy, 0.03, 140, torch.optim.Adam)) == []


def test_large_weights_make_the_gradient_explode_over_the_layers(look: Look) -> None:
    model = mlp(nn.ReLU, hidden=9)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.8)
    (finding,) = [
        f
        for f in look(model, train(model, classes(), cross_entropy, 1e-3, 140, torch.optim.Adam))
        if f.kind == "exploding_gradient"
    ]
    assert (finding.severity, finding.module, finding.onset) == ("error", "0", 0)
    assert finding.value is not None and finding.value > 1e3


def ring(count: int) -> Tensor:
    angle = torch.rand(count, 1) * 6.283
    return torch.cat([angle.cos(), angle.sin()], dim=1) * 2 + 0.05 * torch.randn(count, 2)


def dense(inputs: int, outputs: int, units: int = 64) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, units),
        nn.LeakyReLU(0.2),
        nn.Linear(units, units),
        nn.LeakyReLU(0.2),
        nn.Linear(units, outputs),
    )


def game(maker: nn.Module, judge: nn.Module, rates: tuple[float, float], iterations: int = 300) -> Callable[[], None]:
    """A GAN's loop; ``rates`` of the maker and the judge."""
    criterion = nn.BCEWithLogitsLoss()

    def loop() -> None:
        making = torch.optim.Adam(maker.parameters(), lr=rates[0], betas=(0.5, 0.999))
        judging = torch.optim.Adam(judge.parameters(), lr=rates[1], betas=(0.5, 0.999))
        one, zero = torch.ones(64, 1), torch.zeros(64, 1)
        for _ in range(iterations):
            x, made = ring(64), maker(torch.randn(64, 8))
            judging.zero_grad()
            (criterion(judge(x), one) + criterion(judge(made.detach()), zero)).backward()
            judging.step()
            making.zero_grad()
            criterion(judge(made), one).backward()
            making.step()

    return loop


def test_a_judge_that_tells_all_apart_has_won(look: Look) -> None:
    maker, judge = dense(8, 2), dense(2, 1)
    (finding,) = look(nn.ModuleDict({"maker": maker, "judge": judge}), game(maker, judge, (1e-6, 5e-3)))
    assert (finding.kind, finding.severity, finding.turn, finding.value) == ("discriminator_won", "error", "1", 1.0)
    assert "won" in finding.message and any("has risen from" in said for said in finding.consequences)


def test_a_balanced_game_is_no_finding(look: Look) -> None:
    maker, judge = dense(8, 2), dense(2, 1)
    assert look(nn.ModuleDict({"maker": maker, "judge": judge}), game(maker, judge, (1e-3, 1e-3))) == []


def test_a_maker_whose_outputs_are_all_alike_has_collapsed(look: Look) -> None:
    maker, judge = dense(8, 2), dense(2, 1, units=8)
    nn.init.normal_(maker[0].weight, std=1e-3)  # type: ignore[arg-type]
    (finding,) = look(nn.ModuleDict({"maker": maker, "judge": judge}), game(maker, judge, (2e-4, 2e-4), 200))
    assert (finding.kind, finding.severity) == ("mode_collapse", "error")
    assert finding.value is not None and finding.value < 0.1


def test_a_judge_that_never_learns_is_told(look: Look) -> None:
    maker, judge = dense(8, 2), dense(2, 1)
    findings = look(nn.ModuleDict({"maker": maker, "judge": judge}), game(maker, judge, (1e-9, 1e-9), 150))
    (finding,) = [f for f in findings if "learned nothing" in f.message]
    assert (finding.kind, finding.severity, finding.turn) == ("loss_stuck", "warning", "1")


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.mean, self.spread = nn.Linear(12, 32), nn.Linear(32, 4), nn.Linear(32, 4)
        self.decode = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 12))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encode(x).relu()
        mean, log_variance = self.mean(h), self.spread(h)
        return self.decode(mean + (0.5 * log_variance).exp() * torch.randn_like(mean)), mean, log_variance


def autoencoding(model: nn.Module, weight: float) -> Callable[[], None]:
    def loop() -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        mixing = torch.randn(4, 12)
        for _ in range(300):
            x = torch.randn(64, 4) @ mixing
            again, mean, log_variance = model(x)
            kl = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(dim=1).mean()
            optimizer.zero_grad()
            ((again - x).pow(2).sum(dim=1).mean() + weight * kl).backward()
            optimizer.step()

    return loop


def test_a_latent_variable_that_is_the_priors_for_all_samples_is_ignored(look: Look) -> None:
    model = Autoencoder()
    (finding,) = look(model, autoencoding(model, weight=500.0))
    assert (finding.kind, finding.severity, finding.module) == ("mode_collapse", "error", "mean")
    assert "Posterior collapse" in finding.message


def test_a_latent_variable_that_is_used_is_no_matter(look: Look) -> None:
    model = Autoencoder()
    assert look(model, autoencoding(model, weight=1.0)) == []
