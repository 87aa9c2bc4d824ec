"""Readings of the Japanese speech engine."""

from catflap.speech.kana_reading import kana_reading as kana

__all__ = ["kana"]
