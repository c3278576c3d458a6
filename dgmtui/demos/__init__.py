"""Training scripts that fail in instructive ways, and their cures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Demo:
    """One training script that ships with the package."""

    module: str
    "The module to run with `python -m`."
    story: str
    "What it shows, in one line."
    every: int
    "Iterations between two recorded rows, chosen to keep the recording small."


DEMOS = {
    "vae": Demo("dgmtui.demos.vae", "a learned variance exp(xv) overflows on one image and one pixel", 25),
    "vae-replaced": Demo("dgmtui.demos.vae_replaced", "that image replaced: it fails later, on another", 25),
    "vae-softplus": Demo("dgmtui.demos.vae_softplus", "a softplus variance: no failure in three times as long", 80),
    "cnn": Demo("dgmtui.demos.cnn", "the ReLUs die and the hinge loss sticks near 2", 5),
    "cnn-batchnorm": Demo("dgmtui.demos.cnn_batchnorm", "the same network cured by BatchNorm", 5),
}
