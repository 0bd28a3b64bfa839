"""A former text keeps the HTML as which it was shown."""

STATEMENTS = (
    # Those from before have none, and are shown as they were typed.
    "ALTER TABLE revision ADD COLUMN html TEXT",
)
