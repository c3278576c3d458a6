"""A replay gives the traced iteration again bit for bit: loss, module outputs and every parameter gradient."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.recording.model import Match
from dgmtui.trace.birth import all_births
from dgmtui.trace.graph import Graph
from dgmtui.trace.limits import check_graph
from dgmtui.trace.replay import Replay
from dgmtui.trace.verify import same_bits, verify

Case = tuple[nn.Module, Callable[[], Tensor], dict[str, Tensor]]
B = 6


def mlp() -> Case:
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(B, 5), torch.randint(0, 3, (B,))
    return model, lambda: F.cross_entropy(model(x), y), {"x": x, "y": y}


def cnn() -> Case:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    x, y = torch.randn(B, 1, 8, 8), torch.randint(0, 3, (B,))
    return model, lambda: F.multi_margin_loss(model(x), y), {"x": x, "y": y}


class Vae(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enc, self.mean, self.scale, self.dec = nn.Linear(5, 8), nn.Linear(8, 2), nn.Linear(8, 2), nn.Linear(2, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.enc(x).relu()
        posterior = torch.distributions.Normal(self.mean(h), (self.scale(h) / 2).exp())
        prior = torch.distributions.Normal(torch.tensor(0.0), torch.tensor(1.0))
        return self.dec(posterior.rsample()), torch.distributions.kl_divergence(posterior, prior).sum()


def vae() -> Case:
    model, x = Vae(), torch.randn(B, 5)

    def step() -> Any:
        out, divergence = model(x)
        return F.mse_loss(out, x, reduction="sum") + 0.5 * divergence

    return model, step, {"x": x}


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 6, num_layers=2, bidirectional=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.lstm(x)[0][-1])
        return out


def lstm() -> Case:
    model, x, y = LastStep(), torch.randn(7, B, 4), torch.randint(0, 3, (B,))
    return model, lambda: F.cross_entropy(model(x), y), {"x": x, "y": y}


def transformer() -> Case:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.randn(B, 4, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    return model, lambda: model(x, mask=mask).square().mean(), {"x": x, "mask": mask}


def attention_without_dropout() -> Case:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model, x = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), torch.randn(B, 4, 8)
    return model, lambda: model(x).square().mean(), {"x": x}


def dropout() -> Case:
    model, x = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.4), nn.Linear(8, 8)), torch.randn(B, 5)
    return model, lambda: F.dropout(model(x), 0.3).square().sum(), {"x": x}


def conv_transpose() -> Case:
    model = nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2), nn.GroupNorm(2, 4), nn.LeakyReLU(0.2, True))
    x = torch.randn(B, 3, 5, 5)
    return model, lambda: model(x).tanh().mean(), {"x": x}


def embedding() -> Case:
    model, x = nn.Sequential(nn.Embedding(20, 6), nn.LayerNorm(6), nn.Linear(6, 3)), torch.randint(0, 20, (B, 4))
    return model, lambda: model(x).logsumexp(-1).sum(), {"x": x}


def autocast() -> Case:
    model, _, inputs = mlp()

    def step() -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return F.cross_entropy(model(inputs["x"]), inputs["y"])

    return model, step, inputs


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(5, 5), nn.Linear(5, 5)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.b(self.a(self.a(x).relu()).relu())
        return out


def tied_and_called_twice() -> Case:
    model, x = Tied(), torch.randn(B, 5)
    return model, lambda: model(x).square().sum(), {"x": x}


def in_place() -> Case:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)

    def step() -> Any:
        h = model(x)
        h.add_(1.5)
        h.view(-1).relu_()
        out = h * torch.tensor([1.0, 2.0, 3.0, 4.0])
        out[:, 0] = 2.0
        return out.sum() * torch.tensor(3.0)

    return model, step, {"x": x}


def weight_norm() -> Case:
    model, x = nn.utils.parametrizations.weight_norm(nn.Linear(5, 4)), torch.randn(B, 5)
    return model, lambda: model(x).pow(2).sum(), {"x": x}


def spectral_norm() -> Case:
    model, x = nn.utils.parametrizations.spectral_norm(nn.Linear(5, 4)), torch.randn(B, 5)
    return model, lambda: model(x).pow(2).sum(), {"x": x}


def detached_data() -> Case:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)

    def step() -> Any:
        h = model(x)
        return (h - h.data * 0.5).pow(2).sum()

    return model, step, {"x": x}


def gradient_penalty() -> Case:
    model, _, inputs = mlp()

    def step() -> Any:
        x = inputs["x"].clone().requires_grad_()
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        return (slope.norm(dim=1) - 1).square().mean()

    return model, step, {"x": inputs["x"]}


def gamma_sample() -> Case:
    model, x = nn.Linear(5, 3), torch.randn(B, 5)
    return model, lambda: torch.distributions.Gamma(model(x).exp(), torch.ones(3)).rsample().sum(), {"x": x}


def score_function() -> Case:
    model, x = nn.Linear(5, 3), torch.randn(B, 5)

    def step() -> Any:
        policy: Any = torch.distributions.Categorical(logits=model(x))
        return -policy.log_prob(policy.sample()).mean()

    return model, step, {"x": x}


def checkpointed() -> Case:
    model, _, inputs = mlp()
    run: Any = torch.utils.checkpoint.checkpoint
    return model, lambda: run(model, inputs["x"], use_reentrant=False).sum(), {"x": inputs["x"]}


def packed_sequence() -> Case:
    model, x = nn.LSTM(4, 5), torch.randn(7, B, 4)

    def step() -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([7, 6, 6, 4, 2, 1]))
        return model(packed)[1][0].square().sum()

    return model, step, {"x": x}


def data_dependent_shapes() -> Case:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)

    def step() -> Any:
        h = model(x)
        return h[x[:, 0] > 0].square().sum() + h.topk(2).values.sum() + h[torch.randperm(B)][:3].exp().sum()

    return model, step, {"x": x}


def batch_in_pieces() -> Case:
    model, x = nn.Linear(5, 4), torch.randn(B, 5)
    return model, lambda: sum(model(x[i : i + 2]).square().mean() for i in range(0, B, 2)) / 3, {"x": x}


def linear_algebra() -> Case:
    model, x = nn.Linear(4, 4), torch.randn(B, 4)

    def step() -> Any:
        h = model(x)
        gram = h.T @ h + torch.eye(4)
        return torch.linalg.cholesky(gram).diagonal().log().sum() + torch.fft.rfft(h).abs().sum()

    return model, step, {"x": x}


def generator_and_discriminator() -> Case:
    generator = nn.Sequential(nn.ConvTranspose2d(6, 8, 4), nn.BatchNorm2d(8), nn.ReLU(True), nn.Conv2d(8, 1, 1))
    judge = nn.Sequential(nn.Conv2d(1, 4, 4), nn.LeakyReLU(0.2, True), nn.Flatten(), nn.Linear(4, 1))

    def step() -> Any:
        noise = torch.randn(B, 6, 1, 1)
        return F.binary_cross_entropy_with_logits(judge(generator(noise)), torch.ones(B, 1))

    return nn.ModuleList([generator, judge]), step, {}


def connectionist_temporal() -> Case:
    model, x = nn.Linear(5, 6), torch.randn(10, B, 5)
    labels = torch.randint(1, 6, (B, 3))

    def step() -> Any:
        lengths = torch.full((B,), 10), torch.full((B,), 3)
        return F.ctc_loss(model(x).log_softmax(-1), labels, *lengths)

    return model, step, {"x": x, "labels": labels}


CASES = [
    mlp, cnn, vae, lstm, transformer, attention_without_dropout, dropout, conv_transpose, embedding, autocast,
    tied_and_called_twice, in_place, weight_norm, spectral_norm, detached_data, gradient_penalty, gamma_sample,
    score_function, checkpointed, packed_sequence, data_dependent_shapes, batch_in_pieces, linear_algebra,
    generator_and_discriminator, connectionist_temporal,
]  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda case: case.__name__)
def case(request: pytest.FixtureRequest, trace_once: Callable[..., Any]) -> Any:
    model, step, inputs = request.param()
    return trace_once(model, step, **inputs)


def assert_equal(replay: Replay, case: Any) -> None:
    assert same_bits(replay.loss, case.loss)
    assert case.gradients
    for name, gradient in case.gradients.items():
        assert same_bits(replay.gradients[name], gradient), name


def test_replays_bit_for_bit_and_leaves_no_trace(case: Any) -> None:
    assert case.traced.refused == ""
    assert case.traced.unnamed == ()
    before = {name: t.clone() for name, t in case.feeds.items()}
    rng = torch.get_rng_state()
    replay = case.replay()
    replay.backward()
    assert_equal(replay, case)
    assert torch.equal(rng, torch.get_rng_state())
    assert all(same_bits(t, before[name]) for name, t in case.feeds.items())
    assert all(step.node is not None or step.leaf for step in replay.backward_steps)
    assert all(step.incoming.finite and step.outgoing.finite for step in replay.backward_steps)
    assert all_births(replay) == ()
    check_graph(case.graph)


def test_verification_compares_outputs_and_gradients(case: Any) -> None:
    verdict = verify(case.replay(), loss=case.loss, statistics=case.statistics, gradients=case.gradients)
    assert (verdict.forward, verdict.gradient) == (Match.MATCHES, Match.MATCHES), verdict.detail


def test_json_round_trip_and_stored_draws(case: Any) -> None:
    graph = Graph.from_json(case.graph.to_json())
    assert graph == case.graph
    torch.manual_seed(1234)
    replay = Replay(graph, case.feeds, draws=case.traced.draws)
    replay.backward()
    assert_equal(replay, case)


def test_float64_is_close(case: Any) -> None:
    replay = case.replay(draws=case.traced.draws, dtype=torch.float64)
    replay.backward(steps=False)
    assert replay.loss.dtype == torch.float64
    tolerance = 0.05 if any(m and m.dtype == "bfloat16" for n in case.graph.nodes for m in n.outs) else 1e-4
    assert float(replay.loss) == pytest.approx(float(case.loss), rel=tolerance, abs=tolerance)
    for name, gradient in case.gradients.items():
        assert torch.allclose(replay.gradients[name].float(), gradient, rtol=tolerance, atol=tolerance), name
