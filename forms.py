"""The pages' forms: what shape a field has. What may stand in it is the models' rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as later
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

from models import Busy, Errors, Invalid, TooLarge, TooMany, Words

# What is added to an id still fits into the 64 bits of the database.
BIGGEST = 2**62


def translated(sentence: Words) -> str:
    """A model's sentence in the reader's language."""
    text: str = _(sentence.message, **sentence.params)
    return text


def number(value: str | None) -> int | None:
    """An id that came as text; None for anything that can't be one."""
    if not value or not re.fullmatch(r"[0-9]{1,19}", value) or int(value) > BIGGEST:
        return None
    return int(value)


def page_key(value: str | None) -> str | None:
    """The key that a page gave one of its forms; None for anything that can't be one."""
    return value if re.fullmatch(r"[\w-]{1,64}", value or "") else None


class Form(FlaskForm):
    """A form that can come back: with what was typed, words at the fields, and the status that tells why."""

    # The model's name of a field, where the form's is another one.
    called: ClassVar[dict[str, str]] = {}

    status = 200
    retry_after = 0
    notice = ""
    result: Any = None

    def done(self, verb: Callable[[], Any]) -> bool:
        """Whether the form was sent and `verb` did what it asks for; `result` is what the verb gave."""
        if not self.is_submitted():
            return False
        self.take_text_only()
        if not self.validate():
            self.status = 422
            return False
        try:
            self.result = verb()
        except Invalid as refused:
            self.refuse(422, refused.errors)
        except TooLarge as refused:
            self.refuse(413, {refused.field: [refused.reason]})
        except TooMany as refused:
            self.refuse(429, retry_after=refused.retry_after)
            self.notice = self.too_often(refused.retry_after)
        except Busy as refused:
            self.refuse(503, retry_after=refused.retry_after)
            self.notice = _("The server has a lot to do just now. Please try again in a moment.")
        return self.status == 200

    def take_text_only(self) -> None:
        """A file that was sent under the name of a text field is no text."""
        for field in self:
            takes_files = isinstance(field, FileField | MultipleFileField)
            sent = getattr(field, "raw_data", None) or []
            if not takes_files and not all(isinstance(value, str) for value in sent):
                field.raw_data, field.data = [], ""

    def refuse(self, status: int, errors: Errors | None = None, retry_after: int = 0) -> None:
        """Take the answer of the models: each sentence goes to its field, those without one into the notice."""
        self.status, self.retry_after = status, retry_after
        for name, sentences in (errors or {}).items():
            said = [translated(sentence) for sentence in sentences]
            field = self._fields.get(self.called.get(name, name))
            if field is None:
                self.notice = " ".join([self.notice, *said]).strip()
            else:
                field.errors = [*field.errors, *said]

    def too_often(self, seconds: int) -> str:
        """How long to wait, in words."""
        if seconds < 90:
            text: str = ngettext(
                "That was too often. Please try again in one second.",
                "That was too often. Please try again in %(num)d seconds.",
                seconds,
            )
            return text
        text = ngettext(
            "That was too often. Please try again in one minute.",
            "That was too often. Please try again in %(num)d minutes.",
            -(-seconds // 60),
        )
        return text

    @property
    def complaint(self) -> str:
        """What stands above the fields of a form that came back; '' when nothing is wrong."""
        wrong = sum(bool(field.errors) for field in self)
        if self.notice or not wrong:
            return self.notice
        text: str = ngettext(
            "Nothing was saved yet: please check the field below.",
            "Nothing was saved yet: please check the %(num)d fields below.",
            wrong,
        )
        return text


PICTURES = "image/jpeg,image/png,image/gif,image/webp"
NEEDED = InputRequired(later("Please fill this in."))
NO_HELP = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
AS_USERNAME = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
AS_EMAIL = {"autocomplete": "email", "maxlength": 254}
AS_PASSWORD = {"autocomplete": "current-password"}
AS_NEW_PASSWORD = {"autocomplete": "new-password"}


def again() -> Any:
    """The field in which a new password is typed once more."""
    return PasswordField(
        later("Repeat password"),
        [NEEDED, EqualTo("password", later("The two passwords are not the same."))],
        render_kw=AS_NEW_PASSWORD,
    )


class RegisterForm(Form):
    username = StringField(later("Username"), [NEEDED], render_kw=AS_USERNAME)
    password = PasswordField(later("Password"), [NEEDED], render_kw=AS_NEW_PASSWORD)
    repeat = again()


class LoginForm(Form):
    username = StringField(later("Username"), [NEEDED], render_kw=AS_USERNAME)
    password = PasswordField(later("Password"), [NEEDED], render_kw=AS_PASSWORD)
    remember = BooleanField(later("Remember me"))

    def wrong(self) -> None:
        """The same words whether the name is known or not."""
        self.status = 422
        self.notice = _("Username or password is wrong. Please check both, and the keyboard's layout, and try again.")


class ChatForm(Form):
    called: ClassVar[dict[str, str]] = {"members": "usernames"}

    title = StringField(later("Title"), [NEEDED])
    usernames = StringField(later("Usernames"), render_kw=NO_HELP)

    @property
    def names(self) -> list[str]:
        """The usernames, which commas or spaces part."""
        return [name for name in re.split(r"[\s,;]+", self.usernames.data or "") if name]


class RoomForm(Form):
    called: ClassVar[dict[str, str]] = {"file": "picture"}

    title = StringField(later("Title"), [NEEDED])
    description = TextAreaField(later("Description"), render_kw={"rows": 2})
    picture = FileField(later("Picture"), render_kw={"accept": PICTURES})
    no_picture = BooleanField(later("Show initials instead"))


class LevelForm(Form):
    level = RadioField(
        later("Notify me of"),
        choices=[
            SelectChoice("everything", later("Everything")),
            SelectChoice("mentions", later("Mentions")),
            SelectChoice("nothing", later("Nothing")),
        ],
    )


class MemberForm(Form):
    username = StringField(later("Add member"), [NEEDED], render_kw=NO_HELP)


class PostForm(Form):
    text = TextAreaField(later("Message"))
    files = MultipleFileField(later("Attach"))
    reply_to = HiddenField()
    key = HiddenField()

    @property
    def uploads(self) -> list[Any]:
        """The files, as the request has put them on disk."""
        return [file.stream for file in self.files.data or []]

    @property
    def sent_key(self) -> str | None:
        """The key that the page gave this form, if it is such a one."""
        return page_key(self.key.data)

    @property
    def reply_id(self) -> int | None:
        """The message that this one answers; 0, which is none, for what is no id."""
        return number(self.reply_to.data) or 0 if self.reply_to.data else None


class ReactionForm(Form):
    """`give` an emoji, or take one's own back."""

    called: ClassVar[dict[str, str]] = {"emoji": "give"}

    give = StringField(later("Another emoji"), render_kw=NO_HELP)
    take_back = HiddenField()


class ForwardForm(Form):
    chat = HiddenField(validators=[InputRequired(later("Please choose a chat."))])
    # Shown in a dialog, it stands beside the field for the next message.
    text = TextAreaField(later("Comment"), id="comment", render_kw={"rows": 2})
    key = HiddenField()

    @property
    def chat_id(self) -> int:
        """The chat that was chosen; 0, which is none, for what is no id."""
        return number(self.chat.data) or 0

    @property
    def sent_key(self) -> str | None:
        """The key that the page gave this form, if it is such a one."""
        return page_key(self.key.data)


class EditForm(Form):
    text = TextAreaField(later("Message"), render_kw={"rows": 5})


class ProfileForm(Form):
    called: ClassVar[dict[str, str]] = {"file": "avatar"}

    name = StringField(later("Name"), render_kw={"autocomplete": "name"})
    about = TextAreaField(later("About"), render_kw={"rows": 3})
    avatar = FileField(later("Avatar"), render_kw={"accept": PICTURES})
    language = SelectField(
        later("Language"),
        choices=[
            SelectChoice("", later("As the browser says")),
            SelectChoice("en", "English", {"lang": "en"}),
            SelectChoice("ru", "Русский", {"lang": "ru"}),
        ],
    )
    theme = RadioField(
        later("Theme"),
        choices=[
            SelectChoice("", later("System")),
            SelectChoice("light", later("Light")),
            SelectChoice("dark", later("Dark")),
        ],
    )

    @property
    def said(self) -> dict[str, str]:
        """What the person says of themselves, and how the pages should be."""
        return {field: self[field].data or "" for field in ("name", "about", "language", "theme")}


class PasswordForm(Form):
    current_password = PasswordField(later("Current password"), [NEEDED], id="current", render_kw=AS_PASSWORD)
    password = PasswordField(later("New password"), [NEEDED], id="new", render_kw=AS_NEW_PASSWORD)


class NewPasswordForm(Form):
    password = PasswordField(later("New password"), [NEEDED], id="new", render_kw=AS_NEW_PASSWORD)
    repeat = again()


class ForgottenForm(Form):
    email = EmailField(later("E-mail"), [NEEDED], render_kw=AS_EMAIL)


class EmailForm(Form):
    email = EmailField(later("E-mail"), render_kw=AS_EMAIL)
    current_password = PasswordField(later("Current password"), [NEEDED], render_kw=AS_PASSWORD)


class GoodbyeForm(Form):
    current_password = PasswordField(later("Current password"), [NEEDED], render_kw=AS_PASSWORD)
