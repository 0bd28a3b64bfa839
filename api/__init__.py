"""The REST door: JSON in and out, a Bearer token, problem+json for everything that fails."""

from api import chats, document, drafts, emails, files, find, logins, messages, reactions, rooms, search, users
from api.door import NOTHING, A, api, speaks
from api.problems import answer_error

__all__ = [
    "NOTHING", "A", "answer_error", "api", "chats", "document", "drafts", "emails", "files", "find", "logins",
    "messages", "reactions", "rooms", "search", "speaks", "users",
]  # fmt: skip
