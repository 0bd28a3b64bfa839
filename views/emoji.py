"""The emoji picker in the reader's language; the emoji themselves are in static files."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from views.pages import login_required, page

bp = Blueprint("emoji", __name__)


@bp.get("/emoji")
@login_required
def picker() -> ResponseReturnValue:
    """For scripts: the picker without its emoji (static/js/emoji-picker.js)."""
    return page("emoji/picker.html")
