"""The pages' forms. They define the fields; the models validate what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from babel import Locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, MultipleFileField
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import EqualTo, InputRequired

from models import Busy, Errors, Invalid, TooLarge, TooMany, Words, outcomes
from models.user import LANGUAGES

# Leaves room to add to an id within SQLite's 64 bits.
ID_MAX = 2**62


def translated(sentence: Words) -> str:
    """Translate a model's sentence into the reader's language."""
    text: str = _(sentence.message, **sentence.params)
    return text


def parse_id(value: str | None) -> int | None:
    """Parse an id; None for anything else."""
    if not value or not re.fullmatch(r"[0-9]{1,19}", value) or int(value) > ID_MAX:
        return None
    return int(value)


def parse_idempotency_key(value: str | None) -> str | None:
    """Return a form's idempotency key; None for anything else."""
    return value if re.fullmatch(r"[\w-]{1,64}", value or "") else None


class Form(FlaskForm):
    """A form that is shown again on errors: with the input, the errors at their fields, and the matching status."""

    # The models' field names, where they differ from the form's.
    field_names: ClassVar[dict[str, str]] = {}

    status = 200
    retry_after = 0
    notice = ""
    result: Any = None

    def run_on_submit(self, action: Callable[[], Any], check: Callable[[], Errors] = dict) -> bool:
        """Run `action` if the form was submitted and is valid; return whether that succeeded.

        `result` is what the action returned. For a form with errors of its own, `check` returns those that the models
        would add.
        """
        if not self.is_submitted():
            return False
        self.drop_misplaced_files()
        is_valid = self.validate()
        try:
            if is_valid:
                self.result = action()
            else:
                self.add_errors(422, {name: words for name, words in check().items() if not self[name].errors})
        except (Invalid, TooLarge, TooMany, Busy) as refused:
            self.add_refusal(refused)
        return self.status == 200

    def add_refusal(self, refused: Invalid | TooLarge | TooMany | Busy) -> None:
        """Take over a refusal: its status, and its errors or when to retry."""
        status, retry_after = outcomes.of(refused)
        match refused:
            case Invalid():
                # A taken name is a wrong field like any other: 422 here, 409 in the API.
                self.add_errors(422, refused.errors)
            case TooLarge():
                self.add_errors(status, {refused.field: [refused.reason]})
            case TooMany():
                self.add_errors(status, retry_after=retry_after)
                self.notice = self.retry_text(retry_after)
            case Busy():
                self.add_errors(status, retry_after=retry_after)
                self.notice = _("The server is busy. Try again in a moment.")

    def drop_misplaced_files(self) -> None:
        """Empty text fields that a file was sent in."""
        for field in self:
            takes_files = isinstance(field, FileField | MultipleFileField)
            sent = getattr(field, "raw_data", None) or []
            if not takes_files and not all(isinstance(value, str) for value in sent):
                field.raw_data, field.data = [], ""

    def add_errors(self, status: int, errors: Errors | None = None, retry_after: int = 0) -> None:
        """Take over the models' errors: each at its field, those without a field in the notice."""
        self.status, self.retry_after = status, retry_after
        for name, sentences in (errors or {}).items():
            texts = [translated(sentence) for sentence in sentences]
            field = self._fields.get(self.field_names.get(name, name))
            if field is None:
                self.notice = " ".join([self.notice, *texts]).strip()
            else:
                field.errors = [*field.errors, *texts]

    def retry_text(self, seconds: int) -> str:
        """Say how long to wait."""
        if seconds < 90:
            text: str = ngettext(
                "Too many requests. Try again in one second.",
                "Too many requests. Try again in %(num)d seconds.",
                seconds,
            )
            return text
        text = ngettext(
            "Too many requests. Try again in one minute.",
            "Too many requests. Try again in %(num)d minutes.",
            -(-seconds // 60),
        )
        return text

    def focus_id(self, first: str) -> str:
        """Return the id of the field to focus: the first one with an error, else `first`."""
        wrong = (field for field in self if field.errors)
        return str(next(wrong, self[first]).id)

    @property
    def error_summary(self) -> str:
        """The text above the fields of a form with errors; '' without."""
        wrong = sum(bool(field.errors) for field in self)
        if self.notice or not wrong:
            return self.notice
        text: str = ngettext(
            "Please fix the field below.",
            "Please fix the %(num)d fields below.",
            wrong,
        )
        return text


PICTURES = "image/jpeg,image/png,image/gif,image/webp"
NEEDED = InputRequired(_l("Fill in this field."))
NO_HELP = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
AS_USERNAME = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
AS_EMAIL = {"autocomplete": "email", "maxlength": 254}
AS_PASSWORD = {"autocomplete": "current-password"}
AS_NEW_PASSWORD = {"autocomplete": "new-password"}


def repeat_field() -> Any:
    """Build the field that repeats a new password."""
    return PasswordField(
        _l("Repeat password"),
        [NEEDED, EqualTo("password", _l("The passwords don’t match."))],
        render_kw=AS_NEW_PASSWORD,
    )


def radio_field(label: Any, choices: dict[str, Any]) -> Any:
    """Build a field with the choices, which are labels by value."""
    return RadioField(label, choices=[SelectChoice(value, text) for value, text in choices.items()])


class RegisterForm(Form):
    username = StringField(_l("Username"), [NEEDED], render_kw=AS_USERNAME)
    password = PasswordField(_l("Password"), [NEEDED], render_kw=AS_NEW_PASSWORD)
    repeat = repeat_field()


class LoginForm(Form):
    username = StringField(_l("Username"), [NEEDED], render_kw=AS_USERNAME)
    password = PasswordField(_l("Password"), [NEEDED], render_kw=AS_PASSWORD)
    remember = BooleanField(_l("Remember me"))

    def reject(self) -> None:
        """Give the same error whether or not the name exists."""
        self.status = 422
        self.notice = _("Wrong username or password. Check your keyboard layout.")


class NewChatForm(Form):
    field_names: ClassVar[dict[str, str]] = {"members": "usernames"}

    title = StringField(_l("Title"), [NEEDED])
    usernames = StringField(_l("Usernames"), render_kw=NO_HELP)

    @property
    def names(self) -> list[str]:
        """The usernames, split at commas or spaces."""
        return [name for name in re.split(r"[\s,;]+", self.usernames.data or "") if name]


class EditChatForm(Form):
    field_names: ClassVar[dict[str, str]] = {"file": "picture"}

    title = StringField(_l("Title"), [NEEDED])
    description = TextAreaField(_l("Description"), render_kw={"rows": 2})
    picture = FileField(_l("Picture"), render_kw={"accept": PICTURES})
    no_picture = BooleanField(_l("Show initials instead"))


class LevelForm(Form):
    level = radio_field(
        _l("Notify me about"),
        {"everything": _l("Everything"), "mentions": _l("Mentions"), "nothing": _l("Nothing")},
    )


class MemberForm(Form):
    username = StringField(_l("Add member"), [NEEDED], render_kw=NO_HELP)


class MessageForm(Form):
    text = TextAreaField(_l("Message"))
    files = MultipleFileField(_l("Attach"))
    reply_to = HiddenField()
    key = HiddenField()
    draft = HiddenField()

    @property
    def uploads(self) -> list[Any]:
        """The uploaded files, on disk already."""
        return [file.stream for file in self.files.data or []]

    @property
    def idempotency_key(self) -> str | None:
        """The form's idempotency key, if it is valid."""
        return parse_idempotency_key(self.key.data)

    @property
    def reply_id(self) -> int | None:
        """The message to reply to; 0, which does not exist, for an invalid id."""
        return parse_id(self.reply_to.data) or 0 if self.reply_to.data else None

    @property
    def known_draft(self) -> int | None:
        """The draft's version when the page was rendered."""
        return parse_id(self.draft.data)


class ReactionForm(Form):
    """Adds a reaction (`give`) or removes the reader's own (`take_back`)."""

    field_names: ClassVar[dict[str, str]] = {"emoji": "give"}

    give = StringField(_l("Another emoji"), render_kw=NO_HELP)
    take_back = HiddenField()


class ForwardForm(Form):
    chat = HiddenField(validators=[InputRequired(_l("Choose a chat."))])
    # In a dialog it is on one page with the composer's field `text`.
    text = TextAreaField(_l("Comment"), id="comment", render_kw={"rows": 2})
    key = HiddenField()

    @property
    def chat_id(self) -> int:
        """The chosen chat; 0, which does not exist, for an invalid id."""
        return parse_id(self.chat.data) or 0

    @property
    def idempotency_key(self) -> str | None:
        """The form's idempotency key, if it is valid."""
        return parse_idempotency_key(self.key.data)


class EditMessageForm(Form):
    text = TextAreaField(_l("Message"), render_kw={"rows": 5})


@cache
def own_name(language: str) -> str:
    """What a language is called by those who speak it."""
    return (Locale(language).display_name or language).capitalize()


def language_choices() -> list[SelectChoice]:
    """Not before a form is shown: what Babel knows of a language takes long to load."""
    languages = (SelectChoice(code, own_name(code), {"lang": code}) for code in LANGUAGES)
    return [SelectChoice("", _l("Same as browser")), *languages]


class ProfileForm(Form):
    field_names: ClassVar[dict[str, str]] = {"file": "avatar"}

    name = StringField(_l("Name"), render_kw={"autocomplete": "name"})
    username = StringField(_l("Username"), render_kw=AS_USERNAME)
    about = TextAreaField(_l("About"), render_kw={"rows": 3})
    avatar = FileField(_l("Avatar"), render_kw={"accept": PICTURES})
    language = SelectField(_l("Language"), choices=language_choices)
    theme = radio_field(_l("Theme"), {"": _l("System"), "light": _l("Light"), "dark": _l("Dark")})

    @property
    def fields_sent(self) -> dict[str, str]:
        """The profile fields that were sent."""
        fields = ["name", "about", "language", "theme", *(["username"] if self.username.raw_data else [])]
        return {field: self[field].data or "" for field in fields}


class PasswordForm(Form):
    current_password = PasswordField(_l("Current password"), [NEEDED], id="current", render_kw=AS_PASSWORD)
    password = PasswordField(_l("New password"), [NEEDED], id="new", render_kw=AS_NEW_PASSWORD)


class NewPasswordForm(Form):
    password = PasswordField(_l("New password"), [NEEDED], id="new", render_kw=AS_NEW_PASSWORD)
    repeat = repeat_field()


class ForgottenForm(Form):
    email = EmailField(_l("Email"), [NEEDED], render_kw=AS_EMAIL)


class EmailForm(Form):
    email = EmailField(_l("Email"), render_kw=AS_EMAIL)
    current_password = PasswordField(_l("Current password"), [NEEDED], render_kw=AS_PASSWORD)


class DeleteAccountForm(Form):
    current_password = PasswordField(_l("Current password"), [NEEDED], render_kw=AS_PASSWORD)
