"""What the page says, in English and in Japanese; Mia's own words live in the phrasebooks.

One mapping per language with equal keys. Nothing in here comes from a request: an error code picks a
sentence of ours, and a code that isn't known gets the general one.
"""

from collections.abc import Mapping
from typing import Final

Words = Mapping[str, str]

ENGLISH: Final[Words] = {
    "title": "Catflap · Mia reads you your day",
    "tagline": "Mia reads you your day.",
    "about": (
        "Say yes to Google once, and Mia the cat may look into your calendar while you are away. "
        "She tells you aloud what comes next, in whichever dialect makes you smile."
    ),
    "promise": "She only reads. You can shut the flap again at any time.",
    "sign_in": "Sign in with Google",
    "in_window": "… in a window of its own",
    "another_account": "Use another Google account",
    "sign_out": "Sign out",
    "other_language": "日本語",
    "skip": "Skip to your day",
    "mia_asleep": "Mia, a calico cat, asleep on her ledge",
    "mia_awake": "Mia, a calico cat, looking out of her flap",
    "hello": "Hello. I'm listening to your calendar.",
    "no_script": "Mia needs JavaScript to speak and to show your day.",
    "wake": "Wake Mia",
    "wake_why": "Browsers keep pages silent until you touch them once.",
    "next": "Next",
    "next_in": "in {span}",
    "next_at": "at {time}",
    "next_none": "Nothing to say in the coming day",
    "next_now": "now",
    "say_next": "Say the next one now",
    "say_rendering": "Her voice is being prepared …",
    "mute": "Mute",
    "unmute": "Let her speak",
    "muted": "Mia is mute; she shows her words only.",
    "volume": "Volume",
    "today": "Today",
    "all_day": "all day",
    "until": "until {time}",
    "now": "now",
    "today_free": "Nothing today. Have a nap.",
    "untitled": "(no title)",
    "problem_account": "Mia can't read the calendars of {name} at the moment: {why}",
    "problem_failing": "Mia can't read “{name}” at the moment and goes by what she read before: {why}",
    "problem_gone": "“{name}” is gone or no longer shared with you; its appointments were forgotten.",
    "problem_removed": "“{name}” left your Google calendar list; its appointments were forgotten.",
    "why_google_rate_limited": "Google asks for a pause. She tries again by herself.",
    "why_google_quota_exceeded": "the quota at Google is used up. She tries again by herself.",
    "why_google_unavailable": "Google doesn't answer properly. She tries again by herself.",
    "why_google_api_disabled": "whoever runs Mia has to enable the Calendar API at Google.",
    "why_google_project_refused": "Google refuses Mia's project. Whoever runs her has to look into it.",
    "why_google_account_refused": "Google keeps this account's calendar closed.",
    "why_scope_missing": "the permission lacks the calendar. Please allow it again.",
    "why_reconsent_required": "Google wants your permission again.",
    "why_other": "Google refused. She tries again by herself.",
    "will_say": "What I'll say",
    "will_say_none": "Nothing planned yet. New appointments appear here by themselves.",
    "and_more": "and {count} more",
    "tomorrow": "tomorrow",
    "state_planned": "finding the words",
    "state_ready": "ready",
    "state_sent": "ready",
    "state_played": "said",
    "state_failed": "not heard",
    "state_missed": "missed",
    "state_cancelled": "called off",
    "state_held": "kept quiet",
    "how": "How I speak",
    "dialect_en": "English appointments",
    "dialect_ja": "Japanese appointments",
    "zone": "Time zone",
    "zone_here": "This computer",
    "zone_auto": "Automatic: {zone}",
    "zone_from_user": "chosen by you",
    "zone_from_google": "from Google Calendar",
    "zone_from_browser": "from this browser",
    "zone_from_default": "not known yet",
    "zone_all": "Everywhere",
    "saved": "Saved.",
    "not_saved": "Not saved; please try again.",
    "not_loaded": "Couldn't load this; trying again.",
    "offline": "No line to home. Mia keeps to what she knows and tries again by herself.",
    "elsewhere": "Mia speaks in another tab.",
    "speak_here": "Speak here",
    "needs_calendar": "Mia can't see your calendar",
    "needs_calendar_why": (
        "You are signed in, but the box for the calendar was left empty at Google. "
        "Without it there is nothing to read aloud."
    ),
    "allow_calendar": "Allow the calendar",
    "needs_yes": "Google wants to hear your yes again",
    "needs_yes_why": (
        "The permission you gave has run out or was taken back at Google. Until you renew it, "
        "Mia knows only what she read before."
    ),
    "renew": "Say yes again",
    "error_other": "Signing in didn't work. Please try again.",
    "error_access_denied": "You said no; nothing was stored.",
    "error_google_unavailable": "Google doesn't answer at the moment. Please try again in a minute.",
    "error_state_invalid": "That sign-in had grown too old or began in another browser. Please start again.",
    "error_code_rejected": "Google didn't accept the code. Please sign in once more.",
    "error_admin_policy": "Your organisation's administrator doesn't allow this app.",
    "error_org_internal": "This app is only for members of the organisation that runs it.",
    "error_account_mismatch": "That was a different Google account; nothing was stored.",
    "error_google_client_rejected": "Google rejects this app's settings. Whoever runs it has to mend them.",
    "error_id_token_invalid": "Google's answer couldn't be verified; nothing was stored.",
    "error_iss_invalid": "That answer didn't come from Google; nothing was stored.",
    "error_too_many": "Too many tries. Please wait a minute.",
    "error_rate_limited": "Too many tries. Please wait a minute.",
    "error_invalid_request": "That link was not written as it must be. Please start again from here.",
    "error_not_allowed": "This account isn't on the list of those who may sign in here.",
    "error_popup_closed": "The window was closed; nothing was stored.",
    "error_popup_failed_to_open": "The browser kept the window shut. Allow it, or sign in without one.",
    "error_expired": "That link was used already or is too old. Please ask for a new one.",
}

