"""Lightning's callback; needs the extra ``dgmtui[lightning]``."""

from pathlib import Path
from typing import Any, Unpack

import lightning

from dgmtui.recorder.callbacks import TrainerRecorder
from dgmtui.recorder.options import Settings


class LightningRecorder(lightning.Callback):
    """Records the training that ``Trainer.fit`` runs.

        trainer = lightning.Trainer(callbacks=[dgmtui.LightningRecorder("run.h5")])

    At the first non-finite loss or gradient ``fit`` raises ``dgmtui.StopTraining``, unless ``on_nonfinite="continue"``.
    ``dgmtui.Recorder`` tells what this and the other settings do.
    """

    def __init__(self, path: str | Path, **settings: Unpack[Settings]) -> None:
        self._training = TrainerRecorder(path, **settings)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to record."""
        self._training.begin(pl_module, trainer.optimizers)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Record what the user logged."""
        self._training.log(dict(trainer.callback_metrics))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """The training is over."""
        self._training.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """The training ended by an exception, ours or the user's."""
        self._training.end(exception)
