"""Versions of what people see of a chat, by which responses are cached (docs/decisions/0039)."""

STATEMENTS = (
    "ALTER TABLE chat ADD COLUMN version INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE membership ADD COLUMN version INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE common_version (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL)",
    "INSERT INTO common_version VALUES (1, 0)",
)
