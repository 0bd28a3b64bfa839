"""The pictures and files of a chat."""

from __future__ import annotations

from typing import Any

from flask import g

from api import requests, responses
from api.endpoint import api, endpoint, paginate
from api.openapi import Answer
from models import File, Membership


@api.get("/chats/<int:chat_id>/files")
@endpoint(Answer(200, responses.ChatFiles), query=requests.FilesQuery, errors=(404,))
def list_files(chat_id: int, query: requests.FilesQuery) -> Any:
    """List a chat's pictures and files, newest first; `kind` selects one of both."""
    membership = Membership.of(g.user, chat_id)
    found = File.listed(membership.chat_id, query.kind, query.before, query.limit + 1)
    return paginate([file.to_chat_dict() for file in found], query.limit, lambda: {"before": found[query.limit - 1].id})
