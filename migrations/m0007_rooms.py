"""Direct chats, what a chat is about, its picture, and how much of it one wants to be told.

A direct chat names its two people, the lower id first; one who writes to themselves is both. That there is one for
each pair is the index's to see to, whatever two requests do at once.
"""

STATEMENTS = (
    'ALTER TABLE chat ADD COLUMN low_id INTEGER REFERENCES "user" (id)',
    """
    ALTER TABLE chat ADD COLUMN high_id INTEGER REFERENCES "user" (id)
        CHECK ((low_id IS NULL) = (high_id IS NULL) AND coalesce(low_id <= high_id, 1))
    """,
    "CREATE UNIQUE INDEX chat_pair ON chat (low_id, high_id)",
    "ALTER TABLE chat ADD COLUMN description TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE chat ADD COLUMN picture TEXT",
    """
    ALTER TABLE membership ADD COLUMN level TEXT NOT NULL DEFAULT 'everything'
        CHECK (level IN ('everything', 'mentions', 'nothing'))
    """,
)
