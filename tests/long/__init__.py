"""Proofs that take longer than a test may: each file is a command, and the suite holds a short version of it.

`python -m tests.long.removals 1000`, and so on for cuts, removals, endings, kills, idle, locked, full,
clock, crowd, stops, passwords, storms, response_cache, hosts, database_moves.
"""

import sys
from pathlib import Path

# The people and servers of the tests, as pytest finds them too.
TESTS = str(Path(__file__).resolve().parent.parent)
if TESTS not in sys.path:
    sys.path[:0] = [TESTS]
