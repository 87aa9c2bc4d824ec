"""Pair this machine with a user, by a code that it shows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from catflap.errors import BadRequest, TryAgain
from catflap.player.api import DeviceApi
from catflap.player.storage import Storage


@dataclass(frozen=True)
class ShownCode:
    """A code to show, the address of the `page` where it is entered, and the `link` that enters it there."""

    code: str
    page: str
    link: str


async def pair(
    api_for: Callable[[str], DeviceApi], storage: Storage, origin: str, model: str, channel: str = "https"
) -> AsyncIterator[ShownCode]:
    """Yield the code to show, and a new one whenever that is over; end when a user has claimed the device.

    Args:
        api_for: Makes the requests of a device with a token.
        storage: Where the token is kept.
        origin: The server.
        model: What this device is.
        channel: How announcements will reach it, as `catflap.devices.devices.Channel`.

    Raises:
        CatflapError: the server refuses, or can't be reached.
    """
    while True:
        token = storage.new_token()
        api = api_for(token)
        begun = await api.begin_pairing(model, channel)
        yield ShownCode(begun["code"], begun["page"], begun["link"])
        with contextlib.suppress(_Expired):
            while not await _claimed(api, begun["handle"]):  # noqa: ASYNC110 (the server tells when asked)
                await asyncio.sleep(begun["interval"])
            storage.keep_token(origin, token)
            return


class _Expired(Exception):
    pass


async def _claimed(api: DeviceApi, handle: str) -> bool:
    try:
        return await api.is_claimed(handle)
    except TryAgain:
        return False
    except BadRequest as error:
        if error.code == "expired":
            raise _Expired from None
        raise
