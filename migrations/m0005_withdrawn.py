"""What deleted messages said, for as long as whoever deleted them may put them back."""

STATEMENTS = (
    """
    CREATE TABLE withdrawn (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id INTEGER NOT NULL UNIQUE REFERENCES message (id) ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES "user" (id),
        text TEXT NOT NULL,
        html TEXT NOT NULL,
        attached TEXT NOT NULL,                -- JSON: the rows as they were, ids and keys included
        withdrawn_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX withdrawn_withdrawn_at ON withdrawn (withdrawn_at)",
    "CREATE INDEX withdrawn_user_id ON withdrawn (user_id)",
)