JAPANESE: Final[Words] = {
    "title": "Catflap・ミアが今日の予定をお知らせ",
    "tagline": "ミアが予定を声でお知らせ。",
    "about": (
        "Googleに一度だけ「はい」と言えば、留守のあいだも、ネコのミアがカレンダーを見てくれます。"
        "次の予定を、くすっと笑えるお国ことばで読み上げます。"
    ),
    "promise": "見るだけで、書きかえません。いつでもやめられます。",
    "sign_in": "Google でログイン",
    "in_window": "別ウィンドウでログイン",
    "another_account": "別のGoogleアカウントを使う",
    "sign_out": "ログアウト",
    "other_language": "English",
    "skip": "今日の予定へ",
    "mia_asleep": "窓辺で眠っている三毛猫のミア",
    "mia_awake": "猫用ドアから顔を出す三毛猫のミア",
    "hello": "こんにちは。カレンダーを見ています。",
    "no_script": "ミアが話すにはJavaScriptが必要です。",
    "wake": "ミアを起こす",
    "wake_why": "ブラウザは、一度さわるまで音を出しません。",
    "next": "次",
    "next_in": "あと {span}",
    "next_at": "{time}",
    "next_none": "これから一日、お知らせはありません",
    "next_now": "いま",
    "say_next": "次のお知らせを聞く",
    "say_rendering": "声を準備しています…",
    "mute": "消音",
    "unmute": "声を出す",
    "muted": "消音中です。文字だけでお知らせします。",
    "volume": "音量",
    "today": "今日の予定",
    "all_day": "終日",
    "until": "{time}まで",
    "now": "いま",
    "today_free": "今日は予定なし。お昼寝日和です。",
    "untitled": "(タイトルなし)",
    "problem_account": "いま {name} のカレンダーを読めません。{why}",
    "problem_failing": "いま「{name}」を読めないので、前に読んだ予定のままです。{why}",
    "problem_gone": "「{name}」はなくなったか、共有が終わりました。その予定は消しました。",
    "problem_removed": "「{name}」はGoogleカレンダーの一覧からなくなりました。その予定は消しました。",
    "why_google_rate_limited": "Googleが少し待つように言っています。自動でもう一度試します。",
    "why_google_quota_exceeded": "Googleの利用枠を使いきりました。自動でもう一度試します。",
    "why_google_unavailable": "Googleから正しい返事がありません。自動でもう一度試します。",
    "why_google_api_disabled": "運営者がGoogleのCalendar APIを有効にする必要があります。",
    "why_google_project_refused": "Googleがこのアプリを受け付けません。運営者の対応が必要です。",
    "why_google_account_refused": "Googleがこのアカウントのカレンダーを閉じています。",
    "why_scope_missing": "カレンダーの許可が足りません。もう一度許可してください。",
    "why_reconsent_required": "Googleでもう一度許可が必要です。",
    "why_other": "Googleに断られました。自動でもう一度試します。",
    "will_say": "これから話すこと",
    "will_say_none": "まだありません。予定が入ると、ここに出てきます。",
    "and_more": "ほか {count} 件",
    "tomorrow": "明日",
    "state_planned": "ことばを準備中",
    "state_ready": "準備完了",
    "state_sent": "準備完了",
    "state_played": "お知らせ済み",
    "state_failed": "聞こえず",
    "state_missed": "時間切れ",
    "state_cancelled": "取り消し",
    "state_held": "静かにしました",
    "how": "話し方",
    "dialect_en": "英語の予定",
    "dialect_ja": "日本語の予定",
    "zone": "タイムゾーン",
    "zone_here": "このパソコン",
    "zone_auto": "自動: {zone}",
    "zone_from_user": "ご自身で選択",
    "zone_from_google": "Google カレンダーの設定",
    "zone_from_browser": "このブラウザの設定",
    "zone_from_default": "まだ不明",
    "zone_all": "世界中",
    "saved": "保存しました。",
    "not_saved": "保存できませんでした。もう一度お試しください。",
    "not_loaded": "読み込めませんでした。もう一度試しています。",
    "offline": "つながりません。ミアは手もとの予定どおりに話し、つながるまで試し続けます。",
    "elsewhere": "ミアは別のタブで話しています。",
    "speak_here": "ここで話す",
    "needs_calendar": "ミアにはカレンダーが見えません",
    "needs_calendar_why": (
        "ログインはできましたが、Googleの画面でカレンダーの許可にチェックが入っていませんでした。"
        "許可がないと、読み上げる予定がわかりません。"
    ),
    "allow_calendar": "カレンダーを許可する",
    "needs_yes": "もう一度、Googleで「はい」が必要です",
    "needs_yes_why": (
        "以前の許可が切れたか、Googleで取り消されました。許可しなおすまで、ミアは前に見た予定しか知りません。"
    ),
    "renew": "もう一度許可する",
    "error_other": "ログインできませんでした。もう一度お試しください。",
    "error_access_denied": "許可されませんでした。何も保存していません。",
    "error_google_unavailable": "いまGoogleにつながりません。少し待って、もう一度お試しください。",
    "error_state_invalid": (
        "時間がたちすぎたか、別のブラウザで始めたログインです。はじめからお試しください。"
    ),
    "error_code_rejected": "Googleがコードを受け付けませんでした。もう一度ログインしてください。",
    "error_admin_policy": "組織の管理者がこのアプリを許可していません。",
    "error_org_internal": "このアプリは、運営する組織のメンバーだけが使えます。",
    "error_account_mismatch": "別のGoogleアカウントでした。何も保存していません。",
    "error_google_client_rejected": "Googleがこのアプリの設定を受け付けません。運営者の対応が必要です。",
    "error_id_token_invalid": "Googleの返事を確認できませんでした。何も保存していません。",
    "error_iss_invalid": "Googleからの返事ではありませんでした。何も保存していません。",
    "error_too_many": "回数が多すぎます。少し待ってください。",
    "error_rate_limited": "回数が多すぎます。少し待ってください。",
    "error_invalid_request": "リンクの内容が正しくありません。このページからやり直してください。",
    "error_not_allowed": "このアカウントはここでログインできる人の一覧にありません。",
    "error_popup_closed": "ウィンドウが閉じられました。何も保存していません。",
    "error_popup_failed_to_open": "ウィンドウを開けませんでした。許可するか、通常のログインをどうぞ。",
    "error_expired": "このリンクは使用済みか、期限が切れています。もう一度発行してもらってください。",
}

LANGUAGES: Final[Mapping[str, Words]] = {"en": ENGLISH, "ja": JAPANESE}


def choose_language(accept_language: str, override: str | None = None) -> str:
    """The page's language: `?lang=` when we speak it, else the browser's wish, else English.

    Args:
        accept_language: The header's value (RFC 9110 section 12.5.4); anything malformed is passed over.
        override: The value of `?lang=`.
    """
    if override in LANGUAGES:
        return str(override)
    wishes = sorted((_wish(part) for part in accept_language.split(",")), key=lambda wish: -wish[1])
    return next((tag for tag, quality in wishes if quality > 0 and tag in LANGUAGES), "en")


def error_sentence(words: Words, code: str | None) -> str | None:
    """What to tell a person who comes back with `?error=code`; the code itself is never shown."""
    if code is None:
        return None
    return words.get(f"error_{code}", words["error_other"])


def _wish(part: str) -> tuple[str, float]:
    tag, _, quality = part.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
    except ValueError:
        weight = 0.0
    return tag.strip().split("-")[0].lower(), weight
