"""Settings, files, the port and the voices of this machine."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preference_store import save_preferences
from catflap.announcements.preferences import Preferences
from catflap.checks import file_checks, setting_checks, voice_checks
from catflap.checks.file_checks import check_disk, check_files
from catflap.checks.installation import Database
from catflap.checks.port_checks import check_port
from catflap.checks.setting_checks import check_settings
from catflap.checks.voice_checks import check_speech_servers, check_users_voices, check_voices
from catflap.clock import FixedClock
from catflap.speech import Voices, installed_engines
from catflap.store.data_dir import prepare_data_dir, write_secret
from tests.checks.conftest import Make, codes
from tests.support.mosquitto import free_port
from tests.support.voices import quick_voices


async def test_a_proxy_that_is_not_trusted_and_push_that_is_off(make: Make) -> None:
    assert codes(await check_settings(make())) == ["push_off"]
    assert codes(await check_settings(make(public_url="https://cat.example.com"))) == [
        "trusted_proxies_missing"
    ]
    trusted = {"public_url": "https://cat.example.com", "trusted_proxies": "127.0.0.1"}
    assert await check_settings(make(**trusted)) == []


async def test_a_setting_without_its_extra(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_checks, "find_spec", lambda _: None)
    assert await check_settings(make(calendars=False)) == []
    wanted = {"mqtt_url": "mqtt://localhost", "otel_exporter_otlp_endpoint": "http://localhost:4318"}
    findings = await check_settings(make(**wanted, calendars=False))
    assert codes(findings) == ["extra_missing", "extra_missing"]
    assert "catflap[mqtt]" in findings[0].remedy
    assert "catflap[otel]" in findings[1].remedy


async def test_secrets_that_others_can_read(make: Make, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    here = make(data_dir=data_dir)
    assert await check_files(here) == [], "there is none yet"
    prepare_data_dir(data_dir)
    keyset = data_dir / "secrets" / "vault-keyset.json"
    write_secret(keyset, "{}")
    assert await check_files(here) == []
    keyset.chmod(0o640)
    data_dir.chmod(0o755)
    (data_dir / "secrets").chmod(0o770)
    findings = await check_files(here)
    assert codes(findings) == ["data_dir_open", "data_dir_open", "secret_readable_by_others"]
    assert [one.wrong.split(" by ")[0].rpartition(" ")[2] for one in findings[:2]] == ["listed", "changed"]
    assert str(keyset) in findings[2].wrong


async def test_a_data_directory_that_can_not_be_written_to(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o600)
    assert codes(await check_files(make(data_dir=file))) == ["data_dir_unwritable"]


async def test_a_full_disk(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = make(data_dir=tmp_path / "not" / "yet")
    monkeypatch.setattr(file_checks, "LEAST_FREE_BYTES", 0)
    assert await check_disk(here) == []
    monkeypatch.setattr(file_checks, "LEAST_FREE_BYTES", 1 << 70)
    assert codes(await check_disk(here)) == ["disk_nearly_full"]


async def test_a_port_of_another_program(make: Make) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"status": "ok"}\n')
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert codes(await check_port(make(port=port))) == ["port_taken"]
    assert await check_port(make(port=free_port())) == []
    # Of a network for documentation (RFC 5737).
    assert codes(await check_port(make(host="192.0.2.1"))) == ["address_unusable"]


async def test_a_language_without_a_voice(make: Make) -> None:
    assert codes(await check_voices(make(voices="openjtalk"))) == ["voice_missing"]
    assert await check_voices(make(voices=quick_voices())) == []
    assert await check_voices(make(voices="openjtalk", calendars=False)) == []
    assert codes(await check_voices(make(voices="parrot"))) == ["settings_invalid"]


async def test_no_voice_at_all_and_a_better_one(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    espeak = [one for one in installed_engines() if one.id in ("espeak", "openjtalk")]
    monkeypatch.setattr(voice_checks, "voices_of", lambda _: Voices(tuple(espeak)))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert codes(await check_voices(make(voices=""))) == ["flite_missing"]
    monkeypatch.setattr(voice_checks, "voices_of", lambda _: Voices(()))
    assert codes(await check_voices(make())) == ["calendars_not_read"]
    assert codes(await check_voices(make(calendars=True))) == ["voice_missing", "voice_missing"]


@pytest.fixture
async def user_with_voice(engine: AsyncEngine, user_id: int, clock: FixedClock) -> str:
    """The voice that a user has chosen for English."""
    async with engine.begin() as connection:
        await save_preferences(connection, user_id, Preferences(engine_en="espeak"), clock.now())
    return "espeak"


async def test_a_voice_that_a_user_has_chosen_and_that_is_gone(
    make: Make, database: Database, user_with_voice: str
) -> None:
    assert await check_users_voices(make(voices="openjtalk,espeak"), database) == []
    (finding,) = await check_users_voices(make(voices="openjtalk"), database)
    assert finding.code == "voice_choice_missing"
    assert user_with_voice in finding.wrong


async def test_a_speech_server_that_is_away(make: Make) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    (finding,) = await check_speech_servers(make(voicevox_url=url))
    assert finding.code == "speech_server_unreachable"
    assert "CATFLAP_VOICEVOX_URL" in finding.remedy
    assert await check_speech_servers(make()) == []
