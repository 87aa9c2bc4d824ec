"""A paired firmware beside a running app, under each interpreter that is at hand."""

import builtins
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.app_client import RunningApp
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import ROOT, Firmware, interpreter, running_firmware, write_flash

_SHIMS = ROOT / "tests" / "firmware" / "shims"
_NAMES = ("machine", "micropython", "mia", "neopixel", "network")

Start = Callable[..., AbstractAsyncContextManager[Firmware]]


@pytest.fixture(params=["cpython", "micropython"])
def kind(request: pytest.FixtureRequest) -> str:
    """The interpreter that runs the firmware."""
    name = str(request.param)
    interpreter(name)
    return name


@pytest.fixture
async def owner(app: RunningApp) -> DeviceOwner:
    """A signed-in user, without a device yet."""
    return await DeviceOwner.sign_in(app)


@pytest.fixture
async def flash(app: RunningApp, owner: DeviceOwner, tmp_path: Path) -> Path:
    """The flash of a paired device."""
    folder = tmp_path / "flash"
    write_flash(folder, app.origin)
    (folder / "state.json").write_text(json.dumps(await owner.pair()))
    return folder


@pytest.fixture
def start(app: RunningApp, kind: str, flash: Path) -> Start:
    """Switch the device on, at the app's time."""

    @asynccontextmanager
    async def switch_on(**options: Any) -> AsyncIterator[Firmware]:
        async with running_firmware(flash, kind=kind, **{"clock": app.clock, **options}) as firmware:
            yield firmware

    return switch_on


@pytest.fixture
def mia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module firmware/mia.py in this process, with a folder of the test as its flash."""
    for folder in (_SHIMS, _SHIMS / "cpython", ROOT / "firmware"):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    before = {name: sys.modules.pop(name, None) for name in _NAMES}
    yield __import__("mia")
    for name in ("ptr8", "ptr16"):
        delattr(builtins, name)
    for name, module in before.items():
        sys.modules.pop(name, None)
        if isinstance(module, ModuleType):
            sys.modules[name] = module
