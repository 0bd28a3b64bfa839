"""Whether the works of a messenger take longer the more messages a chat has: the same at two sizes, in turns.

The messages are loaded as `flask load` does. Responses are not cached, so that each is made from the database.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.crowd import MESSAGES
from bench.pages import Site, measure_or_stop
from bench.servers import ROOT

MADE_EACH_TIME = {"RESPONSE_CACHE": "off"}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=1_000_000, help="how many the larger chat has (1000000)")
    options.add_argument("--seconds", type=float, default=5.0, help="how long each work is measured at each size (5)")
    options.add_argument("--only", default="", help="a part of a work's name")
    args = options.parse_args()
    if not MESSAGES < args.messages <= 10_000_000:
        options.error(f"--messages: more than {MESSAGES:,}, up to 10,000,000")
    if not 0 < args.seconds <= 60:
        options.error("--seconds: up to 60")
    with tempfile.TemporaryDirectory() as folder:
        sites = [
            Site(f"{count:,}", ROOT, Path(folder) / str(count), count, MADE_EACH_TIME)
            for count in (MESSAGES, args.messages)
        ]
        return measure_or_stop(Path(folder), sites, args.seconds, args.only)


if __name__ == "__main__":
    sys.exit(main())
