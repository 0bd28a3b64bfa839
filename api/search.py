"""Messages found by what they say, who wrote them, where and when."""

from __future__ import annotations

from typing import Any

from flask import g

import models
import schemas
from api.door import A, api, listing, speaks
from models import Membership


@api.get("/search")
@speaks(A(200, schemas.Hits), query=schemas.SearchQuery, errors=(404,))
def search(query: schemas.SearchQuery) -> Any:
    """Messages with all that `q` asks for, newest first."""
    if query.chat_id is not None:
        Membership.of(g.user, query.chat_id)
    narrowed = models.Narrowing(query.chat_id, query.author, query.before, query.limit + 1)
    found = models.find(g.user, query.q, narrowed)
    hits = [{**message.to_dict(), "snippet": message.snippet} for message in found.messages]
    answer = listing(hits, query.limit, lambda: {"before": hits[query.limit - 1]["id"]})
    # Why there is nothing: a name or day that is none.
    return {**answer, "hints": [str(hint) for hint in found.hints]} if found.hints else answer
