"""Results as lines of JSON that any reader takes."""

import json
from enum import StrEnum
from pathlib import Path

import numpy as np

from dgmtui.commands.result import Result
from dgmtui.render.json import error_to_json, to_json


class Colour(StrEnum):
    RED = "red"


def test_every_value_becomes_plain_json() -> None:
    data = {
        "floats": [1.5, float("nan"), float("inf"), -float("inf")],
        "numpy": np.float32(0.5),
        "bad": np.float64("nan"),
        "array": np.array([[1, 2], [3, 4]]),
        "nothing": None,
        "enum": Colour.RED,
        "path": Path("a/b"),
        "nested": {"tuple": (np.int64(3), True)},
    }
    line = to_json(Result("x", data))
    assert "\n" not in line
    assert json.loads(line, parse_constant=lambda name: 1 / 0) == {
        "command": "x",
        "floats": [1.5, "nan", "inf", "-inf"],
        "numpy": 0.5,
        "bad": "nan",
        "array": [[1, 2], [3, 4]],
        "nothing": None,
        "enum": "red",
        "path": "a/b",
        "nested": {"tuple": [3, True]},
    }


def test_errors_have_their_own_shape() -> None:
    assert json.loads(error_to_json("goto", 'no "x"')) == {"command": "goto", "error": 'no "x"'}
