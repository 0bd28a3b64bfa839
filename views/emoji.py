"""What the emoji picker says, in the reader's language; the emoji themselves are static files."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from views.pages import page, signed_in

bp = Blueprint("emoji", __name__)


@bp.get("/emoji")
@signed_in
def picker() -> ResponseReturnValue:
    """For a live page: the picker, yet to be filled (static/js/emoji-picker.js)."""
    return page("emoji/picker.html")
