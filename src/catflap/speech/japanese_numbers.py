"""Rules for prices, telephone numbers, addresses, floors, versions and units in Japanese titles.

OpenJTalk counts well by itself (3人, 20日, 3ヶ月, 3階): only what is written in symbols is spelled out.
"""

import re
from functools import cache

from catflap.speech.rules import Rule, rule

_DIGITS = str.maketrans(
    dict(
        zip(
            "0123456789",
            ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー"),
            strict=True,
        )
    )
)
_AMOUNT = r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_SIZE = r"([万億千])?"
_CURRENCIES = {
    "US$": ("米ドル", "セント"), "A$": ("オーストラリアドル", "セント"), "C$": ("カナダドル", "セント"),
    "HK$": ("香港ドル", "セント"), "NT$": ("台湾ドル", ""), "S$": ("シンガポールドル", "セント"),
    "$": ("ドル", "セント"), "€": ("ユーロ", "セント"), "£": ("ポンド", "ペンス"), "¥": ("円", ""),
    "₩": ("ウォン", ""), "₹": ("ルピー", ""), "฿": ("バーツ", ""), "₫": ("ドン", ""), "₱": ("ペソ", ""),
    "USD": ("米ドル", "セント"), "EUR": ("ユーロ", "セント"), "GBP": ("ポンド", "ペンス"),
    "JPY": ("円", ""), "KRW": ("ウォン", ""), "CNY": ("人民元", ""), "CHF": ("スイスフラン", ""),
    "yen": ("円", ""),
}  # fmt: skip
_UNITS = {
    "km": "キロメートル", "cm": "センチ", "mm": "ミリ", "m": "メートル", "m2": "平方メートル",
    "kg": "キログラム", "g": "グラム", "mg": "ミリグラム", "t": "トン", "L": "リットル", "l": "リットル",
    "ml": "ミリリットル", "mL": "ミリリットル", "kcal": "キロカロリー", "GB": "ギガ", "MB": "メガ",
    "TB": "テラ", "kWh": "キロワット時", "h": "時間", "hr": "時間", "hrs": "時間", "min": "分",
    "mins": "分", "sec": "秒", "km/h": "キロ", "pt": "ポイント", "pcs": "個",
}  # fmt: skip
_SOFTWARE = (
    "Python|Node|Java|iOS|iPadOS|Android|macOS|Ubuntu|PHP|Ruby|Rust|"
    "React|Vue|Angular|Django|Rails|Windows|TypeScript|Go"
)
_ROMAN = {
    "I": 1,
    "V": 5,
    "X": 10,
    "II": 2,
    "III": 3,
    "IV": 4,
    "VI": 6,
    "VII": 7,
    "VIII": 8,
    "IX": 9,
    "XI": 11,
    "XII": 12,
}
_PLACES = {"1": "ファースト", "2": "セカンド", "3": "サード"}
_NOT_LATIN = r"(?![A-Za-z0-9])"


def digit_by_digit(digits: str) -> str:
    """Return digits as they are read in a telephone number: 090 is ゼロキューゼロ."""
    return digits.translate(_DIGITS)


def _phone(match: re.Match[str]) -> str | None:
    groups = re.findall(r"\d+", match[0])
    if not 7 <= sum(map(len, groups)) <= 19:
        return None
    return ("プラス" if match[0].startswith("+") else "") + "の".join(map(digit_by_digit, groups))


def _price(amount: str, size: str | None, currency: str) -> str:
    name, cents = _CURRENCIES[currency]
    amount = amount.replace(",", "")
    whole, _, part = amount.partition(".")
    if size or not cents or len(part) != 2:
        return f"{amount}{size or ''}{name}"
    if not int(part):
        return whole + name
    return (f"{whole}{name}" if int(whole) else "") + f"{int(part)}{cents}"


def _floors(match: re.Match[str]) -> str:
    basement, floor, counted, until_basement, until = match.groups()
    below = "地下" if basement else ""
    if not until:
        return f"{below}{floor}階"
    # B1-2F stays below, B1F-2F does not.
    until = ("地下" if until_basement or (basement and not counted) else "") + until
    return f"{below}{floor}{'階' if counted else ''}から{until}階"


def _versions(match: re.Match[str]) -> str:
    return ("バージョン" if match[1] else "") + match[2].replace(".", "テン")


def _roman(match: re.Match[str]) -> str | None:
    number = _ROMAN.get(match[0])
    return str(number) if number else None


