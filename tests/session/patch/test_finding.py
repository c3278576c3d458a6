"""Which expressions of a source line can have run an operation, and what is put in their place."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.errors import UsageError
from dgmtui.session.patch.files import Code
from dgmtui.session.patch.finding import module_calls, operations, returned
from dgmtui.session.patch.names import Names


def code(text: str) -> Code:
    return Code("a.py", "/nowhere", text.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("line", "op", "others", "found"),
    [
        ("y = torch.exp(x)", "exp", 0, ["torch.exp(x)"]),
        ("y = torch.exp(x + x.exp())", "exp", 0, ["x.exp()", "torch.exp(x + x.exp())"]),
        ("y = x.exp_()", "exp", 0, ["x.exp_()"]),
        ("y = self.exp(x)", "exp", 0, []),
        ("y = math.exp(x)", "exp", 0, []),
        ("y = model.exp(x)", "exp", 0, []),
        ("y = F.relu(x, inplace=True)", "relu", 0, ["F.relu(x, inplace=True)"]),
        ("y = x ** 2 - -z", "pow", 1, ["x ** 2"]),
        ("y = x ** 2 - -z", "neg", 0, ["-z"]),
        ("y = 0.5 * x + 1", "mul", 1, ["0.5 * x"]),
        ("y = x.clamp(0, 1) if c else x.clip(0)", "clamp", 2, ["x.clamp(0, 1)", "x.clip(0)"]),
        ("y = abs(x) + x.abs()", "abs", 0, ["abs(x)", "x.abs()"]),
        ("y = 'größer', x.exp()", "exp", 0, ["x.exp()"]),
    ],
)
def test_what_runs_an_operation(line: str, op: str, others: int, found: list[str]) -> None:
    source = code(f"import math\nimport torch\nfrom torch.nn import functional as F\n{line}\n")
    assert [source.text(each.node) for each in operations(source, 4, op, others)] == found


def test_a_module_is_called_by_its_name() -> None:
    source = code("a = self.xv(self.dec.xm(h))\nb = self.blocks[0](a)\nfor block in self.blocks: b = block(b)\n")
    for line, path, found in (
        (1, "xv", 1),
        (1, "dec.xm", 1),
        (2, "blocks.0", 1),
        (2, "blocks.1", 0),
        (3, "blocks.0", 0),
    ):
        assert len(module_calls(source, line, path)) == found, path


def test_one_value_that_is_returned_once() -> None:
    once = code("def f(x):\n    def g(y):\n        return y\n    return g(x) + 1\n")
    node = returned(once, 4)
    assert node is not None and once.text(node) == "g(x) + 1"
    for text in ("def f(x):\n    if x:\n        return x\n    return 2\n", "def f(x):\n    return x, 1\n", "x = 1\n"):
        assert returned(code(text), 2 if "def" in text else 1) is None


@pytest.mark.parametrize(
    ("head", "function", "line"),
    [
        ("import torch\n", "torch.nn.functional.silu", ""),
        ("import torch.nn.functional as F\n", "F.silu", ""),
        ("from torch import nn\n", "nn.functional.silu", ""),
        ("import torch.nn as tn\nF = 3\n", "tn.functional.silu", ""),
        ('"""About."""\nimport numpy\n', "F.silu", "import torch.nn.functional as F"),
        (
            "from torch.nn import functional as F\nfor F in range(3): pass\n",
            "functional.silu",
            "import torch.nn.functional as functional",
        ),
    ],
)
def test_functions_are_written_as_the_file_names_them(head: str, function: str, line: str) -> None:
    names = Names.of(ast.parse(head))
    assert names.functional("silu") == function
    assert names.needed == ({line} if line else set())


def test_an_import_goes_behind_those_that_are_there() -> None:
    source = code('"""About."""\nfrom __future__ import annotations\nimport os\n\nx = y.exp()\n')
    (found,) = operations(source, 5, "exp", 0)
    source.put(found.node, f"{source.names.functional('silu')}(y)")
    assert "+import torch.nn.functional as F\n" in source.diff()
    changed = [line[1:] for line in source.diff().splitlines()[3:] if not line.startswith("-")]
    assert changed[:4] == [
        '"""About."""',
        "from __future__ import annotations",
        "import os",
        "import torch.nn.functional as F",
    ]


def test_windows_lines_and_a_missing_last_end_stay_as_they_are() -> None:
    source = code("import torch\r\nx = y.exp()")
    (found,) = operations(source, 2, "exp", 0)
    source.put(found.node, "torch.tanh(y)")
    assert source.diff().endswith(
        "-x = y.exp()\n\\ No newline at end of file\n+x = torch.tanh(y)\n\\ No newline at end of file\n"
    )


@given(st.text(max_size=60), st.sampled_from(["exp", "pow", "mul", "neg", "clamp"]))
def test_no_line_breaks_it(text: str, op: str) -> None:
    lone = Code("a.py", "", [" ".join(text.split()) + "\n"], 7)
    try:
        for found in operations(lone, 7, op, 2):
            assert lone.text(found.node)
            lone.put(found.node, "torch.tanh(x)")
    except UsageError:
        pass
