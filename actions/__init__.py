"""What people do: one module per noun, called as `messages.post(membership, text, files)`.

Each public function is one transaction. It takes rows and values, returns rows, and raises errors of models/errors.py.
"""

from actions import (
    accounts,
    chats,
    cleanup,
    drafts,
    emails,
    files,
    members,
    messages,
    reactions,
    reading,
    redaction,
    searching,
)

__all__ = [
    "accounts",
    "chats",
    "cleanup",
    "drafts",
    "emails",
    "files",
    "members",
    "messages",
    "reactions",
    "reading",
    "redaction",
    "searching",
]
