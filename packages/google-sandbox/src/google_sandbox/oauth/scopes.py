"""Scope names: how Google spells them back, and what the consent page says about each.

It does not guess: a scope that is neither a sign-in scope nor looks like a Google one is invalid.
"""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "https://www.googleapis.com/auth/"
EMAIL = PREFIX + "userinfo.email"
PROFILE = PREFIX + "userinfo.profile"
SIGN_IN = frozenset({"openid", EMAIL, PROFILE})
SPELLINGS = {"email": EMAIL, "profile": PROFILE}

CALENDAR = PREFIX + "calendar"
CALENDAR_READ = PREFIX + "calendar.readonly"
EVENTS = PREFIX + "calendar.events"
EVENTS_READ = PREFIX + "calendar.events.readonly"
EVENTS_OWNED = PREFIX + "calendar.events.owned"
EVENTS_OWNED_READ = PREFIX + "calendar.events.owned.readonly"
CALENDAR_LIST = PREFIX + "calendar.calendarlist"
CALENDAR_LIST_READ = PREFIX + "calendar.calendarlist.readonly"
CALENDARS = PREFIX + "calendar.calendars"
CALENDARS_READ = PREFIX + "calendar.calendars.readonly"
FREEBUSY = PREFIX + "calendar.freebusy"
EVENTS_FREEBUSY = PREFIX + "calendar.events.freebusy"
SETTINGS = PREFIX + "calendar.settings"
SETTINGS_READ = PREFIX + "calendar.settings.readonly"
ACLS = PREFIX + "calendar.acls"
ACLS_READ = PREFIX + "calendar.acls.readonly"
DRIVE = PREFIX + "drive"
DRIVE_APPDATA = PREFIX + "drive.appdata"
DRIVE_FILE = PREFIX + "drive.file"
DRIVE_READ = PREFIX + "drive.readonly"
DRIVE_METADATA = PREFIX + "drive.metadata"
DRIVE_METADATA_READ = PREFIX + "drive.metadata.readonly"

WORDS: dict[str, tuple[str, str]] = {
    CALENDAR: (
        "See, edit, share, and permanently delete all the calendars you can access using Google Calendar",
        "Google カレンダーを使用してアクセスできるすべてのカレンダーの参照、編集、共有、完全な削除",
    ),
    CALENDAR_READ: (
        "See and download any calendar you can access using your Google Calendar",
        "Google カレンダーでアクセスできるカレンダーの参照とダウンロード",
    ),
    EVENTS: ("View and edit events on all your calendars", "すべてのカレンダーの予定の表示と編集"),
    EVENTS_READ: ("View events on all your calendars", "すべてのカレンダーの予定の表示"),
    EVENTS_OWNED: (
        "See, create, change, and delete events on Google calendars you own",
        "所有する Google カレンダーの予定の参照、作成、変更、削除",
    ),
    CALENDAR_LIST_READ: (
        "See the list of Google calendars you're subscribed to",
        "登録している Google カレンダーのリストの参照",
    ),
    FREEBUSY: ("View your availability in your calendars", "カレンダーの空き状況の表示"),
    SETTINGS_READ: ("View your Calendar settings", "カレンダーの設定の表示"),
    DRIVE_APPDATA: (
        "See, create, and delete its own configuration data in your Google Drive",
        "Google ドライブ内の、このアプリ自体の設定データの参照、作成、削除",
    ),
    DRIVE_FILE: (
        "See, edit, create, and delete only the specific Google Drive files you use with this app",
        "このアプリで使用する Google ドライブ上の特定のファイルのみの参照、編集、作成、削除",
    ),
}


def respell(names: Iterable[str]) -> frozenset[str]:
    """Spell scopes as Google returns them; asking for email or profile brings `openid` along."""
    spelled = frozenset(SPELLINGS.get(name, name) for name in names)
    return spelled | {"openid"} if spelled & {EMAIL, PROFILE} else spelled


def as_asked(names: Iterable[str]) -> tuple[str, ...]:
    """Spell scopes as Google returns them, in the order they were asked for, `openid` first if implied."""
    given = list(dict.fromkeys(names))
    spelled = [next(iter(respell([name]) - {"openid"}), "openid") for name in given]
    return tuple(dict.fromkeys(["openid", *spelled] if respell(given) & SIGN_IN else spelled))


def invalid(names: Iterable[str]) -> list[str]:
    """Return the names no Google scope could have, in the order given."""
    known = ("openid", *SPELLINGS)
    return [name for name in names if name not in known and not _looks_like_google(name)]


def _looks_like_google(name: str) -> bool:
    tail = name.removeprefix(PREFIX)
    return (
        tail != name
        and 0 < len(tail) <= 200
        and all(c.isascii() and (c.isalnum() or c in "._-/") for c in tail)
    )


def in_order(scopes: Iterable[str]) -> str:
    """Join scopes in the order responses show: the APIs first, `openid` last."""
    return " ".join(sorted(scopes, key=lambda scope: (scope in SIGN_IN, scope == "openid", scope)))


def describe(scope: str, japanese: bool) -> str:
    """Return the sentence the consent page shows for a scope."""
    english, japanese_words = WORDS.get(scope, (f"Use {scope}", f"{scope} の使用"))
    return japanese_words if japanese else english
