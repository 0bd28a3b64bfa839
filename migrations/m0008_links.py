"""Links that open something once (a new password, an e-mail address), and the address itself."""

STATEMENTS = (
    "ALTER TABLE \"user\" ADD COLUMN email TEXT NOT NULL DEFAULT ''",
    # Several accounts may have the same one: a family's.
    'CREATE INDEX user_email ON "user" (lower(email))',
    """
    CREATE TABLE link (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'email')),
        secret_hash TEXT NOT NULL UNIQUE,
        email TEXT NOT NULL DEFAULT '',     -- what it was sent to; '' when an administrator hands it over
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX link_user_id ON link (user_id)",
    "CREATE INDEX link_expires_at ON link (expires_at)",
)
