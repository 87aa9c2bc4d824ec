"""What announcements can be spoken in: dialects and engines, and examples of their sound."""

from typing import Annotated, Self

from pydantic import Field

from catflap.speech import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    Dialect,
    Engine,
    Language,
    Talkativeness,
    VoiceChoice,
    describe,
    dialects,
    examples_by_talkativeness,
)
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, StrictBody
from catflap.web.schemas.preferences import EngineId


class ManyWords(Answer):
    """The same reminder in each manner of `talkativeness`."""

    brief: str
    normal: str
    chatty: str


class DialectResource(Answer):
    """A dialect in which Mia can speak."""

    id: str = Field(examples=["kansai"])
    language: Language
    name: str
    native_name: str
    example: str
    talkativeness: ManyWords = Field(description="An example of a reminder in each manner.")

    @classmethod
    def of(cls, dialect: Dialect) -> Self:
        """Build it from a dialect of the phrasebook."""
        said = {manner: one.display for manner, one in examples_by_talkativeness(dialect.id).items()}
        return cls(
            id=dialect.id,
            language=dialect.language,
            name=dialect.name,
            native_name=dialect.native_name,
            example=dialect.example,
            talkativeness=ManyWords.model_validate(said),
        )


class EngineResource(Answer):
    """A text-to-speech engine."""

    id: str = Field(examples=["openjtalk"], description="For `engine_ja` and `engine_en` of preferences.")
    name: str = Field(examples=["Open JTalk"])
    about: str = Field(description="What it is, in a few words.")
    languages: list[str] = Field(examples=[["ja"]], description="What it speaks (RFC 5646).")
    is_server: bool = Field(description="Whether texts are sent to a server, which the operator has chosen.")
    licence: str | None = Field(description="Of engine and voice; null for a server.")
    credit: str | None = Field(description="Whom to name where its sound is published; null for nobody.")

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Build it from an engine that is installed."""
        about = describe(engine)
        return cls(
            id=engine.id,
            name=about.name,
            about=about.about,
            languages=sorted(engine.languages),
            is_server=engine.timeout is not None,
            licence=about.licence,
            credit=about.credit,
        )


class EngineList(Answer):
    """The engines of an installation, the best for a language before the others."""

    engines: list[EngineResource]


class SampleBody(StrictBody):
    """A voice to hear."""

    dialect: Annotated[Text, Field(max_length=40, examples=["kansai"])]
    pitch: Annotated[int, Field(ge=LOWEST_PITCH, le=HIGHEST_PITCH)] = Field(
        0, description="As in preferences."
    )
    engine: EngineId | None = Field(
        None,
        description="Which speaks the dialect's language; the best one for null, or if it is not there.",
    )
    talkativeness: Talkativeness | None = Field(
        None, description="A reminder in that manner; null for the dialect's example."
    )

    def voice(self) -> VoiceChoice:
        """Return the voice; of an unknown dialect too."""
        language = {one.id: one.language for one in dialects()}.get(self.dialect)
        engine_ja, engine_en = (self.engine, None) if language == "ja" else (None, self.engine)
        return VoiceChoice(self.dialect, self.pitch, engine_ja, engine_en)
