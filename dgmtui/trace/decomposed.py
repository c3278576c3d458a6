"""Fused operations written out, for dtypes and derivatives that their kernels lack."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def lstm_layer(
    input: Tensor,  # noqa: A002
    weight_input: Tensor,
    weight_hidden: Tensor,
    bias_input: Tensor,
    bias_hidden: Tensor,
    hidden: Tensor,
    cell: Tensor,
    reverse: bool,
    batch_sizes: list[int],
    mode: int,
    hidden_size: int,
    num_layers: int,
    has_biases: bool,
    *rest: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``aten.mkldnn_rnn_layer``: one direction of one LSTM layer over ``input`` ``[T, B, F]`` (Hochreiter and
    Schmidhuber 1997 with a forget gate; gates in torch's order, input, forget, cell, output).

    Gives outputs ``[T, B, H]``, the last hidden state and cell in the shape of the first, and an empty workspace.
    """
    h, c = hidden.reshape(-1, hidden_size), cell.reshape(-1, hidden_size)
    projected = F.linear(input, weight_input, bias_input if has_biases else None)
    outputs = []
    for step in reversed(projected.unbind(0)) if reverse else projected.unbind(0):
        gates = step + F.linear(h, weight_hidden, bias_hidden if has_biases else None)
        in_, forget, new, out = gates.chunk(4, dim=-1)
        c = forget.sigmoid() * c + in_.sigmoid() * new.tanh()
        h = out.sigmoid() * c.tanh()
        outputs.append(h)
    stacked = torch.stack(outputs[::-1] if reverse else outputs)
    return stacked, h.reshape(hidden.shape), c.reshape(cell.shape), input.new_empty(0)


DECOMPOSED: Mapping[str, Callable[..., tuple[Any, ...]]] = {"aten.mkldnn_rnn_layer": lstm_layer}
"""By operation; equal to the kernel up to rounding."""
