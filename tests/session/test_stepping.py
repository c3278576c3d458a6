"""A step taken again from a recording is the training's, bit for bit, and so are the iterations after it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.errors import ReplayError, UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.compacting import compact
from dgmtui.recording.model import ParameterGroup
from dgmtui.session.session import Session
from dgmtui.trace.steps import load_steps
from dgmtui.trace.tensors import from_stored

Make = Callable[[nn.Module], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda m: torch.optim.SGD(m.parameters(), lr=0.1),
    "nesterov": lambda m: torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda m: torch.optim.Adam(m.parameters(), lr=0.01, amsgrad=True),
    "adam_foreach": lambda m: torch.optim.Adam(m.parameters(), lr=0.01, foreach=True),
    "adam_fused": lambda m: torch.optim.Adam(m.parameters(), lr=0.01, fused=True),
    "adamw": lambda m: torch.optim.AdamW(m.parameters(), lr=0.01, betas=(0.8, 0.99), maximize=True),
    "rmsprop": lambda m: torch.optim.RMSprop(m.parameters(), lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda m: torch.optim.Adagrad(m.parameters(), lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1),
    "adadelta": lambda m: torch.optim.Adadelta(m.parameters()),
    "adamax": lambda m: torch.optim.Adamax(m.parameters()),
    "nadam": lambda m: torch.optim.NAdam(m.parameters()),
    "radam": lambda m: torch.optim.RAdam(m.parameters()),
    "asgd": lambda m: torch.optim.ASGD(m.parameters()),
    "rprop": lambda m: torch.optim.Rprop(m.parameters()),
    "adafactor": lambda m: torch.optim.Adafactor(m.parameters()),
    "two_groups": lambda m: torch.optim.AdamW(
        [{"params": m[:2].parameters(), "lr": 0.1}, {"params": m[3].parameters(), "weight_decay": 0.5}], lr=0.01
    ),
}
CHANGES: dict[str, Callable[[nn.Module], object]] = {
    "nothing": lambda model: None,
    "norm": lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.05),
    "value": lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.01),
    "noise": lambda model: [p.grad.add_(torch.randn_like(p)) for p in model.parameters()],
}


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def train(
    path: Path, make: Make, *, change: str = "nothing", bad: int = -1, last: int = 9, passes: int = 1, **settings: Any
) -> tuple[list[dict[str, Tensor]], list[float]]:
    """Weights before each iteration, and the losses; one pass a time where gradients are accumulated."""
    model = net()
    optimizer = make(model)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    weights, losses = [], []
    with dgmtui.Recorder(path, model, optimizer, every=1, **settings) as rec:
        for i in range(last):
            weights.append({name: p.detach().clone() for name, p in model.named_parameters()})
            with rec.iteration():
                optimizer.zero_grad()
                for _ in range(passes):
                    x, y = torch.randn(5, 6), torch.arange(5) % 3
                    if i == bad:
                        x[2, 4] = torch.inf
                    loss = F.cross_entropy(model(x), y)
                    losses.append(loss.item())
                    loss.backward()
                CHANGES[change](model)
                optimizer.step()
            schedule.step()
    return weights, losses


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    recordings = []

    def open_(iteration: int | None = None, name: str = "run.h5") -> Session:
        recordings.append(open_recording(tmp_path / name))
        session = Session(recordings[-1])
        if iteration is not None:
            run(session, f"goto {iteration}")
        return session

    yield open_
    for recording in recordings:
        recording.close()


def run(session: Session, line: str) -> Any:
    return REGISTRY.run(session, line).data


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_step_and_what_follows_are_the_trainings(name: str, tmp_path: Path, opened: Callable[..., Session]) -> None:
    weights, losses = train(tmp_path / "run.h5", OPTIMIZERS[name])
    for iteration in (0, 1, 2, 4):
        session = opened(iteration)
        snapshot = session.needed_snapshot()
        stepped = session.results.stepping.step(snapshot)
        assert run(session, "optimizer-step")["verdict"] == "matches"
        after = {path: tensor for taken in stepped.taken for path, tensor in taken.after.items()}
        assert set(after) == set(weights[0])
        for path, tensor in weights[iteration + 1].items():
            assert torch.equal(after[path], tensor), path
    told = run(opened(0), "train 2")
    assert [each["loss"] for each in told["iterations"]] == losses[1:3] and told["held"]
    assert all(each["exact"] for each in told["iterations"])
    assert check(tmp_path / "run.h5").exit_code == 0


def test_settings_are_those_of_the_step(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["two_groups"])
    told = [run(opened(iteration), "optimizer-step")["optimizers"][0] for iteration in (0, 8)]
    assert [[group["lr"] for group in each["settings"]] for each in told] == [[0.1, 0.01], [0.1 / 16, 0.01 / 16]]
    assert told[0]["type"] == "torch.optim.adamw.AdamW" and told[0]["settings"][1]["weight_decay"] == 0.5


@pytest.mark.parametrize(("change", "gradients"), [("norm", "scaled"), ("value", "clamped")])
def test_clipped_gradients_are_clipped_again(
    change: str, gradients: str, tmp_path: Path, opened: Callable[..., Session]
) -> None:
    _, losses = train(tmp_path / "run.h5", OPTIMIZERS["adam"], change=change)
    told = run(opened(4), "optimizer-step")
    assert (told["verdict"], told["optimizers"][0]["gradients"], told["notes"]) == ("matches", gradients, [])
    assert [each["loss"] for each in run(opened(0), "train 2")["iterations"]] == losses[1:3]


def test_an_edited_gradient_is_clipped_to_the_norm_that_others_were(
    tmp_path: Path, opened: Callable[..., Session]
) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["sgd"], change="norm")
    session = opened(8)
    run(session, "scale 3 10")
    told = run(session, "optimizer-step --top 0")
    lr = told["optimizers"][0]["settings"][0]["lr"]
    moved = np.sqrt(sum(row["update"] ** 2 for row in told["rows"]))
    assert moved == pytest.approx(0.05 * lr, rel=1e-3)
    assert told["notes"] == ["gradients are clipped to the norm 0.05, as in other snapshots"]


def test_gradients_changed_otherwise_are_said_to_be(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["sgd"], change="noise")
    told = run(opened(4), "optimizer-step")
    assert told["verdict"] == "differs" and "the training" in told["detail"]
    assert "changed between backward and step" in told["notes"][0]


def test_accumulated_gradients_step_together(tmp_path: Path, opened: Callable[..., Session]) -> None:
    weights, _ = train(tmp_path / "run.h5", OPTIMIZERS["adam"], passes=3)
    session = opened(2)
    assert session.needed_snapshot().turn == "3"
    stepped = session.results.stepping.step(session.needed_snapshot())
    assert stepped.verdict.gradient == "matches"
    for path, tensor in stepped.taken[0].after.items():
        assert torch.equal(tensor, weights[3][path])


def test_a_failing_iteration_has_the_state_and_an_edit_before_it_may_not_help(
    tmp_path: Path, opened: Callable[..., Session]
) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["adam"], bad=5)
    session = opened(4)
    told = run(session, "train 1")
    assert not told["held"] and told["iterations"][0]["births"][0]["phase"] == "input"
    run(session, "goto 5")
    run(session, "set input[0][2] = input[0][1]")
    told = run(session, "optimizer-step")
    assert told["verdict"] == "not made" and told["optimizers"][0]["outcome"] == "not made"
    assert told["loss_after"] != told["loss"] and not told["births"]
    assert run(opened(4), "edits")["edits"] == []  # another session's
    run(session, "goto 4")
    assert run(session, "train 1")["held"]  # the edit of the batch at 5 stands there


def test_a_step_to_infinity_is_born_in_update(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", lambda m: torch.optim.SGD(m.parameters(), lr=1e38))
    session = opened(0)
    run(session, "scale 3 1e4")
    told = run(session, "optimizer-step")
    (first, *_) = told["births"]
    assert (first["phase"], first["module"]) == ("update", first["parameter"].rpartition(".")[0])
    assert first["count"] > 0 and first["what"] in ("inf", "-inf")
    assert told["rows"][0]["nonfinite"] > 0 and told["rows"][0]["unit"] is not None


def test_iterations_that_were_asked_for_lead_up_to_the_failure(tmp_path: Path, opened: Callable[..., Session]) -> None:
    _, losses = train(tmp_path / "run.h5", OPTIMIZERS["adamw"], bad=7, snapshots=[5, 6])
    told = run(opened(5), "train 5")
    assert [each["iteration"] for each in told["iterations"]] == [6, 7]
    assert all(each["exact"] for each in told["iterations"]) and told["iterations"][0]["loss"] == losses[6]
    assert not told["held"] and told["iterations"][1]["births"]


def hostile(session: Session, **changes: Any) -> None:
    """What the file says of the step is something else."""
    snapshot = session.needed_snapshot()
    (step,) = snapshot.optimizers
    session.recording.__dict__["snapshots"] = (replace(snapshot, optimizers=(replace(step, **changes),)),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "os.system"}, "none of torch.optim's own classes"),
        ({"type": "torch.optim.Optimizer"}, "none of torch.optim's own classes"),
        ({"type": "torch.optim.lbfgs.LBFGS"}, "runs the network again"),
        ({"groups": (ParameterGroup((), {}),)}, "no gradient for any parameter"),
        ({"groups": (ParameterGroup(("0.weight",), {"lr": "much"}),)}, "can't be made again"),
        ({"groups": (ParameterGroup(("0.weight",), {"betas": [0.9]}),)}, "can't be taken"),
        ({"groups": (ParameterGroup(("0.weight", "0.weight"), {}),)}, "can't be"),
        ({"numbers": {"exp_avg:0.weight": "x", "nothing": None}}, ""),
    ],
)
def test_a_hostile_file_gets_one_sentence(
    changes: dict[str, Any], said: str, tmp_path: Path, opened: Callable[..., Session]
) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["adam"], last=5)
    session = opened(4)
    hostile(session, **changes)
    if said:
        with pytest.raises(ReplayError, match=said) as raised:
            run(session, "optimizer-step")
        assert "\n" not in str(raised.value)
    else:
        assert run(session, "optimizer-step")["verdict"] == "matches"


def test_state_of_another_shape_is_refused(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["adam"], last=5)
    session = opened(4)
    snapshot = session.needed_snapshot()
    tensors = {**snapshot.tensors, "optimizer:exp_avg:0.weight": snapshot.tensors["param:3.weight"]}
    session.recording.__dict__["snapshots"] = (replace(snapshot, tensors=tensors),)
    with pytest.raises(ReplayError, match=r"the state exp_avg of 0\.weight is not of its shape"):
        run(session, "optimizer-step")


def test_gaps_are_said(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["sgd"])
    (gap,) = run(opened(4), "train 1")["iterations"]
    assert (gap["iteration"], gap["skipped"], gap["exact"]) == (8, 3, False)
    assert gap["note"].startswith("3 updates between 4 and 8 left out")
    with pytest.raises(UsageError, match="no iteration after 8 has a snapshot"):
        run(opened(8), "train 3")
    with pytest.raises(UsageError, match="from 1"):
        run(opened(4), "train 0")


def test_edits_of_the_code_go_on_and_nothing_of_the_session_changes(
    tmp_path: Path, opened: Callable[..., Session]
) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["adam"])
    session = opened(0)
    run(session, "clamp 3 -0.1 0.1")
    run(session, "set input[0][1] = 0")
    told = run(session, "train 2")
    assert [each["edits"] for each in told["iterations"]] == [["clamp 3 -0.1 0.1"]] * 2
    assert run(session, "edits")["edits"] == ["clamp 3 -0.1 0.1", "set input[0][1] = 0"]
    run(session, "goto 1")
    assert run(session, "edits")["edits"] == []


def test_without_state_it_is_said_what_to_do(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["adam"], optimizer_state=False)
    session = opened(4)
    with pytest.raises(ReplayError, match="recorded with --no-optimizer-state"):
        run(session, "optimizer-step")
    assert not any(name.startswith("optimizer:") for name in session.needed_snapshot().tensors)
    with (
        open_recording(Path(__file__).parents[2] / "recordings" / "vae.h5") as shipped,
        pytest.raises(ReplayError, match="record the training again"),
    ):
        run(Session(shipped), "optimizer-step")


class Mine(torch.optim.SGD):
    """A user's own."""


