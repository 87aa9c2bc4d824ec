"""`python -m docsite FOLDER`: write what Zensical builds the site from. `make docs` calls it."""

import shutil
import sys
from pathlib import Path

from docsite import commands, http_api, metrics, python_api, settings_page, sources

HERE = Path(__file__).parent
REFERENCE = {
    "http-api.md": http_api.page,
    "commands.md": commands.page,
    "settings.md": settings_page.page,
    "python.md": python_api.page,
    "metrics.md": metrics.page,
}


def write(folder: Path) -> None:
    """Write configuration and pages into `folder`, which is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    docs = folder / "docs"
    sources.Sources(docs).write()
    (docs / "reference").mkdir()
    for name, page in REFERENCE.items():
        (docs / "reference" / name).write_text(page(), "utf-8")
    shutil.copy(HERE / "zensical.toml", folder)
    shutil.copytree(HERE / "assets", docs / "assets")
    shutil.copy(sources.ROOT / "src/catflap/web/static/page/flap.svg", docs / "assets")
    shutil.copy(sources.ROOT / "src/catflap/web/static/page/app/icon-192.png", docs / "assets")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
