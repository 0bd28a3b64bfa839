"""The REST API: JSON, a Bearer token, problem+json for every error."""

from api import chats, document, drafts, emails, files, find, logins, messages, reactions, search, users
from api.endpoint import NOTHING, api
from api.openapi import Answer
from api.problems import answer_error

__all__ = [
    "NOTHING", "Answer", "answer_error", "api", "chats", "document", "drafts", "emails", "files", "find", "logins",
    "messages", "reactions", "search", "users",
]  # fmt: skip
