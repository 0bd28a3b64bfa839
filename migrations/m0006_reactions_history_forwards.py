"""Reactions, the former texts of edited messages, and whom a forwarded message is from."""

STATEMENTS = (
    """
    CREATE TABLE reaction (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        emoji TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (message_id, emoji, user_id)
    )
    """,
    "CREATE INDEX reaction_user_id ON reaction (user_id)",
    # `written_at` is when this text was written, not when it was replaced.
    """
    CREATE TABLE revision (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        written_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX revision_message_id ON revision (message_id, id)",
    # No reference to the message itself: who sees the copy may not see the chat that it came from.
    'ALTER TABLE message ADD COLUMN forwarded_author_id INTEGER REFERENCES "user" (id)',
    "ALTER TABLE message ADD COLUMN forwarded_at INTEGER",
    "CREATE INDEX message_forwarded_author_id ON message (forwarded_author_id) WHERE forwarded_author_id IS NOT NULL",
)
