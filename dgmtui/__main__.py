"""``python -m dgmtui``."""

import sys

from dgmtui.cli import main

sys.exit(main())
