"""Each distribution below packages/ installs and imports without the others."""

import pytest

from tests.support.installation import Installation, required
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(installed: InstalledWheel, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """catflap-client and its base requirements."""
    made = Installation(tmp_path_factory.mktemp("client"))
    made.unpack(installed.wheel("catflap_client"))
    made.link(required("catflap-client"))
    return made


def test_the_client_needs_httpx2_alone(client: Installation) -> None:
    assert required("catflap-client") == {"httpx2"} | required("httpx2")
    ended = client.run("import catflap_client; print(catflap_client.GoogleAuth(1, url='', api_key=''))")
    assert ended.returncode == 0, ended.stderr


def test_the_client_names_the_extra_for_google_auth(client: Installation) -> None:
    ended = client.run("import catflap_client.google_auth")
    assert "pip install 'catflap-client[google]'" in ended.stderr
