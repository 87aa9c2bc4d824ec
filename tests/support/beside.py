"""Commands beside a running Catflap: with its database, its Google and its data directory."""

import os

from tests.support.app_client import CLIENT_ID, CLIENT_SECRET, RunningApp


def environment_beside(app: RunningApp, **more: str) -> dict[str, str]:
    """Return the variables of a command of the same installation."""
    settings, urls = app.catflap.services.settings, app.urls
    return {
        "CATFLAP_DATA_DIR": str(settings.data_dir),
        "CATFLAP_DATABASE_URL": urls.app.render_as_string(hide_password=False),
        "CATFLAP_VAULT_DATABASE_URL": urls.vault.render_as_string(hide_password=False),
        "CATFLAP_GOOGLE_DISCOVERY_URL": settings.google_discovery_url,
        "CATFLAP_PORT": str(settings.port),
        "CATFLAP_VOICES": os.environ["CATFLAP_VOICES"],
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        **more,
    }
