"""The same network and training as `cnn`, with BatchNorm before every ReLU."""

from dgmtui.demos.cnn import train

if __name__ == "__main__":
    train(batch_norm=True)
