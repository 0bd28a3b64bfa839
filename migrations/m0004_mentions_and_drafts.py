"""Who is mentioned where, and what somebody has begun to write."""

STATEMENTS = (
    # A place in a message's text: `start` and `length` count characters, the “@” included.
    """
    CREATE TABLE mention (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES "user" (id),
        start INTEGER NOT NULL CHECK (start >= 0),
        length INTEGER NOT NULL CHECK (length > 0),
        UNIQUE (message_id, start)
    )
    """,
    "CREATE INDEX mention_user_id ON mention (user_id, chat_id, message_id)",
    "CREATE INDEX mention_chat_id ON mention (chat_id)",
    # An empty one tells when the field was cleared: what another device wrote before that comes too late.
    """
    CREATE TABLE draft (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        membership_id INTEGER NOT NULL UNIQUE REFERENCES membership (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        reply_to_id INTEGER REFERENCES message (id) ON DELETE SET NULL,
        written_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX draft_reply_to_id ON draft (reply_to_id)",
    "CREATE INDEX event_draft ON event (user_id, chat_id) WHERE type = 'draft'",
)
