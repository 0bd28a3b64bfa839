"""`python -m commands`: what gunicorn.conf.py runs before there are workers."""

import sys

from commands.start import before_workers

if __name__ == "__main__":
    sys.exit(before_workers())
