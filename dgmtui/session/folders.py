"""Where on this machine what outlives a session is kept."""

from pathlib import Path

NAME = "dgmtui"


def state_folder() -> Path:
    """Of what may be lost: lines typed at the prompt, sessions that broke off."""
    from platformdirs import user_state_path

    return user_state_path(NAME, appauthor=False)


def scripts_folder() -> Path:
    """Of scripts that were given a name.

    They are the person's, not the recording's: a recording is made anew, lies on a disk that is cleared, or can't be
    written beside; and a script is run on the next one.
    """
    from platformdirs import user_data_path

    return user_data_path(NAME, appauthor=False) / "scripts"
