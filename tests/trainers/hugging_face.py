"""A model trained by Hugging Face's ``Trainer``; with ``callback`` as the argument, recorded by dgmtui's callback."""

import sys
import tempfile

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

FAIL = 30


class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 8))

    def forward(self, x, labels=None):
        z = self.net(x)
        loss = torch.exp(z.abs()).mean() + (z.sum(1) - labels).square().mean()
        print(float(loss.detach()).hex())
        return {"loss": loss, "logits": z}


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 16 * 40

    def __getitem__(self, i):
        x = torch.randn(8, generator=torch.Generator().manual_seed(i))
        return {"x": x * 1e4 if i == BAD else x, "labels": x.sum()}


class InOrder(Trainer):
    def _get_train_sampler(self, *args):
        return torch.utils.data.SequentialSampler(self.train_dataset)


BAD = 16 * FAIL + 3
torch.manual_seed(5)
callbacks = []
if "callback" in sys.argv:
    import dgmtui

    settings = {"every": 5, "last_whole": True, "without": [":update"], "compress": True}
    callbacks = [dgmtui.TransformersRecorder(sys.argv[-1], **settings)]
with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder, per_device_train_batch_size=16, num_train_epochs=1, use_cpu=True, report_to=[], disable_tqdm=True,
        save_strategy="no", logging_strategy="no", max_grad_norm=1.0,
    )  # fmt: skip
    InOrder(Regression(), arguments, train_dataset=Rows(), callbacks=callbacks).train()
