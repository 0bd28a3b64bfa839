"""People do things at the same moment: no answer is a fault, and all that must hold holds (tests/long/storms.py)."""

from __future__ import annotations

import pytest
from flask import Flask
from long.storms import ENDS, VERBS, Scene, all_that_must_hold, at_once

# So many things meet an ending at once, each done by so many people.
MEETING, EACH = 4, 2


@pytest.mark.parametrize("ending", ENDS)
def test_concurrent_actions_break_no_invariant(app: Flask, ending: str) -> None:
    verbs = list(VERBS)
    for first in range(0, len(verbs), MEETING):
        at_once(Scene(app, first), [ending, *verbs[first : first + MEETING]], EACH)
    all_that_must_hold()
