"""Codes and ID tokens as clients send them: cleaned, or refused with a hint and never repeated."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.errors import BadRequest
from catflap.signin.client_input import id_token, one_time_code

CODE = "4/0AeanS0b-Zq_x7Wk3"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
ENCODED = quote(CODE, safe="")


@pytest.mark.parametrize(
    "sent",
    [
        CODE,
        ENCODED,
        ENCODED.lower().replace("4%2f0aeans0b-zq_x7wk3", "4%2f0AeanS0b-Zq_x7Wk3"),
        quote(ENCODED, safe=""),
        f" {CODE}\r\n",
        f'"{CODE}"',
        f"'{CODE}'",
        f'" {CODE} "\n',
        f"\u201c{CODE}\u201d",
        f"\ufeff{CODE}\u200b",
        f"%22{ENCODED}%22",
        f"{ENCODED}%0A",
    ],
)
def test_what_is_around_a_code_is_taken_off(sent: str) -> None:
    assert one_time_code(sent) == CODE


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ('""', "empty"),
        (
            f"http://127.0.0.1:8400/signin/google/callback?state=s&code={ENCODED}&scope=openid",
            "parameter code",
        ),
        (quote(f"https://app.example.com/?code={CODE}", safe=""), "parameter code"),
        (f"com.example.app:/oauth2redirect?code={CODE}", "parameter code"),
        (f"code={ENCODED}", "parameter code"),
        (f"?code={CODE}&scope=email", "parameter code"),
        (f"error=access_denied&state={CODE}", "parameter code"),
        (f'{{"code": "{CODE}"}}', "document"),
        (f'["{CODE}"]', "document"),
        ("<html>\n</html>", "document"),
        (JWT, "ID token"),
        (JWT + "x" * 2000, "ID token"),
        ("ya29.a0" + "x" * 200, "access token"),
        ("1//0" + "x" * 90, "refresh token"),
        ("GOCSPX-abc", "client secret"),
        ("4711-web.apps.googleusercontent.com", "client id"),
        ("Bearer abc", "bearer"),
        ("catflap_abc", "key"),
        ("4/a b", "not a one-time code"),
        ("4/a\0b", "not a one-time code"),
        ("4/é", "not a one-time code"),
        ("4/" + "a" * 512, "not a one-time code"),
        ("4/100%", "not a one-time code"),
    ],
)
def test_other_input_than_a_code_is_recognised_and_not_repeated(sent: str, told: str) -> None:
    with pytest.raises(BadRequest, match="invalid_request") as refused:
        one_time_code(sent)
    assert told in refused.value.message
    assert len(sent) < 9 or sent not in refused.value.message
    assert CODE not in refused.value.message and JWT not in refused.value.message


@given(st.text(max_size=300))
def test_whatever_is_sent_gives_a_code_or_a_sentence(sent: str) -> None:
    try:
        code = one_time_code(sent)
    except BadRequest as error:
        assert error.code == "invalid_request"
    else:
        assert code == one_time_code(code) and code.isascii() and code.isprintable()


@pytest.mark.parametrize("sent", [JWT, f" {JWT}\n", f'"{JWT}"'])
def test_an_id_token_is_read_without_what_is_around_it(sent: str) -> None:
    assert id_token(sent) == JWT


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("", "empty"),
        (CODE, "/signin/google/code"),
        (ENCODED, "/signin/google/code"),
        ("ya29.x", "access token"),
    ],
)
def test_other_input_than_an_id_token_is_recognised(sent: str, told: str) -> None:
    with pytest.raises(BadRequest) as refused:
        id_token(sent)
    assert told in refused.value.message and CODE not in refused.value.message
