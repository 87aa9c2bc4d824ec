"""The command `google-sandbox`: run a local Google, or only the proxy to one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, get_args

from google_sandbox.calendar_file import import_calendar_file, read_calendar_file
from google_sandbox.http_server import ListenError, listen
from google_sandbox.models import ClientType
from google_sandbox.proxy import proxying
from google_sandbox.sandbox import Sandbox

GOOGLE_ISSUER = "https://accounts.google.com"
EXAMPLES = """\
Examples:
  {prog} --port 8401 --redirect-uri http://127.0.0.1:3000/callback --origin http://127.0.0.1:3000
  {prog} --account me@example.com --calendar my.ics --state-file sandbox.json
  {prog} --proxy-port 8402 --ca-file ca.pem      # for clients with fixed addresses
  {prog} proxy --sandbox http://127.0.0.1:8401   # the same beside a sandbox that runs elsewhere
"""


class CommandError(Exception):
    """A sentence that says what is wrong, and the exit status of the command."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def main(arguments: Sequence[str] | None = None, prog: str = "google-sandbox") -> int:
    """Run the command and return its exit status: 0, 2 for bad input, 3 if it cannot listen."""
    options = _parser(prog).parse_args(arguments)
    work = _proxy_alone(options) if options.command == "proxy" else _serve(options)
    try:
        asyncio.run(_until_stopped(work))
    except CommandError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return error.status
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    examples = EXAMPLES.format(prog=prog)
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Run a local Google, to test an app of yours against it. Nothing in it is real.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    _add_address(parser, 8401)
    add("--client-id", default="sandbox.apps.googleusercontent.com", help="the OAuth client it knows")
    add("--client-secret", default="GOCSPX-sandbox", help="its secret")
    add(
        "--client-type",
        choices=get_args(ClientType),
        help="as strict as Google is with this type of client [all of them at once]",
    )
    add(
        "--redirect-uri",
        action="append",
        metavar="URI",
        help="registered redirect URI; may be repeated [any loopback address]",
    )
    add("--origin", action="append", default=[], help="registered origin of a page; may be repeated")
    add("--account", action="append", metavar="EMAIL", help="an account; may be repeated [mia@example.com]")
    add("--calendar", type=Path, metavar="FILE", help="fill the first account's calendar from this file")
    add("--issuer", help=f"issuer of ID tokens, such as {GOOGLE_ISSUER}")
    add("--seed", type=int, default=0, help="makes codes and tokens repeat from run to run")
    add("--state-file", type=Path, metavar="FILE", help="keep everything here from run to run")
    add("--testing", action="store_true", help="as a project in Testing: grants last 7 days")
    add("--proxy-port", type=int, help="also run the proxy for clients with fixed addresses on this port")
    _add_proxy(parser)
    proxy = parser.add_subparsers(dest="command", metavar="{proxy}").add_parser(
        "proxy",
        help="run only the proxy, to a sandbox that runs elsewhere",
        description="Send what clients with fixed addresses ask of Google to a sandbox.",
        epilog=f"Example:\n  {prog} proxy --sandbox http://127.0.0.1:8401 --port 8402 --ca-file ca.pem",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    proxy.add_argument("--sandbox", default="http://127.0.0.1:8401", help="its address [%(default)s]")
    _add_address(proxy, 8402)
    _add_proxy(proxy)
    return parser


def _add_address(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [%(default)s]")
    parser.add_argument(
        "--port", type=int, default=port, help="port to listen on; 0 takes a free one [%(default)s]"
    )


def _add_proxy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca-file",
        type=Path,
        default=Path("sandbox-ca.pem"),
        metavar="FILE",
        help="where to write the certificate that the proxy's clients trust [%(default)s]",
    )
    parser.add_argument(
        "--allow", action="append", default=[], help="another host the proxy may reach; may be repeated"
    )


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work ends, or end it in order at Ctrl-C or SIGTERM."""
    task = asyncio.ensure_future(work)
    with contextlib.suppress(NotImplementedError):  # on Windows, where Ctrl-C cancels the main task
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _serve(options: argparse.Namespace) -> None:
    accounts = options.account or ["mia@example.com"]
    try:
        data = read_calendar_file(options.calendar) if options.calendar else None
        sandbox = _configured(options, accounts)
        report = (
            import_calendar_file(sandbox, accounts[0], options.calendar, data) if data is not None else []
        )
    except (ValueError, OSError) as error:
        raise CommandError(str(error), 2) from None
    _check_address(options.host, options.port, "--port")
    async with contextlib.AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(sandbox.serve(options.host, options.port))
        print(f"discovery       {base_url}/.well-known/openid-configuration")
        print(f"APIs            {base_url}")
        print(f"browser script  {base_url}/gsi/client")
        print(f"client id       {options.client_id}")
        print(f"client secret   {options.client_secret}")
        print(f"people          {', '.join(accounts)}")
        print(*report, sep="\n", end="\n" if report else "", flush=True)
        if options.proxy_port is not None:
            await stack.enter_async_context(
                _proxy(options, base_url, options.proxy_port, option="--proxy-port")
            )
        print("Nothing here is real. Ctrl-C stops it.", file=sys.stderr)
        await asyncio.Event().wait()


def _configured(options: argparse.Namespace, accounts: list[str]) -> Sandbox:
    issuer = options.issuer or (None if options.proxy_port is None else GOOGLE_ISSUER)
    sandbox = Sandbox(seed=options.seed, issuer=issuer, state_file=options.state_file)
    sandbox.add_client(
        options.client_id,
        options.client_secret,
        redirect_uris=options.redirect_uri or ["http://localhost"],
        origins=options.origin,
        testing=options.testing,
        client_type=options.client_type,
    )
    for email in accounts:
        sandbox.add_account(email)
    return sandbox


async def _proxy_alone(options: argparse.Namespace) -> None:
    async with _proxy(options, options.sandbox, options.port, option="--port"):
        print("Ctrl-C stops it. At the next start its certificate is a new one.", file=sys.stderr)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _proxy(
    options: argparse.Namespace, sandbox_url: str, port: int, *, option: str
) -> AsyncIterator[None]:
    """Run the proxy and print what to set in a client's environment."""
    _check_address(options.host, port, option)
    async with contextlib.AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(
                proxying(sandbox_url, options.ca_file, options.host, port, options.allow)
            )
        except (ValueError, OSError) as error:
            raise CommandError(str(error), 2) from None
        print(f"proxy           {running.url}")
        print(f"its certificate {running.ca_file}")
        print("for clients with fixed addresses:")
        for name, value in running.environment().items():
            print(f"  export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        yield


def _check_address(host: str, port: int, option: str) -> None:
    """Raise a CommandError that names the option if the address cannot be listened on."""
    try:
        listen(host, port).close()
    except ListenError as error:
        raise CommandError(f"{error}; choose another with {option}.", 3) from None
