"""What all pages share: the reader, the list of chats, and rendering with a form."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from flask import make_response, render_template, request
from flask.wrappers import Response

import auth
from auth import current_user
from models import Chat, User, Words, chat_list
from models.chat_list import ListedChat
from views.forms import Form, parse_id, translated

PAGE_SIZE = 100

P = ParamSpec("P")
R = TypeVar("R")


def me() -> User:
    """Return the signed-in user."""
    return cast(User, current_user._get_current_object())


def login_required(view: Callable[P, R]) -> Callable[P, R]:
    """Redirect visitors to the login page."""
    return cast("Callable[P, R]", auth.login_required(view))


def page(template: str, form: Form | None = None, **context: Any) -> Response:
    """Render a page. A form with errors sets the status and Retry-After."""
    response = make_response(render_template(template, form=form, **context))
    if form is not None:
        response.status_code = form.status
        if form.retry_after:
            response.headers["Retry-After"] = str(form.retry_after)
    return response


def query_id(name: str) -> int | None:
    """Return an id from the query string; None if it is missing or invalid."""
    return parse_id(request.args.get(name))


def chat_title(chat: Chat | ListedChat) -> str:
    """Return a chat's title in the reader's language."""
    return translated_title(chat.title)


def translated_title(title: str) -> str:
    """Translate a title if the models chose it."""
    return translated(title) if isinstance(title, Words) else title


@dataclass
class Listing:
    """One page of a person's chats, latest activity first; `older` is the cursor of the next page."""

    chats: list[ListedChat]
    older: int | None


def list_chats(before: int | None = None, only: Collection[int] | None = None) -> Listing:
    """List the reader's chats in one query; `only` restricts them to these ids."""
    chats = chat_list.load(me(), PAGE_SIZE + 1, before, only)
    older = chats[PAGE_SIZE - 1].activity if len(chats) > PAGE_SIZE else None
    return Listing(chats[:PAGE_SIZE], older)
