"""A Lightning module trained by ``Trainer.fit``; with ``callback`` as the argument, recorded by dgmtui's callback."""

import logging
import sys
import warnings

import lightning
import torch
from torch import nn

FAIL = 30
warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Regression(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 8))

    def training_step(self, batch, index):
        (x,) = batch
        loss = torch.exp(self.net(x).abs()).mean()
        print(float(loss.detach()).hex())
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-3)


torch.manual_seed(5)
data = torch.randn(16 * 40, 8)
data[16 * FAIL + 3] *= 1e4
callbacks = []
if "callback" in sys.argv:
    import dgmtui

    settings = {"every": 5, "last_whole": True, "without": [":update"], "compress": True}
    callbacks = [dgmtui.LightningRecorder(sys.argv[-1], **settings)]
trainer = lightning.Trainer(
    max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False, callbacks=callbacks,
)  # fmt: skip
trainer.fit(Regression(), torch.utils.data.DataLoader(torch.utils.data.TensorDataset(data), 16))
