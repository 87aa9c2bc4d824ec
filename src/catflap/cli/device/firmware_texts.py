"""What a device without a screen says without its server: what is wrong and what to do, and digits of codes.

The names are those of files that firmware/mia.py says. A calendar that can't be read is no part of it: the
server announces that.
"""

from collections.abc import Mapping

from catflap.speech import Language

TEXTS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "setup": (
            "I need your Wi-Fi. "
            "On your phone, join the Wi-Fi Mia Setup, and choose yours on the page that opens."
        ),
        "no_wifi": (
            "I can't reach your Wi-Fi. Is the router on? For another Wi-Fi, hold my button for ten seconds."
        ),
        "pair": "To make me yours, add a device on my page, and type this code:",
        "unpaired": "I was removed from my account. To keep me, add me again with the code that I say.",
        "clock": (
            "My clock was wrong. I take the time from my server. Please check the clock of your router."
        ),
        "server": (
            "I haven't reached my server for a day. Please check the internet. I still say what I know."
        ),
        "full": (
            "My memory is full: there is no room for the next announcement. "
            "Please use a board with more memory."
        ),
        "certificate": (
            "My server's certificate is wrong or expired. Please tell its owner. I still say what I know."
        ),
        "muted": "I am quiet for an hour.",
        "unmuted": "I speak again.",
        "nothing": "I have nothing to repeat.",
    },
    "ja": {
        "setup": (
            "ワイファイをおしえてください。"
            "スマートフォンでミアセットアップにつなぎ、出てくるページでえらんでください。"
        ),
        "no_wifi": (
            "ワイファイにつながりません。ルーターの電源をたしかめてください。"
            "ほかのワイファイにするには、ボタンを十秒おしてください。"
        ),
        "pair": "わたしのページで、デバイスを追加して、この番号を入れてください。",
        "unpaired": "アカウントからはずされました。また使うには、これから言う番号で追加してください。",
        "clock": "時計がまちがっていました。サーバーの時間を使います。ルーターの時計をたしかめてください。",
        "server": (
            "一日サーバーにつながっていません。インターネットをたしかめてください。"
            "おぼえている予定は、おしらせします。"
        ),
        "full": "メモリーがいっぱいで、次のおしらせが入りません。メモリーの大きいボードにしてください。",
        "certificate": (
            "サーバーの証明書が正しくないか、期限が切れています。管理する人に伝えてください。"
            "おぼえている予定は、おしらせします。"
        ),
        "muted": "一時間、しずかにします。",
        "unmuted": "また話します。",
        "nothing": "くりかえすことはありません。",
    },
}
DIGITS: Mapping[Language, tuple[str, ...]] = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "ja": ("ゼロ", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう"),
}
