"""What is read off an exception that ends a training."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dgmtui.recorder.naming import Names
from dgmtui.recorder.raised import facts_of


def facts(act: Any, batch_size: int | None = 4, index: list[int] | None = None) -> dict[str, Any]:
    with pytest.raises(Exception) as raised:  # noqa: PT011
        act()
    return facts_of(raised.value, Names(), batch_size, index)


def test_labels_out_of_range_are_told_with_their_rows() -> None:
    labels = torch.tensor([0, 2, -1, 7])
    told = facts(lambda: F.cross_entropy(torch.randn(4, 3), labels), index=[10, 11, 12, 13])
    assert (told["refused"], told["limit"], told["count"]) == ("labels", 3, 2)
    assert told["samples"] == [2, 3] and told["numbers"] == [-1, 7]
    assert (told["number"], told["dataset_index"]) == (-1, 12)
    assert told["source"].rpartition(":")[0].endswith("test_raised.py")


def test_the_label_that_is_to_be_ignored_is_not_counted() -> None:
    labels = torch.tensor([0, 255, 5, 2])
    told = facts(lambda: F.cross_entropy(torch.randn(4, 3), labels, ignore_index=255))
    assert (told["samples"], told["numbers"]) == ([2], [5])


def test_of_flattened_labels_the_rows_are_those_of_the_batch() -> None:
    labels = torch.zeros(4, 5, dtype=torch.long)
    labels[2, 4] = 9
    told = facts(lambda: F.cross_entropy(torch.randn(20, 3), labels.flatten()))
    assert told["samples"] == [2]


def test_rows_are_left_out_where_the_batch_is_not_known() -> None:
    told = facts(lambda: F.cross_entropy(torch.randn(2, 3), torch.tensor([0, 3])), batch_size=None)
    assert told["numbers"] == [3] and "samples" not in told


def test_an_index_beyond_the_table() -> None:
    table = nn.Embedding(5, 2)
    told = facts(lambda: table(torch.tensor([[1, 2], [3, 4], [0, 5], [1, 1]])))
    assert (told["refused"], told["limit"], told["samples"]) == ("indices", 5, [2])


def test_any_other_exception_tells_of_no_numbers() -> None:
    told = facts(lambda: nn.Linear(3, 2)(torch.randn(4, 5)))
    assert told["type"] == "RuntimeError" and "refused" not in told and told["phase"] == "forward"
