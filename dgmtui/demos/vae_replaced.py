"""The same training as `vae`, with the image that made it fail replaced by another from that iteration on."""

from dgmtui.demos.vae import train

BAD_IMAGE = 1070
GOOD_IMAGE = 1071
FAILED_AT = 2578

if __name__ == "__main__":
    train(replace={BAD_IMAGE: GOOD_IMAGE}, replace_from=FAILED_AT)
