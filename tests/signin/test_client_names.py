"""A session is named by browser and system alone, so that its user knows it again and nobody learns more."""

import pytest

from catflap.signin.client_names import client_name

_PC = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_PHONE = "Mozilla/5.0 (Linux; Android 10; K)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_IPAD = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox (Linux)"),
        (f"{_PC} {_WEBKIT} Chrome/142.0.0.0 Safari/537.36", "Chrome (Windows)"),
        (
            f"{_PC} {_WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0",
            "Edge (Windows)",
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/142.0 Safari/537.36",
            "Chrome (ChromeOS)",
        ),
        (f"{_PHONE} {_WEBKIT} Chrome/142.0 Mobile Safari/537.36", "Chrome (Android)"),
        (
            f"{_PHONE} {_WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "Samsung Internet (Android)",
        ),
        (
            f"{_IPHONE} {_IOS} Version/26.0 Mobile/15E148 Safari/604.1",
            "Safari (iPhone)",
        ),
        (
            f"{_IPAD} {_IOS} CriOS/142.0 Mobile/15E148 Safari/604.1",
            "Chrome (iPad)",
        ),
        (f"{_MAC} {_IOS} Version/26.0 Safari/605.1.15", "Safari (macOS)"),
        ("Mia/3.2 (iPhone; iOS 18.6; Scale/3.00)", "Mia (iPhone)"),
        ("Mia/41 CFNetwork/1498.700.2 Darwin/23.6.0", "Mia"),
        ("okhttp/5.1.0", "okhttp"),
        ("Dart/3.9 (dart:io)", "Dart"),
        ("something of alice@example.com", None),
        ("", None),
        (None, None),
    ],
)
def test_a_client_is_named_by_browser_and_system(header: str | None, expected: str | None) -> None:
    assert client_name(header) == expected


def test_no_name_is_long_whatever_a_client_sends() -> None:
    assert client_name(f"{'x' * 5000}/1") is None
    assert client_name("Mozilla/5.0 (" + "Linux " * 10_000) == "Linux"
