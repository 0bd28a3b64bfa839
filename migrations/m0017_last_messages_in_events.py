"""The events that name a chat's last message are found by it when its text must vanish."""

STATEMENTS = (
    """
    CREATE INDEX event_last_message ON event (json_extract(data, '$.last_message.id'))
        WHERE type IN ('chat.created', 'message.deleted')
    """,
)
