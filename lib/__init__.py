"""What knows nothing of chats."""
