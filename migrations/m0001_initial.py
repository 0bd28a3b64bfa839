"""The tables of the first version.

AUTOINCREMENT everywhere: SQLite reuses the id of a deleted last row unless told not to, and an id
that comes again would open an old link, cursor or file to somebody else (rule 22).
"""

STATEMENTS = (
    """
    CREATE TABLE "user" (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        username TEXT NOT NULL,
        username_key TEXT UNIQUE,           -- casefolded, for look-ups; NULL when the account is gone
        name TEXT NOT NULL DEFAULT '',
        name_key TEXT NOT NULL DEFAULT '',
        about TEXT NOT NULL DEFAULT '',
        avatar TEXT,
        language TEXT NOT NULL DEFAULT '' CHECK (language IN ('', 'en', 'ru')),
        theme TEXT NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark')),
        password TEXT,
        is_admin INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        deleted_at INTEGER
    )
    """,
    'CREATE INDEX user_name_key ON "user" (name_key)',
    # Hashes of what a username looks like. They stay when an account is closed: its name is taken for ever.
    """
    CREATE TABLE claim (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES "user" (id),
        digest TEXT NOT NULL UNIQUE
    )
    """,
    "CREATE INDEX claim_user_id ON claim (user_id)",
    """
    CREATE TABLE session (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        parent_id INTEGER REFERENCES session (id) ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('browser', 'token', 'page')),
        secret_hash TEXT NOT NULL UNIQUE,
        user_agent TEXT NOT NULL DEFAULT '',
        address TEXT NOT NULL DEFAULT '',
        remembered INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX session_user_id ON session (user_id)",
    "CREATE INDEX session_parent_id ON session (parent_id)",
    "CREATE INDEX session_expires_at ON session (expires_at)",
    """
    CREATE TABLE chat (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        owner_id INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        message_count INTEGER NOT NULL DEFAULT 0 CHECK (message_count >= 0),
        member_count INTEGER NOT NULL DEFAULT 0 CHECK (member_count >= 0),
        last_message_id INTEGER,
        activity INTEGER NOT NULL DEFAULT 0,
        -- Asked at commit: a chat's owner is one of its members, always and exactly one (rule 5).
        FOREIGN KEY (id, owner_id) REFERENCES membership (chat_id, user_id) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    """
    CREATE TABLE membership (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES "user" (id),
        chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
        is_admin INTEGER NOT NULL DEFAULT 0,
        joined_at INTEGER NOT NULL,
        last_read_id INTEGER NOT NULL DEFAULT 0,
        read_count INTEGER NOT NULL DEFAULT 0 CHECK (read_count >= 0),
        own_since INTEGER NOT NULL DEFAULT 0 CHECK (own_since >= 0),
        UNIQUE (chat_id, user_id)
    )
    """,
    "CREATE INDEX membership_user_id ON membership (user_id)",
    """
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
        author_id INTEGER NOT NULL REFERENCES "user" (id),
        text TEXT NOT NULL,
        html TEXT NOT NULL,
        reply_to_id INTEGER REFERENCES message (id) ON DELETE SET NULL,
        version INTEGER NOT NULL DEFAULT 1,
        created_at INTEGER NOT NULL,
        edited_at INTEGER,
        deleted_at INTEGER
    )
    """,
    "CREATE INDEX message_chat_id ON message (chat_id, id)",
    "CREATE INDEX message_author_id ON message (author_id, created_at)",
    "CREATE INDEX message_reply_to_id ON message (reply_to_id)",
    """
    CREATE TABLE file (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        uploader_id INTEGER NOT NULL REFERENCES "user" (id),
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        type TEXT NOT NULL,
        digest TEXT NOT NULL,
        width INTEGER,
        height INTEGER,
        "key" TEXT NOT NULL UNIQUE,
        display_key TEXT UNIQUE,
        thumbnail_key TEXT UNIQUE,
        created_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX file_message_id ON file (message_id)",
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        chat_id INTEGER,        -- no foreign key: the log outlives what it tells of
        user_id INTEGER,
        message_id INTEGER,
        data TEXT NOT NULL,
        created_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX event_message_id ON event (message_id)",
    "CREATE INDEX event_user_id ON event (user_id)",
    """
    CREATE TABLE sent_key (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        "key" TEXT NOT NULL,
        digest TEXT NOT NULL,
        message_id INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (user_id, "key")
    )
    """,
    "CREATE INDEX sent_key_created_at ON sent_key (created_at)",
    """
    CREATE TABLE attempt (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        "key" TEXT NOT NULL UNIQUE,
        count INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        ends_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX attempt_ends_at ON attempt (ends_at)",
    # `text` is folded by search.fold before it comes in; `chat` holds one word, c<chat id>, to narrow a search to
    # chats. Marks are parts of words: without them दिल would find दाल.
    """
    CREATE VIRTUAL TABLE message_index USING fts5 (
        text, chat, tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
    )
    """,
)
