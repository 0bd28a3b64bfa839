"""Tasks, which actions leave behind to be done in short transactions; an index for counting unread messages."""

STATEMENTS = (
    """
    CREATE TABLE task (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        subject INTEGER NOT NULL,           -- the id of a user, a chat or a message, by its kind
        note TEXT NOT NULL,
        place INTEGER NOT NULL,             -- the last row that was handled
        within INTEGER NOT NULL,
        until INTEGER NOT NULL,             -- the event log may hold deleted content up to this event
        worker TEXT NOT NULL,               -- the thread that did the last batch, and when
        worked_at INTEGER NOT NULL,
        UNIQUE (kind, subject)
    )
    """,
    "CREATE INDEX message_alive ON message (chat_id, id, author_id) WHERE deleted_at IS NULL",
)
