"""What all components work with: settings, clock, database, and the connections to Google."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import RequestBudget
from catflap.clock import Clock
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClients
from catflap.settings import Settings
from catflap.store.connect import open_database
from catflap.store.counters import Counters
from catflap.store.data_dir import prepare_data_dir
from catflap.store.database import Urls, connect
from catflap.store.notify import NotificationListener
from catflap.tls import tls_context


@dataclass(frozen=True)
class Infrastructure:
    """Settings, clock, database, and the connections to Google.

    Attributes:
        oauth: That of the primary client.
        other_clients: Those of the other clients.
    """

    settings: Settings
    clients: GoogleClients
    clock: Clock
    urls: Urls
    engine: AsyncEngine
    vault_engine: AsyncEngine
    notifications: NotificationListener
    http: httpx2.AsyncClient
    discovery: Discovery
    oauth: OAuth
    other_clients: tuple[OAuth, ...]
    request_budget: RequestBudget
    counters: Counters

    @property
    def desktop(self) -> OAuth | None:
        """The connection of the desktop client, None without one."""
        ours = (self.oauth, *self.other_clients)
        return next((one for one in ours if one.client == self.clients.desktop), None)


async def open_infrastructure(
    settings: Settings, clock: Clock, auth_path: str, stack: AsyncExitStack
) -> Infrastructure:
    """Start the infrastructure; it ends with `stack`.

    Raises:
        OperatorMustAct: settings, data directory, database or OAuth client must be corrected.
        TryAgain: the database does not answer.
    """
    clients = settings.google_clients(auth_path)
    prepare_data_dir(settings.data_dir)
    urls = await open_database(settings, stack)
    engine = _engine(stack, settings, urls.app)
    http = http_client(settings)
    discovery = Discovery(http, settings.google_discovery_url)
    return Infrastructure(
        settings=settings,
        clients=clients,
        clock=clock,
        urls=urls,
        engine=engine,
        vault_engine=_engine(stack, settings, urls.vault),
        http=await stack.enter_async_context(http),
        notifications=await stack.enter_async_context(NotificationListener(urls.app)),
        discovery=discovery,
        oauth=OAuth(http, discovery, clients.primary),
        other_clients=tuple(OAuth(http, discovery, one) for one in clients.all[1:]),
        request_budget=RequestBudget(
            engine,
            clock,
            settings.calendar_requests_per_minute,
            settings.calendar_user_requests_per_minute,
        ),
        counters=await stack.enter_async_context(Counters(engine, clock)),
    )


def http_client(settings: Settings) -> httpx2.AsyncClient:
    """Return a client for Google, with a connection pool of its own."""
    return httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout, follow_redirects=False)


def _engine(stack: AsyncExitStack, settings: Settings, url: URL) -> AsyncEngine:
    engine = connect(url, pool_size=settings.database_pool, seconds=settings.database_timeout)
    stack.push_async_callback(engine.dispose)
    return engine
