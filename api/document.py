"""The API's own documentation."""

from __future__ import annotations

from typing import Any

from flask import render_template

from api import openapi
from api.endpoint import api


@api.get("/openapi.json")
def document() -> Any:
    """Get this description as OpenAPI 3.1."""
    return openapi.document()


@api.get("/docs")
def docs() -> str:
    """Render it as a page."""
    return render_template("api/docs.html", document=openapi.document())
