"""Usernames are claimed by more of what they look like: without dots, strokes, small capitals, marks at the end."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = ()
RENEWS_CLAIMS = True
