"""`python -m docsite FOLDER`: write what Zensical builds the site from. `make docs` calls it."""

import re
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
    (folder / "zensical.toml").write_text(_configuration(docs), "utf-8")
    shutil.copytree(HERE / "assets", docs / "assets")
    shutil.copy(sources.ROOT / "src/catflap/web/static/page/flap.svg", docs / "assets")
    shutil.copy(sources.ROOT / "src/catflap/web/static/page/app/icon-192.png", docs / "assets")


def _configuration(docs: Path) -> str:
    """Return the configuration without the pages that are not written yet."""
    lines = (HERE / "zensical.toml").read_text("utf-8").splitlines(keepends=True)
    named = [re.search(r'= "([\w/-]+\.md)"', line) for line in lines]
    found = zip(lines, named, strict=True)
    return "".join(line for line, page in found if page is None or (docs / page[1]).exists())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
