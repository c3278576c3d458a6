"""What the data do to a training: each detector at a small training that must set it off, and at some that must not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import dgmtui
from dgmtui.findings import DETECTORS, Finding
from dgmtui.findings.case import Case
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import SnapshotInfo, Verdict
from dgmtui.trace.replay import Replay, load_replay
from dgmtui.trace.verify import verify_elsewhere

BATCH = 16
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
Findings = Callable[..., list[Finding]]


def replays_of(recording: Recording) -> Callable[[SnapshotInfo], tuple[Replay, Verdict]]:
    def source(snapshot: SnapshotInfo) -> tuple[Replay, Verdict]:
        replay = load_replay(recording, snapshot)
        replay.forward()
        replay.backward()
        return replay, verify_elsewhere(replay, recording, snapshot)

    return source


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Findings]:
    """``found(detector, model, x, y, loss, …)``: trains on batches of the rows of ``x`` and ``y``, and looks."""
    opened: list[Recording] = []

    def train(
        name: str,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        loss: Loss,
        steps: int = 40,
        lr: float = 0.05,
        rows: int = BATCH,
    ) -> list[Finding]:
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        path = tmp_path / f"{len(opened)}.h5"
        with dgmtui.Recorder(path, model):
            for step in range(steps):
                start = step * rows % (len(x) - rows + 1)
                inputs, targets = x[start : start + rows], y[start : start + rows]
                optimizer.zero_grad()
                loss(model, inputs, targets).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        opened.append(open_recording(path))
        case = Case(opened[-1], DEFAULT, None, replays_of(opened[-1]))
        return list(DETECTORS[name].detect(case))

    torch.manual_seed(0)
    yield train
    for recording in opened:
        recording.close()


def cross_entropy(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(x), y)


def squares(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(model(x), y)


def net(outputs: int, *last: nn.Module, inputs: int = 6) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 12), nn.Tanh(), nn.Linear(12, outputs), *last)


def points(count: int = 320) -> Tensor:
    return torch.randn(count, 6)


def classes(x: Tensor) -> Tensor:
    return (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


# wrong_loss_input


@pytest.mark.parametrize("last", [nn.Softmax(dim=1), nn.Sigmoid()])
def test_probabilities_into_cross_entropy(found: Findings, last: nn.Module) -> None:
    x = points()
    (finding,) = found("wrong_loss_input", net(3, last), x, classes(x), cross_entropy)
    assert (finding.severity, finding.module, finding.phase) == ("error", "3", "forward")
    assert finding.op in ("aten._softmax", "aten.sigmoid") and finding.source is not None


def test_a_softmax_is_seen_through_views(found: Findings) -> None:
    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        p = torch.softmax(model(x).view(4, -1, 3), dim=2)
        return F.nll_loss(torch.log_softmax(p.reshape(-1, 3), dim=1), y)

    x = points()
    (finding,) = found("wrong_loss_input", net(3), x, classes(x), loss)
    assert finding.op == "aten._softmax" and "0.576" in finding.message


def test_scores_into_nll_and_a_sigmoid_into_bce_with_logits(found: Findings) -> None:
    x = points()
    (raw,) = found("wrong_loss_input", net(3), x, classes(x), lambda m, x, y: F.nll_loss(m(x), y))
    assert raw.op == "aten.addmm" and "log-probabilities" in raw.message
    (twice,) = found(
        "wrong_loss_input", net(1, nn.Sigmoid()), x, (x[:, :1] > 0).float(),
        lambda m, x, y: F.binary_cross_entropy_with_logits(m(x), y),
    )  # fmt: skip
    assert twice.op == "aten.sigmoid" and twice.severity == "error"


def test_softmax_of_a_single_output_and_over_the_batch(found: Findings) -> None:
    x = points()
    (single,) = found("wrong_loss_input", net(1, nn.Softmax(dim=1)), x, (x[:, :1] > 0).float(), squares)
    assert "size 1" in single.message
    (batch,) = found(
        "wrong_loss_input", net(3), x, classes(x), lambda m, x, y: F.nll_loss(F.log_softmax(m(x), dim=0), y)
    )
    assert "samples of a batch compete" in batch.message


def test_a_relu_on_scores_is_a_warning(found: Findings) -> None:
    x = points()
    (finding,) = found("wrong_loss_input", net(3, nn.ReLU()), x, classes(x), cross_entropy)
    assert finding.severity == "warning"


def with_attention(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    weights = torch.softmax(x[:, :3] * model(x), dim=1)
    return F.cross_entropy(weights * model(x), y)


@pytest.mark.parametrize(
    "loss",
    [
        cross_entropy,
        lambda m, x, y: F.cross_entropy(F.log_softmax(m(x), dim=1), y),  # does it twice, to no harm
        lambda m, x, y: F.nll_loss(torch.log(torch.softmax(m(x), dim=1)), y),
        lambda m, x, y: F.nll_loss(F.log_softmax(m(x), dim=-1), y),
        lambda m, x, y: F.mse_loss(torch.softmax(m(x), dim=1), F.one_hot(y, 3).float()),
        with_attention,
    ],
)
def test_losses_that_get_what_they_are_made_for(found: Findings, loss: Loss) -> None:
    x = points()
    assert found("wrong_loss_input", net(3), x, classes(x), loss) == []


# target_range


def test_shapes_that_broadcast(found: Findings) -> None:
    x = points()
    (function,) = found("broadcast_targets", net(1, nn.Flatten(0)), x, x[:, :1], squares)
    assert (function.kind, function.severity, function.op) == ("target_range", "error", "aten.mse_loss")
    assert function.data == {"output": [16], "target": [16, 1], "result": [16, 16]}
    (by_hand,) = found("broadcast_targets", net(1), x, x[:, 0], lambda m, x, y: ((m(x) - y) ** 2).mean())
    assert by_hand.op == "aten.sub" and by_hand.data["result"] == [16, 16]


@pytest.mark.parametrize(
    "loss",
    [
        squares,
        lambda m, x, y: ((m(x) - y.mean()) ** 2).mean(),
        lambda m, x, y: ((m(x) - m(x).T) ** 2).mean() + squares(m, x, y),  # all pairs, as meant
        lambda m, x, y: ((m(x).squeeze(1) - m(x)) ** 2).mean() + squares(m, x, y),
    ],
)
def test_shapes_that_are_meant(found: Findings, loss: Loss) -> None:
    x = points()
    assert found("broadcast_targets", net(1), x, x[:, :1], loss) == []


def test_binary_targets_of_minus_one_and_one(found: Findings) -> None:
    x = points()
    (finding,) = found(
        "target_range", net(1), x, x[:, :1].sign(), lambda m, x, y: F.binary_cross_entropy_with_logits(m(x), y)
    )
    assert finding.severity == "error" and finding.phase == "input" and "(y + 1) / 2" in finding.advice


@pytest.mark.parametrize(("last", "scale"), [(nn.Tanh(), 10.0), (nn.Sigmoid(), 1.0), (nn.ReLU(), 1.0)])
def test_targets_beyond_the_last_activation(found: Findings, last: nn.Module, scale: float) -> None:
    x = points()
    (finding,) = found("target_range", net(1, last), x, scale * x[:, :1], squares)
    assert finding.op in ("aten.tanh", "aten.sigmoid", "aten.relu") and finding.value > 0.3


def test_targets_within_reach(found: Findings) -> None:
    x = points()
    for last, y in (
        (nn.Tanh(), x[:, :1].sign()),
        (nn.Sigmoid(), (x[:, :1] > 0).float()),
        (nn.ReLU(), x[:, :1].abs()),
        (nn.Identity(), 3 * x[:, :1] + 5),
    ):
        assert found("target_range", net(1, last), x, y, squares) == []
    scaled = net(1, nn.Tanh())
    assert found("target_range", scaled, x, 3 * x[:, :1].sign(), lambda m, x, y: F.mse_loss(m(x) * 3, y)) == []


def test_targets_far_out_of_scale_that_were_not_reached(found: Findings) -> None:
    x = points()
    y = 1e6 + 1e5 * x[:, :1]
    (finding,) = found("target_range", net(1), x, y, squares, lr=1e-8)
    assert "Standardise the targets" in finding.advice
    assert found("target_range", net(1), x, (y - 1e6) / 1e5, squares) == []


def test_targets_that_are_no_distribution_and_targets_that_are_all_alike(found: Findings) -> None:
    x = points()
    (sums,) = found("target_range", net(3), x, torch.rand(len(x), 3) * 4, cross_entropy)
    assert "add up to 1" in sums.message
    (alike,) = found("target_range", net(3), x, torch.ones(len(x), dtype=torch.long), cross_entropy)
    assert "All" in alike.message
    assert found("target_range", net(3), x, F.one_hot(classes(x), 3).float(), cross_entropy) == []


# bad_input


def test_inputs_that_are_all_alike(found: Findings) -> None:
    (finding,) = found("bad_input", net(3), torch.zeros(320, 6), classes(points()), cross_entropy)
    assert (finding.severity, finding.phase, finding.module) == ("error", "input", "0")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x: x * 80 + 120, "of size"),
        (lambda x: x * 1e-3, "next to the biases"),
        (lambda x: x * torch.logspace(-3, 1.5, 6), "features' sizes"),
        (lambda x: x * 0.1 + 20, "standard deviations from zero"),
    ],
)
def test_inputs_out_of_scale(found: Findings, change: Callable[[Tensor], Tensor], says: str) -> None:
    x = points()
    (finding,) = found("bad_input", net(3), change(x), classes(x), cross_entropy, lr=1e-6)
    assert finding.severity == "warning" and says in finding.message and finding.module == "0"


def test_inputs_that_the_code_or_the_network_scales(found: Findings) -> None:
    x = points()
    grey = (x * 40 + 128).clamp(0, 255).to(torch.uint8)
    assert found("bad_input", net(3), x, classes(x), cross_entropy) == []
    scaled = found("bad_input", net(3), grey, classes(x), lambda m, x, y: F.cross_entropy(m(x.float() / 255), y))
    assert scaled == []
    normed = nn.Sequential(nn.BatchNorm1d(6), *net(3))
    assert found("bad_input", normed, x * 200 + 1000, classes(x), cross_entropy) == []


def test_grey_values_are_judged_as_they_go_in(found: Findings) -> None:
    x = points()
    grey = (x * 40 + 128).clamp(0, 255).to(torch.uint8)
    (finding,) = found("bad_input", net(3), grey, classes(x), lambda m, x, y: F.cross_entropy(m(x.float()), y), lr=1e-6)
    assert finding.value is not None and finding.value > 100


def test_tokens_are_no_features(found: Findings) -> None:
    model = nn.Sequential(nn.Embedding(500, 6), nn.Flatten(), nn.Linear(24, 3))
    tokens = torch.randint(0, 500, (320, 4))
    for name in ("bad_input", "sample_outlier", "input_ignored"):
        assert found(name, model, tokens, tokens[:, 0] % 3, cross_entropy) == []


def test_data_sorted_by_class(found: Findings) -> None:
    x = points(640)
    y = classes(x)
    order = y.argsort()
    (finding,) = found("sorted_batches", net(3), x[order], y[order], cross_entropy)
    assert (finding.kind, finding.severity) == ("bad_input", "warning") and "Shuffle" in finding.advice
    assert found("sorted_batches", net(3), x, y, cross_entropy) == []


def test_the_first_batch_of_a_new_iterator_each_time(tmp_path: Path) -> None:
    from torch.utils.data import DataLoader, TensorDataset

    x = points()
    loader = DataLoader(TensorDataset(x, classes(x)), batch_size=BATCH)

    def rows(name: str, again: bool) -> list[Finding]:
        model = net(3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        batches = iter(loader)
        with dgmtui.Recorder(tmp_path / name, model):
            for _ in range(18):
                inputs, targets = next(iter(loader)) if again else next(batches)
                optimizer.zero_grad()
                cross_entropy(model, inputs, targets).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        with open_recording(tmp_path / name) as recording:
            return list(DETECTORS["same_batch"].detect(Case(recording, DEFAULT)))

    (finding,) = rows("same.h5", True)
    assert finding.kind == "bad_input" and finding.data == {"rows": BATCH, "dataset_size": 320}
    assert rows("others.h5", False) == []


# input_ignored


class Deaf(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.inner, self.how = net(3), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "nothing":
            x = torch.zeros(len(x), 6)
        elif self.how == "times zero":
            x = x * 0.0
        out: Tensor = self.inner(x)
        return out


@pytest.mark.parametrize(("how", "op"), [("nothing", None), ("times zero", "aten.mul")])
def test_a_network_that_does_not_listen(found: Findings, how: str, op: str | None) -> None:
    x = points()
    (finding,) = found("input_ignored", Deaf(how), x, classes(x), cross_entropy)
    assert (finding.severity, finding.op, finding.phase) == ("error", op, "forward")


def test_networks_that_listen_or_are_dead_for_a_reason_of_their_own(found: Findings) -> None:
    x = points()
    assert found("input_ignored", Deaf("no"), x, classes(x), cross_entropy) == []
    dead = net(3, nn.ReLU())
    nn.init.constant_(dead[2].bias, -50)
    assert found("input_ignored", dead, x, classes(x), cross_entropy) == []
    alone = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 6))
    assert found("input_ignored", alone, x, x, squares) == []  # an autoencoder's output goes with its input


# sample_outlier


def test_a_sample_out_of_all_proportion(found: Findings) -> None:
    x = points()
    y = x[:, :1] + 0.1 * torch.randn(320, 1)
    y[BATCH * 4 + 3] = 900.0  # of iteration 4, which has a snapshot
    (target,) = found("sample_outlier", net(1), x, y, squares, lr=1e-4)
    assert (target.iteration, target.sample, target.severity) == (4, 3, "error")
    assert target.data["what"] == "target" and target.data["share"] > 0.9
    far = x.clone()
    far[BATCH * 4 + 3, 2] = 1e4
    (entered,) = found("sample_outlier", net(1), far, x[:, :1], squares, lr=1e-4)
    assert (entered.iteration, entered.sample, entered.phase) == (4, 3, "input")


def test_noise_with_heavy_tails_and_hard_samples_are_no_outliers(found: Findings) -> None:
    x = points()
    noise = torch.distributions.StudentT(3.0).sample((320, 1))
    assert found("sample_outlier", net(1), x, x[:, :1] + noise, squares) == []
    flipped = classes(x)
    flipped[::50] = 2 - flipped[::50]  # wrong labels: single samples make most of the loss in the end
    assert found("sample_outlier", net(3), x, flipped, cross_entropy, lr=1.0, steps=300) == []


def test_a_rare_class_that_is_left_behind(found: Findings) -> None:
    x = points(2560)
    y = torch.zeros(2560, dtype=torch.long)
    y[::40] = 1
    (finding,) = found("rare_class", net(2), x, y, cross_entropy, steps=300, lr=0.3, rows=80)
    assert finding.kind == "sample_outlier" and finding.data["rare"] == 1 and "Class 0" in finding.message
    x[::40, 0] += 8  # told apart with ease
    assert found("rare_class", net(2), x, y, cross_entropy, steps=300, lr=0.3, rows=80) == []


def test_without_replays_or_targets_nothing_is_said(found: Findings) -> None:
    x = points()
    for name in ("target_range", "bad_input", "input_ignored", "sample_outlier", "rare_class", "sorted_batches"):
        assert found(name, net(3), x, x, lambda m, x, y: m(x).logsumexp(1).mean()) == []


def test_one_batch_out_of_scale_is_not_the_whole_datas_fault(found: Findings) -> None:
    x = points()
    x[BATCH * 8 : BATCH * 9] *= 500
    (finding,) = found("bad_input", net(3), x, classes(x), cross_entropy)
    assert finding.iteration == 8 and "batch of iteration 8" in finding.message


def test_labels_taken_out_of_a_data_set_that_are_all_alike(found: Findings) -> None:
    x, labels = points(), torch.zeros(320, dtype=torch.long)

    def loss(model: nn.Module, inputs: Tensor, rows: Tensor) -> Tensor:
        return F.cross_entropy(model(inputs), labels[rows])

    (finding,) = found("target_range", net(3), x, torch.arange(320), loss)
    assert finding.phase == "input" and finding.value == 0
