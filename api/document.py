"""The API described."""

from __future__ import annotations

from typing import Any

from flask import render_template

import openapi
from api.door import api


@api.get("/openapi.json")
def document() -> Any:
    """The API described, in OpenAPI 3.1."""
    return openapi.document()


@api.get("/docs")
def docs() -> str:
    """A page to read it."""
    return render_template("api/docs.html", document=openapi.document())
