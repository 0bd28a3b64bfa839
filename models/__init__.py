"""The tables and their queries."""

from models.attempt import Attempt
from models.base import check_logins_by, database, human_size, iso, limits, moment, now, open_database, use, write
from models.chat import Chat, Membership
from models.deleted_message import DeletedMessage
from models.draft import Draft
from models.errors import (
    Busy,
    Errors,
    Forbidden,
    Gone,
    Invalid,
    NotThere,
    Refused,
    SignedOut,
    Taken,
    TooLarge,
    TooMany,
    Words,
    words,
)
from models.event import Event
from models.file import File
from models.link import Link
from models.login import Login
from models.mention import Mention
from models.message import DELETED_USER, DELETED_USER_HTML, Message
from models.migration import applied, migrate, pending
from models.reaction import Reaction
from models.revision import Revision
from models.sent_key import SentKey
from models.task import Task
from models.user import User

__all__ = [
    "DELETED_USER",
    "DELETED_USER_HTML",
    "Attempt",
    "Busy",
    "Chat",
    "DeletedMessage",
    "Draft",
    "Errors",
    "Event",
    "File",
    "Forbidden",
    "Gone",
    "Invalid",
    "Link",
    "Login",
    "Membership",
    "Mention",
    "Message",
    "NotThere",
    "Reaction",
    "Refused",
    "Revision",
    "SentKey",
    "SignedOut",
    "Taken",
    "Task",
    "TooLarge",
    "TooMany",
    "User",
    "Words",
    "applied",
    "check_logins_by",
    "database",
    "human_size",
    "iso",
    "limits",
    "migrate",
    "moment",
    "now",
    "open_database",
    "pending",
    "use",
    "words",
    "write",
]
