"""The pictures and files of a chat."""

from __future__ import annotations

from typing import Any

from flask import g

import schemas
from api.door import A, api, listing, speaks
from models import Membership


@api.get("/chats/<int:chat_id>/files")
@speaks(A(200, schemas.ChatFiles), query=schemas.FilesQuery, errors=(404,))
def list_files(chat_id: int, query: schemas.FilesQuery) -> Any:
    """A chat's pictures and files, newest first; `kind` picks one of both."""
    found = Membership.of(g.user, chat_id).files(query.kind, query.before, query.limit + 1)
    return listing([file.to_chat_dict() for file in found], query.limit, lambda: {"before": found[query.limit - 1].id})