def test_a_users_own_optimiser_is_refused(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", lambda m: Mine(m.parameters(), lr=0.1, momentum=0.9))
    with pytest.raises(ReplayError, match=r"Mine is none of torch\.optim's own classes"):
        run(opened(4), "optimizer-step")


def test_several_turns_step_one_after_another(tmp_path: Path, opened: Callable[..., Session]) -> None:
    torch.manual_seed(0)
    g, d = nn.Linear(3, 4), nn.Linear(4, 1)
    og, od = torch.optim.Adam(g.parameters(), lr=0.01), torch.optim.SGD(d.parameters(), lr=0.1, momentum=0.9)
    before, losses = [], []
    with dgmtui.Recorder(tmp_path / "run.h5", nn.ModuleDict({"g": g, "d": d}), every=1) as rec:
        rec.add_optimizer(od)
        rec.add_optimizer(og)
        for _ in range(6):
            before.append([p.detach().clone() for p in (*g.parameters(), *d.parameters())])
            fake, real = g(torch.randn(5, 3)), torch.randn(5, 4)
            od.zero_grad()
            first = F.softplus(d(fake.detach())).mean() + F.softplus(-d(real)).mean()
            first.backward()
            od.step()
            og.zero_grad()
            second = F.softplus(-d(g(torch.randn(5, 3)))).mean()
            second.backward()
            og.step()
            losses += [first.item(), second.item()]
    session = opened(1)
    assert [(s.iteration, s.turn) for s in session.recording.snapshots[:4]] == [(0, "1"), (0, "2"), (1, "1"), (1, "2")]
    told = run(session, "optimizer-step")
    assert (told["turn"], told["verdict"]) == ("2", "matches")
    assert told["optimizers"][0]["type"] == "torch.optim.adam.Adam"
    told = run(opened(0), "train 2")
    assert [(each["iteration"], each["turn"]) for each in told["iterations"]] == [
        (1, "1"), (1, "2"), (2, "1"), (2, "2")
    ]  # fmt: skip
    assert [each["loss"] for each in told["iterations"]] == losses[2:6]
    assert all(each["exact"] for each in told["iterations"])


@pytest.mark.parametrize(("scale", "fused"), [(None, False), (3.0, False), (1024.0, False), (1024.0, True)])
def test_scaled_gradients_are_unscaled(
    scale: float | None, fused: bool, tmp_path: Path, opened: Callable[..., Session]
) -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", enabled=scale is not None, init_scale=scale or 1)
    weights = []
    with dgmtui.Recorder(tmp_path / "run.h5", model, optimizer, every=1):
        for i in range(9):
            weights.append({name: p.detach().clone() for name, p in model.named_parameters()})
            optimizer.zero_grad()
            x = torch.randn(5, 6) * (1e19 if i == 4 else 1)
            scaler.scale(model[3](model[0](x)).square().mean()).backward()
            scaler.step(optimizer)
            scaler.update()
            if scale is None and i == 3:
                break
    session = opened(2)
    stepped = session.results.stepping.step(session.needed_snapshot())
    assert stepped.verdict.gradient == "matches", stepped.verdict
    assert stepped.taken[0].told.loss_scale == scale
    for path, tensor in stepped.taken[0].after.items():
        assert torch.equal(tensor, weights[3][path]), path
    if scale == 1024 and not fused:
        told = run(opened(4), "optimizer-step")
        assert told["optimizers"][0]["outcome"] == "skipped" and told["skipped"]
        assert told["verdict"] == "matches" and told["loss_after"] is None


def test_thinned_and_compacted_recordings_keep_it(tmp_path: Path, opened: Callable[..., Session]) -> None:
    train(tmp_path / "run.h5", OPTIMIZERS["adam"])
    with open_recording(tmp_path / "run.h5") as recording:
        snapshot = recording.snapshots[-1]
        held = {f"{key}": value for each in load_steps(recording, snapshot) for key, value in each.state.items()}
    compact(tmp_path / "run.h5", tmp_path / "small.h5")
    session = opened(8, "small.h5")
    assert run(session, "optimizer-step")["verdict"] == "matches"
    for name, spec in session.needed_snapshot().tensors.items():
        if name.startswith("optimizer:"):
            assert torch.equal(from_stored(session.recording.tensor(spec)), held[name.removeprefix("optimizer:")])


@pytest.mark.parametrize("size", [None, 2 << 20])
def test_state_obeys_the_size_that_was_asked_for(size: int | None, tmp_path: Path) -> None:
    """Of one unit the rows take little, and the state twice 160,000 bytes."""
    torch.manual_seed(0)
    model = nn.Linear(40_000, 1)
    optimizer = torch.optim.Adam(model.parameters())
    with dgmtui.Recorder(tmp_path / "run.h5", model, optimizer, max_size=size) as rec:
        for i in range(6):
            optimizer.zero_grad()
            loss = model(torch.randn(1, 40_000)).square().mean() * (torch.nan if i == 5 else 1)
            loss.backward()
            optimizer.step()
    assert rec.stopped_at == 5
    with open_recording(tmp_path / "run.h5") as recording:
        failing = recording.snapshots[-1]
        held = any(name.startswith("optimizer:exp_avg_sq:") for name in failing.tensors)
        assert (failing.reason, held) == ("failing", size is None)
        assert (failing.optimizers[0].left_out != "") == (size is not None)
    assert size is None or (tmp_path / "run.h5").stat().st_size <= size