def _thousands(match: re.Match[str]) -> str:
    """Remove commas; use 万 and 億 where the digits could be read as a telephone number: 1,000,000人."""
    digits = match[0].replace(",", "")
    if not 7 <= len(digits) <= 12 or match.string.startswith(".", match.end()):
        return digits
    hundred_millions, rest = divmod(int(digits), 10**8)
    said = ((hundred_millions, "億"), (rest // 10**4, "万"), (rest % 10**4, ""))
    return "".join(f"{number}{size}" for number, size in said if number) or digits


THOUSANDS = rule(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", _thousands)


@cache
def money() -> tuple[Rule, ...]:
    """Return the rules for prices."""
    codes = "|".join(sorted(map(re.escape, _CURRENCIES), key=len, reverse=True))
    signs = "|".join(
        sorted((re.escape(one) for one in _CURRENCIES if not one.isalpha()), key=len, reverse=True)
    )
    return (
        rule(rf"(?<![\w.])-(?=(?:{signs})\d)", "マイナス"),
        rule(
            rf"({signs})\s?{_AMOUNT}\s?[-~〜–]\s?(?:\1\s?)?{_AMOUNT}{_SIZE}",
            lambda match: f"{match[2]}から{_price(match[3], match[4], match[1])}",
        ),
        # ¥1,500-, the way it is written on bills
        rule(rf"({signs})\s?{_AMOUNT}{_SIZE}(?:\s?[-−–](?!\w))?", lambda m: _price(m[2], m[3], m[1])),
        rule(rf"(?<![A-Za-z])({codes})\s?{_AMOUNT}{_SIZE}", lambda m: _price(m[2], m[3], m[1])),
        rule(rf"{_AMOUNT}{_SIZE}\s?({codes})(?![A-Za-z])", lambda m: _price(m[1], m[2], m[3])),
        rule(r"(?<=円)/(?:[1一]?[ヶヵかカケ箇])?月", "、ひと月"),
        rule(r"(?<=円)/日", "、イチニチ"),
        rule(r"(?<=円)/(人|名|回|年|時間|個|泊)", r"、1\1"),
    )


PHONES: tuple[Rule, ...] = (
    rule(
        r"〒\s?(\d{3})-?(\d{4})",
        lambda match: f"郵便番号{digit_by_digit(match[1])}の{digit_by_digit(match[2])}",
    ),
    rule(r"(?<![\w+])\+\d(?:[\s().-]*\d){7,14}(?![\d-])", _phone),
    rule(r"(?<![\d.+-])\(?0\d{1,4}\)?(?:[ -]?\d{1,4}[ -]\d{3,4}|[ -]\d{6,8})(?![\d-])", _phone),
    rule(r"(?<![\d.+-])0\d{1,3}\(\d{1,4}\)\d{4}(?![\d-])", _phone),
    rule(r"(?<![\d.+-])0\d{1,3}\)\d{1,4}-\d{4}(?![\d-])", _phone),
    rule(r"(?<![\d.+-])(?:1[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\d-])", _phone),
    rule(r"(?<![\d.+-])\d{3}-\d{4}(?![\d-])", _phone),
    rule(r"(?<![\d.+-])\d{4}(?:[ -]\d{4}){2,}(?![\d-])", _phone),
)


@cache
def numbers() -> tuple[Rule, ...]:
    """Return the rules for fractions, temperatures, versions, floors, addresses, rooms and units."""
    units = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
    return (
        # 2½時間 (the sign alone is no date)
        rule(r"(\d+) (\d{1,3})⁄(\d{1,3})", r"\1と\3分の\2"),
        rule(r"(?<!\d)(\d{1,3})⁄(\d{1,3})(?!\d)", r"\2分の\1"),
        rule(
            r"(?<![\w)階])[-−](?=\d[\d.]*\s?(?:[~〜]\s?[-−+]?\d[\d.]*\s?)?(?:°|%|度|パーセント))", "マイナス"
        ),
        rule(r"(?<!\d)(\d+(?:\.\d+)?)\s?°\s?F(?![A-Za-z])", r"華氏\1度"),
        rule(r"(?<=\d)\s?°\s?C?(?![A-Za-z])", "度"),
        # v2.0.1, Python 3.12
        rule(r"(?<![A-Za-z])([vV])er?\.?\s?(\d+(?:\.\d+)*)(?![\w.]*\d)", _versions),
        rule(r"(?<![A-Za-z])([vV])\.?(\d+(?:\.\d+)*)(?!\d)", _versions),
        rule(r"(?<![\d.])()(\d+(?:\.\d+){2,})(?!\d)", _versions),
        rule(rf"(?<![A-Za-z])((?:{_SOFTWARE})\s?\d+)\.(\d+)(?![\d.])", r"\1テン\2"),
        # 1-3F, B1F, 3F, RF
        rule(rf"(?<![A-Za-z\d])(B)?([1-9]\d?)(?:(F?)\s?[-~〜]\s?(B?)([1-9]\d?))?F{_NOT_LATIN}", _floors),
        rule(rf"(?<![A-Za-z\d])B([1-5])(?=\s|[ァ-ヶ一-龠]|$){_NOT_LATIN}", r"地下\1階"),
        rule(rf"(?<![A-Za-z\d])RF{_NOT_LATIN}", "屋上"),
        # 丸の内1-2-3, 3丁目4-5, 1-2番地
        rule(r"(?<![\d-])\d{1,4}(?:[-−]\d{1,4}){2,}(?![\d-])", lambda match: re.sub("[-−]", "の", match[0])),
        rule(r"(?<=丁目)(\d{1,4})-(\d{1,4})(?![\d-])", r"\1の\2"),
        rule(r"(?<![\d-])(\d{1,4})-(\d{1,4})(?=番地|番(?!目|線|組)|号)", r"\1の\2"),
        # 3-1で勝利
        rule(r"(?<![\d-])(\d{1,2})-(\d{1,2})(?=で(?:勝|負|敗|引)|勝利|敗戦)", r"\1対\2"),
        # 千代田区千代田1-1
        rule(
            r"([都道府県区市町村郡][一-龠ぁ-んァ-ヶー]{0,8})(\d{1,4})-(\d{1,4})(?![\d-]|[時分人名個回歳円日])",
            r"\1\2の\3",
        ),
        # 暗証番号1234, 201会議室, A棟201
        rule(
            r"((?:パスコード|暗証番号|予約番号|電話番号|コード|内線|ID|PIN)[:、]?\s?)(\d{3,})(?!\d)",
            lambda match: match[1] + digit_by_digit(match[2]),
        ),
        rule(
            r"(?<![\d.])(\d0\d)(?=会議室|教室|研修室|応接室|病室|スタジオ)|(?<=[棟館])(\d0\d)(?!\d|[人名個枚円])",
            lambda match: digit_by_digit(match[0]).replace("ゼロ", "マル"),
        ),
        # A-101, 205号室
        rule(
            rf"(?<![A-Za-z])([A-Z])-?(\d0\d){_NOT_LATIN}(?!\d|人|名|個|枚|円)",
            lambda match: match[1] + match[2].translate(_DIGITS).replace("ゼロ", "マル"),
        ),
        rule(rf"(?<![A-Za-z])([A-Z])-(\d{{1,4}}){_NOT_LATIN}", r"\1\2"),
        rule(r"(?<![A-Za-z])([FJKMR]-?)1(?=グランプリ|観戦|リーグ|開幕|決勝|$|\s)", r"\1ワン"),
        # 第Ⅱ部, パートⅢ
        rule(r"(?<![A-Za-z])(I{2,3}|IV|VI{1,3}|IX|XI{1,2})(?![A-Za-z])", _roman),
        rule(r"(?<=[第編部ァ-ヶー])([IVX])(?![A-Za-z])|(?<![A-Za-z])([IVX])(?=[期部章節型種級])", _roman),
        rule(rf"(?<![A-Za-z])FY\s?'?(\d{{2,4}}){_NOT_LATIN}", r"\1年度"),
        # No.5, #5, #タグ
        rule(r"(?:(?<![A-Za-z])[Nn]o\.?|#)\s?(?=\d)", "ナンバー"),
        rule(r"(?<![\w#])#(?=\w)", "ハッシュタグ"),
        # 1h30, 5km
        rule(rf"(?<![\w.])(\d+)h([0-5]?\d)(?:m|min)?{_NOT_LATIN}", r"\1時間\2分"),
        rule(rf"(?<=\d)\s?({units}){_NOT_LATIN}", lambda match: _UNITS[match[1]]),
        rule("(?<=メートル)走", "ソー"),
        rule(rf"(?<!\d)([123])(?:st|nd|rd){_NOT_LATIN}", lambda match: _PLACES[match[1]]),
        rule(rf"(?<=\d)(?:st|nd|rd|th){_NOT_LATIN}", "番目"),
        # 20歳 has a name of its own
        rule(r"(?<![\d.])20[歳才](?!以|未|代|台|児)", "ハタチ"),
        rule(r"(?<=\d)\s?[x×]\s?(?=\d)", "かける"),
        rule("±", "プラスマイナス"),
        # Vol.3
        rule(r"(?<=[A-Za-z])\.\s?(?=\d)", " "),
    )
