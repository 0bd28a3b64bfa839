"""An index that finds what was told of a chat: a stream resumes from its chats, not from all of the log."""

STATEMENTS = ("CREATE INDEX event_chat_id ON event (chat_id)",)
