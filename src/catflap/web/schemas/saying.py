"""Texts to announce at once."""

from typing import Annotated

from pydantic import Field

from catflap.web.input_types import Id, Text
from catflap.web.schemas.base import StrictBody


class SayBody(StrictBody):
    """A text to announce at once."""

    text: Annotated[Text, Field(min_length=1, max_length=500, examples=["Dinner is ready!"])] = Field(
        description="Of what is spoken, at most 200 characters are."
    )
    dialect: Annotated[Text, Field(max_length=40, examples=["pirate"])] | None = Field(
        None, description="null for the one that the user chose for the language of the text."
    )
    device: Id | None = Field(None, description="One of the user's devices; null for all.")
