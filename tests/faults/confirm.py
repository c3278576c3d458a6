"""What happens in the scripts that fail silently, observed with PyTorch alone and held against confirm.toml.

``python tests/faults/confirm.py [THEME | THEME/SCRIPT]…`` runs each script as it is and, with its fault mended by the
replacements of confirm.toml, once more; prints the facts of both runs, and which of the expressions beside them fail.
"""

# mypy: disable-error-code="no-untyped-call"

import contextlib
import io
import os
import re
import runpy
import sys
import tempfile
import tomllib
import warnings
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

HERE = Path(__file__).parent
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
RECTIFIERS = ("relu", "relu_", "clamp_min")
SQUASHING = {"sigmoid": (0.01, 0.99), "tanh": (-0.99, 0.99)}
Bare = torch.Tensor.backward


class Watched(TorchFunctionMode):
    """One run of a script: losses, what moved, what activation functions gave."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.module_stack: list[nn.Module] = []
        self.names: dict[int, str] = {}
        self.models: list[int] = []
        self.first_seen: dict[str, tuple[nn.Parameter, Tensor]] = {}
        self.modes: list[bool] = []
        self.before: dict[int, Tensor] = {}
        self.ratios: dict[str, list[float]] = defaultdict(list)
        self.rates: list[float] = []
        self.zero: dict[str, list[Tensor]] = defaultdict(list)
        self.saturated: dict[str, list[float]] = defaultdict(list)
        self.gradients: list[float] = []
        self.norms: dict[str, float] = {}
        self.without: set[str] = set()

    def entered(self, module: nn.Module, _: Any) -> None:
        """A module is called; of an outermost one the parameters are noted."""
        if not self.module_stack:
            if id(module) not in self.models:
                self.models.append(id(module))
            for name, part in module.named_modules():
                self.names[id(part)] = f"{chr(65 + self.models.index(id(module)))}:{name}"
            if torch.is_grad_enabled() and not type(module).__module__.endswith(".loss"):
                self.modes.append(module.training)
        for name, parameter in module.named_parameters(recurse=False):
            full = f"{self.names.setdefault(id(module), f'unregistered {len(self.names)}')}.{name}"
            if full not in self.first_seen:
                self.first_seen[full] = (parameter, parameter.detach().clone())
        self.module_stack.append(module)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if (name in RECTIFIERS or name in SQUASHING) and torch.is_tensor(result) and result.dim() > 1:
            if name in RECTIFIERS:
                units = (result == 0).transpose(0, 1).flatten(1).all(1)
                self.zero[f"{self.place()}:{len(units)}"].append(units)
            if name in SQUASHING:
                low, high = SQUASHING[name]
                self.saturated[self.place()].append(((result < low) | (result > high)).float().mean().item())
        return result

    def place(self) -> str:
        """The module that is being called."""
        return self.names.get(id(self.module_stack[-1]), "?") if self.module_stack else "?"

    def backward(self, loss: Tensor, *args: Any, **options: Any) -> None:
        """In place of ``Tensor.backward``."""
        torch.autograd.backward(loss, *args, **options)  # not Bare, which would come here again through the mode
        self.losses.append(float(loss.detach().float().sum()))
        held = {name: parameter.grad for name, (parameter, _) in self.first_seen.items()}
        self.without = {name for name, gradient in held.items() if gradient is None}
        self.norms = {name: float(g.float().norm()) for name, g in held.items() if g is not None}
        self.gradients.append(sum(norm**2 for norm in self.norms.values()) ** 0.5)

    def stepping(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Before a step."""
        self.rates.append(optimizer.param_groups[0]["lr"])
        self.before = {id(p): p.detach().clone() for group in optimizer.param_groups for p in group["params"]}

    def stepped(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """After it."""
        known = {id(parameter): name for name, (parameter, _) in self.first_seen.items()}
        for group in optimizer.param_groups:
            for p in group["params"]:
                old = self.before[id(p)].float()
                moved = float((p.detach().float() - old).norm() / (old.norm() + 1e-12))
                self.ratios[known.get(id(p), f"unknown {tuple(p.shape)}")].append(moved)

    def facts(self, said: str) -> SimpleNamespace:
        """What confirm.toml's expressions speak of."""
        numbers = [float(n) for n in NUMBER.findall(said)]
        tail = self.losses[-20:]
        weights = {name: r for name, r in self.ratios.items() if name.endswith("weight")} or self.ratios
        typical = sorted(sum(r[len(r) // 2 :]) / max(1, len(r) - len(r) // 2) for r in weights.values())
        return SimpleNamespace(
            said=numbers[-1] if numbers else None,
            numbers=numbers,
            losses=self.losses,
            first=sum(self.losses[:5]) / max(1, len(self.losses[:5])),
            last=sum(tail) / max(1, len(tail)),
            highest=max(self.losses, default=0.0),
            backwards=len(self.losses),
            unmoved=sorted(n for n, (p, old) in self.first_seen.items() if torch.equal(p.detach(), old)),
            no_gradient=sorted(self.without),
            norms=self.norms,
            gradients=self.gradients,
            ratio=typical[len(typical) // 2] if typical else 0.0,
            ratios=dict(self.ratios),
            rates=self.rates,
            dead={place: float(torch.stack(z[-10:]).all(0).float().mean()) for place, z in self.zero.items()},
            saturated={place: sum(s[-10:]) / len(s[-10:]) for place, s in self.saturated.items()},
            evaluating=[i for i, training in enumerate(self.modes) if not training],
            modes=len(self.modes),
        )


def watch(source: str, name: str) -> SimpleNamespace:
    """The facts of one run of this source."""
    watched = Watched()
    hooks = [
        register_module_forward_pre_hook(watched.entered),
        register_module_forward_hook(lambda *_: (watched.module_stack.pop(), None)[1], always_call=True),
        register_optimizer_step_pre_hook(watched.stepping),
        register_optimizer_step_post_hook(watched.stepped),
    ]
    torch.Tensor.backward = _bound(watched)  # type: ignore[method-assign]
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(source)
        try:
            with contextlib.redirect_stdout(said), warnings.catch_warnings(), watched:
                warnings.simplefilter("ignore")
                sys.argv = [str(path)]
                runpy.run_path(str(path), run_name="__main__")
        finally:
            torch.Tensor.backward = Bare  # type: ignore[method-assign]
            for hook in hooks:
                hook.remove()
    return watched.facts(said.getvalue())


def _bound(watched: Watched) -> Any:
    return lambda loss, *args, **options: watched.backward(loss, *args, **options)


def mended(source: str, cure: list[list[str]]) -> str:
    """The source with its fault taken away."""
    for old, new in cure:
        if source.count(old) != 1:
            raise ValueError(f"{source.count(old)} times in the script: {old}")
        source = source.replace(old, new)
    return source


def brief(facts: SimpleNamespace) -> str:
    """One line."""
    worst = {
        "dead": max(facts.dead.values(), default=0.0),
        "saturated": max(facts.saturated.values(), default=0.0),
        "evaluating": len(facts.evaluating) / max(1, facts.modes),
    }
    before, after = (facts.gradients[0], facts.gradients[-1]) if facts.gradients else (0.0, 0.0)
    return (
        f"loss {facts.first:.4g} → {facts.last:.4g} (highest {facts.highest:.4g}, {facts.backwards} backward), "
        f"said {facts.said}, update ratio {facts.ratio:.2g}, gradient {before:.2g} → {after:.2g}, "
        + ", ".join(f"{key} {value:.2f}" for key, value in worst.items() if value)
        + (f", unmoved {facts.unmoved}" if facts.unmoved else "")
        + (f", no gradient {facts.no_gradient}" if facts.no_gradient else "")
    )


def confirm(name: str, told: dict[str, Any]) -> bool:
    """Run a script both ways, print, and say whether all that its truth rests on holds."""
    source = (HERE / f"{name}.py").read_text()
    faulty = watch(source, Path(name).name)
    cured = watch(mended(source, told["cure"]), Path(name).name)
    print(f"{name}\n  faulty: {brief(faulty)}\n  cured:  {brief(cured)}")
    wrong = [fact for fact in told["facts"] if not eval(fact, {"faulty": faulty, "cured": cured, "torch": torch})]
    for fact in wrong:
        print(f"  NOT SO: {fact}")
    return not wrong


def main(wanted: list[str]) -> int:
    """Confirm what is named (all, where nothing is), each in a child of its own."""
    told = tomllib.loads((HERE / "confirm.toml").read_text())
    entries = {f"{theme}/{name}": entry for theme, scripts in told.items() for name, entry in scripts.items()}
    failed = 0
    for name, entry in entries.items():
        if wanted and not any(part in (name, name.partition("/")[0]) for part in wanted):
            continue
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                held = confirm(name, entry)
                sys.stdout.flush()
            except BaseException as error:
                print(f"{name}: {type(error).__name__}: {error}", flush=True)
                held = False
            os._exit(not held)
        failed += os.waitpid(child, 0)[1] != 0
    print("all confirmed" if not failed else f"{failed} not confirmed")
    return int(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(sys.argv[1:]))
