"""``print``: one iteration or several, whole session tensors, gradients."""

import pytest
import torch

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Table
from dgmtui.errors import DgmtuiError
from dgmtui.session.session import Session
from tests.answers import run

SAID = {"shape", "dtype", "min", "max", "mean", "elements", "nan", "inf", "values", "table"}


def test_several_snapshots_stand_side_by_side(session: Session) -> None:
    said = run(session, "print max(enc) at 0 20,-1")
    assert said.keys() == {"command", "expression", "at"} and said["expression"] == "max(enc)"
    assert [each["iteration"] for each in said["at"]] == [0, 16, 30]
    for each in said["at"]:
        assert each.keys() == SAID | {"iteration"}
        run(session, f"goto {each['iteration']}")
        alone = run(session, "print max(enc)")
        assert {key: each[key] for key in SAID} == {key: alone[key] for key in SAID}
    for line in ("print max(enc) --at 0,16,30", "print max(enc) at all", "print max(enc) --at=0 16 30 16"):
        assert run(session, line)["at"] == said["at"]


def test_tensors_side_by_side_show_their_ranges_and_edits(session: Session) -> None:
    run(session, "scale enc 2")
    table = REGISTRY.run(session, "print enc[1] at 0 30").blocks[1]
    assert isinstance(table, Table) and table.columns == ("iteration", "0", "30")
    here = session.needed_snapshot().iteration
    assert table.note == f"{here} as edited (1 edit)"
    assert [row[0] for row in table.rows[:4]] == ["shape", "min", "max", "mean"] and table.rows[-1][0] == "[3]"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("print enc at -99", "print: no snapshot at or before -99; there are: 0, 16, 30"),
        ("print nowhere at 0", "print: no module 'nowhere'"),
        ("print enc at", "print: 'enc at' is no expression"),
        ("print at 0", "print: "),
    ],
)
def test_what_can_not_be_printed_is_said(session: Session, line: str, said: str) -> None:
    with pytest.raises(DgmtuiError) as raised:
        REGISTRY.run(session, line)
    assert str(raised.value).startswith(said) and "\n" not in str(raised.value)


def test_a_small_tensor_is_shown_whole(session: Session) -> None:
    run(session, "goto 0")
    said = run(session, "print param:enc.weight")
    assert said["table"] == [[1, 2], [3, 5], [-1, 0.5]]
    assert run(session, "print param:enc.bias")["table"] == [[0.5, 0.25, -0.5]]
    assert run(session, "print loss")["table"] is None


def test_gradients_of_modules_and_nodes_are_those_of_autograd(session: Session) -> None:
    run(session, "goto 16")
    replay = session.results.replay(session.needed_snapshot()).replay
    weight, bias, x = (replay.feeds[name] for name in ("param:enc.weight", "param:enc.bias", "input:x"))
    hidden = (x @ weight.T + bias).requires_grad_()
    hidden.exp().mean().backward()
    assert hidden.grad is not None
    for name in ("grad:enc", "grad:module:enc", "grad:node:1"):
        assert torch.allclose(torch.tensor(run(session, f"print {name}")["table"]), hidden.grad)
    exp = torch.full((4, 3), 1 / 12)
    assert torch.allclose(torch.tensor(run(session, "print grad:node:2 * 1")["table"]), exp)
    assert run(session, "print grad:enc.weight")["shape"] == [3, 2]
    for bad in ("grad:node:99", "grad:nowhere"):
        with pytest.raises(DgmtuiError):
            REGISTRY.run(session, f"print {bad}")
