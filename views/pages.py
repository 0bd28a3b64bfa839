"""What all pages share: who asks, the list of chats beside them, the answer with a form in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from flask import make_response, render_template, request
from flask.wrappers import Response

from auth import current_user, login_required
from forms import Form, number, translated
from models import Chat, Membership, User, Words

LISTED = 100

P = ParamSpec("P")
R = TypeVar("R")


def me() -> User:
    """Who is signed in."""
    return cast(User, current_user._get_current_object())


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """A page for people who are signed in; others are led to the login page."""
    return cast("Callable[P, R]", login_required(view))


def page(template: str, form: Form | None = None, **context: Any) -> Response:
    """A page. One with a form that came back has the status that tells why."""
    response = make_response(render_template(template, form=form, **context))
    if form is not None:
        response.status_code = form.status
        if form.retry_after:
            response.headers["Retry-After"] = str(form.retry_after)
    return response


def asked(name: str) -> int | None:
    """An id from the address's query; None when it is missing or no id."""
    return number(request.args.get(name))


def titled(chat: Chat) -> str:
    """What a chat is called."""
    return called(chat.title)


def called(title: str) -> str:
    """A chat's title in the reader's language where the models gave it."""
    return translated(title) if isinstance(title, Words) else title


@dataclass
class Listing:
    """Some of a person's chats, newest activity first; `older` is where the rest of them begins."""

    chats: list[Membership]
    older: int | None


def listed(before: int | None = None, only: Collection[int] | None = None) -> Listing:
    """The chats of who is signed in, in one query; with `only` these of them."""
    chats = Chat.list_of(me(), LISTED + 1, before, only)
    older = chats[LISTED - 1].chat.activity if len(chats) > LISTED else None
    return Listing(chats[:LISTED], older)
