"""Search in messages by text, author, chat and date."""

from __future__ import annotations

from typing import Any

from flask import g

from actions import searching
from api import requests, responses
from api.endpoint import api, endpoint, paginate
from api.openapi import Answer
from models import Membership


@api.get("/search")
@endpoint(Answer(200, responses.Hits), query=requests.SearchQuery, errors=(404,))
def search(query: requests.SearchQuery) -> Any:
    """List messages that match all of `q`, newest first."""
    if query.chat_id is not None:
        Membership.of(g.user, query.chat_id)
    filters = searching.SearchFilters(query.chat_id, query.author, query.before, query.limit + 1)
    found = searching.find(g.user, query.q, filters)
    hits = found.messages
    answer = paginate(hits, query.limit, lambda: {"before": hits[query.limit - 1]["id"]})
    # Why nothing was found: an unknown name or an impossible date.
    return {**answer, "hints": [str(hint) for hint in found.hints]} if found.hints else answer
