"""Settings: what is read, what wins, and what is refused in one line that names it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from env_files import KEY, KEYS, OTHER_KEY, read, refusal

from config import ROOT, ConfigError, Settings
from lib.limits import Limits


def test_two_keys_are_all_it_needs(env_file: Path) -> None:
    settings = read(env_file)
    assert settings.database_url == f"sqlite:///{ROOT}/chat.db"
    assert settings.media_dir == ROOT / "media"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.rate_limits
    assert settings.trusted_hosts == ()
    assert settings.proxies == 0


def test_the_usual_limits_are_those_of_the_models(env_file: Path) -> None:
    assert Limits(**read(env_file).limits) == Limits()  # type: ignore[arg-type]


def test_every_limit_can_be_changed(env_file: Path) -> None:
    for name, usual in read(env_file).limits.items():
        assert read(env_file, **{name.upper(): str(usual + 1)}).limits[name] == usual + 1


def test_the_environment_wins_over_the_file(env_file: Path) -> None:
    env_file.write_text(f"PORT=9000\nEVENT_DAYS=3\nsecret_key={KEY}\nJwt_Secret_Key='{OTHER_KEY}'\n")
    settings = Settings.read({"PORT": "9001"}, env_file)
    assert (settings.port, settings.limits["event_days"]) == (9001, 3)
    assert (settings.secret_key, settings.jwt_secret_key) == (KEY, OTHER_KEY)


def test_the_process_environment_is_read_when_none_is_handed_in(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "PORT": "9002"}.items():
        monkeypatch.setenv(name, value)
    assert Settings.read(env_file=env_file).port == 9002


def test_an_empty_value_counts_as_none(env_file: Path) -> None:
    env_file.write_text("PORT=9000\n")
    assert read(env_file, PORT=" ").port == 9000
    assert refusal(env_file, SECRET_KEY="").startswith("SECRET_KEY is missing")


def test_a_dollar_in_a_key_and_a_mark_at_the_start_of_the_file_do_no_harm(env_file: Path) -> None:
    key = KEY[:-4] + "${HOME}"
    env_file.write_text(f"\ufeffSECRET_KEY={key}\nJWT_SECRET_KEY={OTHER_KEY}\n")
    assert Settings.read({}, env_file).secret_key == key


@pytest.mark.parametrize(
    "key",
    [
        "tiny-Key-9",
        KEY[:31],
        "a" * 40,
        "secret" * 8,
        "dev-" * 12,
        "abababababcdabababababcdabababababcd",
        "change-me-to-something-long-and-random",
        "Your-Secret-Key-0123456789-abcdefgh-ABC",
        "this-is-an-insecure-key-for-local-use!!",
    ],
)
def test_a_key_that_can_be_guessed_is_refused_without_being_shown(env_file: Path, key: str) -> None:
    for name in KEYS:
        error = refusal(env_file, **{name: key})
        assert error.startswith(f"{name} is ")
        assert key not in error


def test_the_two_keys_must_differ(env_file: Path) -> None:
    assert refusal(env_file, JWT_SECRET_KEY=KEY).startswith("JWT_SECRET_KEY must not be the same")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "8K"),
        ("HOST", "http://chat.example"),
        ("HOST", "chat.example:80"),
        ("RATE_LIMITS", "maybe"),
        ("TRUSTED_HOSTS", "chat.example, *"),
        ("TRUSTED_HOSTS", "https://chat.example"),
        ("TRUSTED_HOSTS", "chat..example"),
        ("TRUSTED_HOSTS", "a" * 64),
        ("PUBLIC_URL", "https://chat..example"),
        ("PROXY_COUNT", "-1"),
        ("WEB_CONCURRENCY", "0"),
        ("THREADS", "many"),
        ("EVENT_DAYS", "0"),
        ("FILE_MAX", "25 boxes"),
        ("FILE_MAX", "3G"),
        ("PASSWORD_MIN", "5"),
        ("USERNAME_MIN", "40"),
        ("DATABASE_URL", "postgres://ann:hidden@db.example"),
        ("DATABASE_URL", "mysql://ann:hidden@db.example/chat"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///chat.db?mode=ro"),
    ],
)
def test_a_bad_value_is_refused_by_name(env_file: Path, name: str, value: str) -> None:
    error = refusal(env_file, **{name: value})
    assert name in error
    assert "hidden" not in error


def test_a_long_bad_value_is_shown_shortened(env_file: Path) -> None:
    assert len(refusal(env_file, RATE_LIMITS="x" * 5000)) < 200


@pytest.mark.parametrize(("value", "size"), [("4096", 4096), ("64k", 65_536), ("25M", 25 * 2**20), ("1 GiB", 2**30)])
def test_a_size_may_have_a_unit(env_file: Path, value: str, size: int) -> None:
    assert read(env_file, FILE_MAX=value).limits["file_max"] == size


def test_a_database_is_beside_the_code_or_where_it_is_set(env_file: Path) -> None:
    assert read(env_file, DATABASE_URL="sqlite:///sub/a.db").database_url == f"sqlite:///{ROOT}/sub/a.db"
    assert read(env_file, DATABASE_URL="sqlite:////srv/a.db").database_url == "sqlite:////srv/a.db"
    assert read(env_file, MEDIA_DIR="/srv/media").media_dir == Path("/srv/media")


def test_a_host_that_sets_the_port_gets_every_address(env_file: Path) -> None:
    assert read(env_file, PORT="5000").host == "0.0.0.0"
    assert read(env_file, PORT="5000", HOST="10.0.0.7").host == "10.0.0.7"
    assert read(env_file, PORT="5000", HOST="[::1]").host == "::1"
    assert Settings.read({**KEYS, "PORT": "5000"}, env_file, local=True).host == "127.0.0.1"


def test_a_port_in_the_file_is_a_persons_choice_and_stays_local(env_file: Path) -> None:
    env_file.write_text("PORT=5000\n")
    assert read(env_file).host == "127.0.0.1"


def test_switches_and_lists(env_file: Path) -> None:
    assert not read(env_file, RATE_LIMITS="Off").rate_limits
    assert read(env_file, RATE_LIMITS="on").rate_limits
    hosts = read(env_file, TRUSTED_HOSTS="chat.example, .chat.example 127.0.0.1").trusted_hosts
    assert hosts == ("chat.example", ".chat.example", "127.0.0.1")


def test_a_file_that_cannot_be_read_is_reported(env_file: Path) -> None:
    env_file.write_bytes(b"PORT=\xff\xfe\n")
    assert "UTF-8" in refusal(env_file)
    env_file.unlink()
    with pytest.raises(ConfigError, match="can't be written"):
        Settings.write_keys(env_file.parent / "nowhere" / ".env", {})


# The keys that a first run writes


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_run_writes_two_strong_keys_that_only_the_owner_reads(env_file: Path) -> None:
    before = os.umask(0)
    try:
        assert Settings.write_keys(env_file, {}) == ["SECRET_KEY", "JWT_SECRET_KEY"]
    finally:
        os.umask(before)
    assert mode(env_file) == 0o600
    settings = Settings.read({}, env_file)
    assert len(settings.secret_key) >= 64
    assert len(settings.jwt_secret_key) >= 64


def test_existing_keys_stay(env_file: Path) -> None:
    Settings.write_keys(env_file, {})
    written = env_file.read_bytes()
    assert Settings.write_keys(env_file, {}) == []
    assert env_file.read_bytes() == written


def test_a_missing_key_is_added_and_no_other_line_touched(env_file: Path) -> None:
    lines = f"# mine\nPORT = 9000\nsecret_key='{KEY}'"
    env_file.write_text(lines)
    env_file.chmod(0o644)
    assert Settings.write_keys(env_file, {}) == ["JWT_SECRET_KEY"]
    assert env_file.read_text().startswith(lines + "\nJWT_SECRET_KEY=")
    assert mode(env_file) == 0o600
    assert Settings.read({}, env_file).secret_key == KEY


def test_a_key_from_the_environment_is_not_written(env_file: Path) -> None:
    assert Settings.write_keys(env_file, {"SECRET_KEY": KEY}) == ["JWT_SECRET_KEY"]
    assert not any(line.startswith("SECRET_KEY") for line in env_file.read_text().splitlines())


def test_a_bad_key_is_left_for_its_owner_to_see(env_file: Path) -> None:
    env_file.write_text(f"SECRET_KEY=short\nJWT_SECRET_KEY={OTHER_KEY}\n")
    assert Settings.write_keys(env_file, {}) == []
    with pytest.raises(ConfigError, match="SECRET_KEY is too short"):
        Settings.read({}, env_file)


MAIL = {"SMTP_FROM": "Flask Chat <chat@example.org>", "PUBLIC_URL": "https://chat.example.org"}


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (
            {"SMTP_URL": "smtp://ann:p%40ss%2Fword@mail.example.org"},
            ("mail.example.org", 587, "ann", "p@ss/word", "starttls"),
        ),
        ({"SMTP_URL": "smtps://mail.example.org"}, ("mail.example.org", 465, "", "", "tls")),
        ({"SMTP_URL": "smtp+plain://localhost"}, ("localhost", 25, "", "", "none")),
        ({"SMTP_HOST": "mail.example.org"}, ("mail.example.org", 587, "", "", "starttls")),
        (
            {"SMTP_HOST": "mail.example.org", "SMTP_PORT": "465", "SMTP_USER": "ann", "SMTP_PASSWORD": "p@ss"},
            ("mail.example.org", 465, "ann", "p@ss", "tls"),
        ),
    ],
)
def test_an_e_mail_server_is_one_address_or_its_parts(
    env_file: Path, given: dict[str, str], parts: tuple[str, int, str, str, str]
) -> None:
    server = read(env_file, **given, **MAIL).mail
    assert server is not None
    assert tuple(server[name] for name in ("host", "port", "user", "password", "security")) == parts
    assert server["sender"] == MAIL["SMTP_FROM"]


def test_no_e_mail_server_is_fine(env_file: Path) -> None:
    assert read(env_file).mail is None
    assert read(env_file, **MAIL).mail is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"SMTP_URL": "mail.example.org", **MAIL}, "SMTP_URL"),
        ({"SMTP_URL": "http://mail.example.org", **MAIL}, "SMTP_URL"),
        ({"SMTP_URL": "smtp://mail.example.org:port", **MAIL}, "SMTP_URL"),
        ({"SMTP_URL": "smtp+plain://mail.example.org", **MAIL}, "SMTP_URL"),
        ({"SMTP_HOST": "mail.example.org", "PUBLIC_URL": "https://chat.example.org"}, "SMTP_FROM"),
        ({"SMTP_HOST": "mail.example.org", **MAIL, "SMTP_FROM": "nobody"}, "SMTP_FROM"),
        ({"SMTP_HOST": "mail.example.org", "SMTP_FROM": "chat@example.org"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "chat.example.org"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://chat.example.org/below"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://chat.example.org:99999"}, "PUBLIC_URL"),
    ],
)
def test_a_bad_email_setting_is_reported_without_its_password(env_file: Path, given: dict[str, str], name: str) -> None:
    assert refusal(env_file, **given).startswith(name)


@pytest.mark.parametrize("url", ["https://chat.example.org", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_the_public_address_is_kept_without_its_last_slash(env_file: Path, url: str) -> None:
    assert read(env_file, PUBLIC_URL=url + "/").public_url == url


BUCKET = {"S3_BUCKET": "chat-files", "S3_ACCESS_KEY_ID": "AKIA1", "S3_SECRET_ACCESS_KEY": "hidden"}


def test_no_bucket_is_fine_also_where_keys_for_something_else_are_set(env_file: Path) -> None:
    assert read(env_file).bucket is None
    assert (
        read(env_file, AWS_ACCESS_KEY_ID="AKIA1", AWS_SECRET_ACCESS_KEY="hidden", AWS_REGION="eu-west-1").bucket is None
    )


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (BUCKET, ("chat-files", None, "us-east-1", "AKIA1", "hidden", False)),
        (
            {**BUCKET, "S3_ENDPOINT_URL": "http://minio:9000", "S3_REGION": "garage", "S3_REDIRECT": "on"},
            ("chat-files", "http://minio:9000", "garage", "AKIA1", "hidden", True),
        ),
        (
            {"S3_BUCKET": "files", "AWS_ACCESS_KEY_ID": "AKIA2", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "auto",
             "AWS_ENDPOINT_URL_S3": "https://fly.storage.tigris.dev"},
            ("files", "https://fly.storage.tigris.dev", "auto", "AKIA2", "x", False),
        ),
        (
            {"DYNO": "web.1", "EPHEMERAL_DISK": "off", "BUCKETEER_BUCKET_NAME": "bucketeer-1",
             "BUCKETEER_AWS_ACCESS_KEY_ID": "AKIA3",
             "BUCKETEER_AWS_SECRET_ACCESS_KEY": "y", "BUCKETEER_AWS_REGION": "eu-west-1"},
            ("bucketeer-1", None, "eu-west-1", "AKIA3", "y", False),
        ),
    ],
)  # fmt: skip
def test_a_bucket_has_our_names_or_those_that_hosts_set(
    env_file: Path, given: dict[str, str], parts: tuple[str, str | None, str, str, str, bool]
) -> None:
    bucket = read(env_file, **given).bucket
    assert bucket is not None
    assert tuple(bucket[name] for name in ("name", "endpoint", "region", "key_id", "secret", "redirect")) == parts


def test_whose_files_a_bucket_has_depends_on_the_key(env_file: Path) -> None:
    owners = [read(env_file, **BUCKET, SECRET_KEY=key).bucket["owner"] for key in (KEY, KEY, KEY[::-1])]  # type: ignore[index]
    assert owners[0] == owners[1] != owners[2]
    assert not set(owners) & {KEY}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"S3_BUCKET": "chat-files"}, "S3_ACCESS_KEY_ID"),
        ({"S3_BUCKET": "chat-files", "S3_ACCESS_KEY_ID": "AKIA1"}, "S3_SECRET_ACCESS_KEY"),
        ({**BUCKET, "S3_BUCKET": "s3://chat-files"}, "S3_BUCKET"),
        ({**BUCKET, "S3_BUCKET": "chat/files"}, "S3_BUCKET"),
        ({**BUCKET, "S3_ENDPOINT_URL": "s3.example.org"}, "S3_ENDPOINT_URL"),
        ({**BUCKET, "S3_ENDPOINT_URL": "https://user@s3.example.org"}, "S3_ENDPOINT_URL"),
        ({**BUCKET, "S3_REGION": "eu west"}, "S3_REGION"),
        ({**BUCKET, "S3_REDIRECT": "maybe"}, "S3_REDIRECT"),
        # Files must not land in a folder while somebody believes them in a bucket.
        ({"S3_ENDPOINT_URL": "https://s3.example.org"}, "S3_BUCKET"),
        ({"S3_ACCESS_KEY_ID": "AKIA1", "S3_SECRET_ACCESS_KEY": "hidden"}, "S3_BUCKET"),
        ({"S3_REDIRECT": "on"}, "S3_BUCKET"),
    ],
)
def test_a_bad_setting_of_a_bucket_is_refused_by_name(env_file: Path, given: dict[str, str], name: str) -> None:
    error = refusal(env_file, **given)
    assert error.startswith(name)
    assert "hidden" not in error
