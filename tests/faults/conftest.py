"""Lets the tests here import ``faults.…``, as the benchmarks do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
