"""app.clicks.countries: the country of an address, and nothing else of it."""

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from app.clicks.countries import open_countries
from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from app.settings import Settings, SettingsError
from db.clicks.wire import decode_click


@pytest.fixture
def database(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network, record in {
        "198.51.100.0/24": {"country": {"iso_code": "CH"}},
        "203.0.113.0/24": {"continent": {"code": "EU"}},
        "192.0.2.0/24": {"country": {"iso_code": "not a code"}},
        "2001:db8:1::/48": {"country": {"iso_code": "NZ"}},
    }.items():
        writer.insert_network(IPSet([network]), record)
    path = tmp_path / "countries.mmdb"
    writer.to_db_file(str(path))
    return path


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("198.51.100.7", "CH"),
        ("198.51.101.7", ""),
        ("::ffff:198.51.100.7", "CH"),
        ("2001:db8:1:ffff::1", "NZ"),
        ("2001:db8:2::1", ""),
        ("203.0.113.1", ""),
        ("192.0.2.1", ""),
        ("", ""),
        ("a socket", ""),
    ],
)
def test_country_is_found_when_it_is_known(database, address, country):
    find = open_countries(str(database))
    assert [find(address), find(address)] == [country, country]


def test_country_is_unknown_when_the_database_knows_nothing_of_ipv6(tmp_path):
    path = tmp_path / "ipv4.mmdb"
    writer = MMDBWriter(ip_version=4)
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "CH"}})
    writer.to_db_file(str(path))
    find = open_countries(str(path))
    assert (find("198.51.100.7"), find("2001:db8:1::1")) == ("CH", "")


def test_line_holds_the_country_and_not_the_address(tmp_path, database):
    journal = Journal(tmp_path / "journal")
    recorder = ClickRecorder(journal, open_countries(str(database)))
    recorder.record({"REMOTE_ADDR": "198.51.100.7"}, "abc")
    line = journal.file.path.read_bytes()
    assert decode_click(line).country == "CH"
    assert b"198.51" not in line


@pytest.mark.parametrize("damage", [None, b"", b"no database at all", 100])
def test_start_is_refused_when_the_file_is_missing_or_damaged(tmp_path, database, damage):
    path = tmp_path / "damaged.mmdb"
    if damage is not None:
        path.write_bytes(database.read_bytes()[:-damage] if isinstance(damage, int) else damage)
    with pytest.raises(SettingsError, match=r"HOP_GEOIP_DB=.*MaxMind"):
        Settings.from_env(
            {
                "HOP_DATABASE_URL": "postgresql://db/hop",
                "HOP_REDIS_URL": "redis://cache",
                "HOP_GEOIP_DB": str(path),
            }
        )
