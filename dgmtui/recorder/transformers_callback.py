"""The callback of Hugging Face's ``Trainer``; needs the extra ``dgmtui[transformers]``."""

from pathlib import Path
from typing import Any, Unpack

import torch
from transformers import TrainerCallback

from dgmtui.recorder.callbacks import TrainerRecorder
from dgmtui.recorder.options import Settings


class TransformersRecorder(TrainerCallback):
    """Records the training that ``Trainer.train`` runs.

        trainer = Trainer(model, arguments, callbacks=[dgmtui.TransformersRecorder("run.h5")], …)

    At the first non-finite loss or gradient ``train`` raises ``dgmtui.StopTraining``, unless
    ``on_nonfinite="continue"``. ``dgmtui.Recorder`` tells what this and the other settings do.
    """

    def __init__(self, path: str | Path, **settings: Unpack[Settings]) -> None:
        self._training = TrainerRecorder(path, **settings)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to record."""
        optimizer = kwargs.get("optimizer")
        optimizer = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
        self._training.begin(kwargs["model"], [optimizer] if isinstance(optimizer, torch.optim.Optimizer) else [])
        self._training.hear_uncaught()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record what the trainer logs."""
        self._training.log(kwargs.get("logs") or {})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The training is over."""
        self._training.end()
