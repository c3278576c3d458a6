"""Run the benchmarks: ``python tests/benchmarks [--write] [AREA…]``.

Areas are the ``bench_*.py`` files beside this one; with ``--write`` the tables go into ``RESULTS.md`` too.
"""

import importlib
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
WRITE = "--write"


def main(wanted: list[str]) -> int:
    """Print one table an area and how many goals were missed."""
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    import results
    from table import BenchRow, print_table

    missed = 0
    writes, wanted = WRITE in wanted, [word for word in wanted if word != WRITE]
    areas = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    for area in wanted or areas:
        if area not in areas:
            print(f"no benchmark {area!r}; there are: {', '.join(areas)}", file=sys.stderr)
            return 2
        started = time.perf_counter()
        rows: list[BenchRow] = list(importlib.import_module(f"bench_{area}").rows())
        print_table(rows)
        if writes:
            results.write(area, rows)
        print(f"{area}: {time.perf_counter() - started:.0f} s\n", flush=True)
        missed += sum(row.met is False for row in rows)
    print(f"goals missed: {missed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
