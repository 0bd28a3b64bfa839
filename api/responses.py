"""Models of response bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from api.requests import without_defaults
from models.chat import Level, Role

Count = Annotated[int, Field(ge=0)]


class User(BaseModel):
    id: Count
    username: str
    name: str
    about: str
    avatar_url: str | None
    created_at: datetime


class Login(BaseModel):
    id: Count
    kind: Literal["browser", "token"]
    device: str
    address: str
    created_at: datetime
    seen_at: datetime
    current: bool


class Email(BaseModel):
    email: str | None
    waiting: str | None


class ResetLink(BaseModel):
    url: str
    expires_at: datetime


class File(BaseModel):
    id: Count
    name: str
    size: Count
    type: str
    url: str
    thumbnail_url: str | None
    width: Count | None
    height: Count | None


class ChatFile(File):
    message_id: Count
    created_at: datetime


class Quotation(BaseModel):
    id: Count
    author: User | None
    text: str
    deleted: bool


class EmojiName(BaseModel):
    en: str
    ru: str


class Tally(BaseModel):
    """The count of one emoji; `users` are the ids of the first people, `names` what the first of them are called."""

    emoji: str
    emoji_name: EmojiName
    count: Count
    users: list[Count]
    names: list[str]


class ForwardedFrom(BaseModel):
    """The original author and time of a forwarded message."""

    author: User | None
    created_at: datetime


class Mentioned(BaseModel):
    id: Count
    username: str


class Message(BaseModel):
    id: Count
    chat_id: Count
    author: User | None
    text: str
    html: str
    files: list[File]
    reactions: list[Tally]
    reply_to: Quotation | None
    forwarded_from: ForwardedFrom | None
    mentions: list[Mentioned]
    created_at: datetime
    edited_at: datetime | None
    preview: str


class Hit(Message):
    snippet: str


class Revision(BaseModel):
    """A former text of a message; `created_at` is when it was written."""

    id: Count
    text: str
    html: str
    created_at: datetime


class Reaction(BaseModel):
    emoji: str
    user: User
    created_at: datetime


class FoundMessage(Hit):
    chat_title: str
    url: str


class FoundChat(BaseModel):
    id: Count
    title: str
    url: str


class FoundUser(User):
    url: str


class Member(BaseModel):
    user: User
    role: Role
    joined_at: datetime


class Draft(BaseModel):
    text: str
    reply_to: Count | None
    written_at: datetime | None
    version: Count


class Chat(BaseModel):
    """`members` are the first {members_named}, fewer in a list of chats; `member_count` counts all."""

    id: Count
    title: str
    kind: Literal["group", "direct"]
    description: str
    picture_url: str | None
    level: Level
    created_at: datetime
    role: Role
    members: list[Member]
    member_count: Count
    unread: Count
    unread_mentions: Count
    last_message: Message | None
    last_read_id: Count | None
    draft: Draft | None


class Membership(BaseModel):
    chat_id: Count
    user_id: Count
    level: Level


class Users(BaseModel):
    items: list[User]
    next: str | None


class Logins(BaseModel):
    items: list[Login]
    next: str | None


class Chats(BaseModel):
    items: list[Chat]
    next: str | None


class Members(BaseModel):
    items: list[Member]
    next: str | None


class Messages(BaseModel):
    items: list[Message]
    next: str | None


class Revisions(BaseModel):
    items: list[Revision]
    next: str | None


class Reactions(BaseModel):
    items: list[Reaction]
    next: str | None


class ChatFiles(BaseModel):
    items: list[ChatFile]
    next: str | None


class Hits(BaseModel):
    model_config = ConfigDict(json_schema_extra=without_defaults)

    items: list[Hit]
    next: str | None
    hints: list[str] = []


class Finds(BaseModel):
    chats: list[FoundChat]
    people: list[FoundUser]
    messages: list[FoundMessage]
    hints: list[str]


class Token(BaseModel):
    token: str
    expires_at: datetime
    user: User


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, list[str]] | None = None
