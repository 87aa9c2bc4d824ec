"""Text and speech of announcements: utterances in a dialect, and their synthesis.

Independent of calendars, database and web. Importing it loads no engine and starts no process.
"""

from catflap.speech.audio_format import RENDERED_AUDIO, AudioFormat, check_available, encode
from catflap.speech.day_summaries import say_briefing, say_evening, say_nothing
from catflap.speech.engine_descriptions import EngineDescription, describe
from catflap.speech.engines import Engine, installed_engines
from catflap.speech.errors import NothingToSay, NoVoice, SpeechFailed, UnknownDialect
from catflap.speech.examples import examples_by_talkativeness, say_example
from catflap.speech.language import Language, language_of
from catflap.speech.phrasebooks import Dialect, dialects
from catflap.speech.reading_dictionary import (
    MAX_READING,
    MAX_WORD,
    normalise_reading,
    normalise_word,
    readings_in,
    word_identity,
)
from catflap.speech.remote_engines import hosts_that_get_titles, voices_of
from catflap.speech.sentence_splitting import split_sentences
from catflap.speech.sentences import Talkativeness, Utterance
from catflap.speech.synthesis import Speech, speech_version
from catflap.speech.titles import Title
from catflap.speech.utterances import (
    address,
    private_title,
    say_all_day,
    say_before,
    say_cancelled,
    say_catch_up,
    say_countdown,
    say_late,
    say_leave,
    say_moved,
    say_paired,
    say_reconnect,
    say_start,
    say_text,
    shown_title,
)
from catflap.speech.voice_choice import HIGHEST_PITCH, LOWEST_PITCH, VoiceChoice
from catflap.speech.voices import Voices, choose_engines, installed_voices
from catflap.speech.wav import Sound

__all__ = [
    "HIGHEST_PITCH",
    "LOWEST_PITCH",
    "MAX_READING",
    "MAX_WORD",
    "RENDERED_AUDIO",
    "AudioFormat",
    "Dialect",
    "Engine",
    "EngineDescription",
    "Language",
    "NoVoice",
    "NothingToSay",
    "Sound",
    "Speech",
    "SpeechFailed",
    "Talkativeness",
    "Title",
    "UnknownDialect",
    "Utterance",
    "VoiceChoice",
    "Voices",
    "address",
    "check_available",
    "choose_engines",
    "describe",
    "dialects",
    "encode",
    "examples_by_talkativeness",
    "hosts_that_get_titles",
    "installed_engines",
    "installed_voices",
    "language_of",
    "normalise_reading",
    "normalise_word",
    "private_title",
    "readings_in",
    "say_all_day",
    "say_before",
    "say_briefing",
    "say_cancelled",
    "say_catch_up",
    "say_countdown",
    "say_evening",
    "say_example",
    "say_late",
    "say_leave",
    "say_moved",
    "say_nothing",
    "say_paired",
    "say_reconnect",
    "say_start",
    "say_text",
    "shown_title",
    "speech_version",
    "split_sentences",
    "voices_of",
    "word_identity",
]
