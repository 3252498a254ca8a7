"""app.settings: everything that is wrong, at once, and without the passwords."""

import pytest

from app.settings import Settings, SettingsError, unknown_settings

NEEDED = {"HOP_DATABASE_URL": "postgresql://db/hop", "HOP_REDIS_URL": "redis://cache"}


def faults(**environ: str) -> str:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(NEEDED | environ)
    return str(raised.value)


def test_defaults_apply_when_only_the_servers_are_set():
    settings = Settings.from_env(NEEDED)
    assert settings == Settings(database_url="postgresql://db/hop", redis_url="redis://cache")
    assert (settings.redirect_status, settings.log_format, settings.base_url) == (302, "json", "")


def test_text_becomes_a_number_when_the_setting_is_one():
    settings = Settings.from_env(
        NEEDED | {"HOP_RANGE_SIZE": "5000", "HOP_REDIRECT_STATUS": "301", "HOP_LOG_LEVEL": "debug"}
    )
    assert (settings.range_size, settings.redirect_status) == (5000, 301)
    assert settings.log_level == "debug"


def test_every_fault_is_listed_when_there_are_many():
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(
            {
                "HOP_REDIS_URL": "http://cache",
                "HOP_RANGE_SIZE": "many",
                "HOP_REDIRECT_STATUS": "200",
                "HOP_BASE_URL": "sho.rt",
                "HOP_REDIRECT_CACHE_CONTROL": "a\nb",
            }
        )
    lines = str(raised.value).splitlines()[1:]
    assert [line.split("=")[0].split()[0] for line in lines] == [
        "HOP_DATABASE_URL",
        "HOP_REDIS_URL",
        "HOP_BASE_URL",
        "HOP_RANGE_SIZE",
        "HOP_REDIRECT_STATUS",
        "HOP_REDIRECT_CACHE_CONTROL",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HOP_RANGE_SIZE", "0"),
        ("HOP_RANGE_SIZE", ""),
        ("HOP_CACHE_TTL_S", "2592001"),
        ("HOP_MAX_URL_BYTES", "63"),
        ("HOP_TRUSTED_PROXIES", "-1"),
        ("HOP_LOG_LEVEL", "loud"),
        ("HOP_KEYGEN", "guess"),
        ("HOP_BASE_URL", "ftp://sho.rt"),
        ("HOP_REDIRECT_CACHE_CONTROL", "max-age=\N{ARABIC-INDIC DIGIT THREE}"),
    ],
)
def test_setting_is_named_and_shown_when_it_is_wrong(name, text):
    assert f"{name}={text!r}: " in faults(**{name: text})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("HOP_REDIS_TIMEOUT_MS", "900", "a whole number from 5 to 250"),
        ("HOP_REDIS_TIMEOUT_MS", "fifty", "a whole number from 5 to 250"),
        ("HOP_JOURNAL_SYNC_S", "0", "a number from 0.01 to 60"),
        ("HOP_JOURNAL_QUOTA_BYTES", "-1", "a whole number of at least 0"),
        ("HOP_REDIRECT_STATUS", "200", "one of 301, 302, 307, 308"),
    ],
)
def test_error_says_what_is_expected(name, text, expected):
    assert faults(**{name: text}).endswith(f"{name}={text!r}: expected {expected}")


@pytest.mark.parametrize("name", ["HOP_DATABASE_URL", "HOP_REDIS_URL"])
@pytest.mark.parametrize(
    "address",
    [
        "mysql://hop:hunter2@db",
        "hunter2",
        "postgres ql://hop:hunter2@db",
        "http://hop:[hunter2]@db",
        "http://hop:hunter2\N{ACCOUNT OF}@db",
    ],
)
def test_password_is_kept_out_of_the_error_when_an_address_is_wrong(name, address):
    found = faults(**{name: address})
    assert name in found
    assert "hunter2" not in found


@pytest.mark.parametrize("name", ["HOP_DATABASE_URL", "HOP_REDIS_URL"])
def test_address_of_a_server_is_missed_when_it_is_empty(name):
    """Otherwise libpq would look for a server by its own defaults."""
    assert name in faults(**{name: ""})


def test_unknown_name_is_reported_with_what_was_meant():
    environ = NEEDED | {"HOP_DATABSE_URL": "x", "HOP_ZZZZZZ": "y", "HOPE": "z", "PATH": "/bin"}
    assert unknown_settings(environ) == [
        "HOP_DATABSE_URL is not a setting of hop; did you mean HOP_DATABASE_URL?",
        "HOP_ZZZZZZ is not a setting of hop",
    ]


def test_name_is_not_reported_when_another_part_of_hop_reads_it():
    assert unknown_settings(NEEDED | {"HOP_PORT": "8000", "HOP_API_KEY": "x"}) == []
