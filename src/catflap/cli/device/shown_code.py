"""Pair a device of this machine by a code that its terminal shows, in letters and as a QR code."""

import httpx2
import typer

from catflap.cli.device.qr_code import terminal_qr_code
from catflap.player.api import DeviceApi
from catflap.player.pairing import pair
from catflap.player.storage import Storage


async def token_by_code(
    http: httpx2.AsyncClient, storage: Storage, server: str, model: str, channel: str = "https"
) -> str:
    """Show codes until a user has claimed the device, and return its token, which is stored.

    Args:
        http: The client that asks the server.
        storage: Where the token is kept.
        server: The address of the server.
        model: What the device is.
        channel: How announcements will reach it, as `catflap.devices.devices.Channel`.

    Raises:
        CatflapError: the server refuses, or can't be reached.
    """
    async for shown in pair(lambda token: DeviceApi(http, server, token), storage, server, model, channel):
        typer.echo(f"Enter this code at {shown.page} (it is good for ten minutes):  {shown.code}")
        if drawn := terminal_qr_code(shown.link):
            typer.echo(f"Or point the camera of your phone here:\n\n{drawn}\n")
    token = storage.token(server)
    assert token is not None
    return token
