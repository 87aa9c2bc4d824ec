"""Pages of the repository, moved to where the site has them, with links that follow them.

Links in the sources are relative paths in the repository, so that they work where that is shown, too. A link
to a file that is no page leads to a page that shows the file.
"""

import os.path
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Where a page of the repository is in the site; what is below docs/ stays as it is there.
PLACES = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changes.md",
    "packages/google-sandbox/README.md": "google-sandbox/index.md",
    "packages/google-sandbox/docs/behaviour.md": "google-sandbox/behaviour.md",
    "packages/google-sandbox/docs/importing.md": "google-sandbox/importing.md",
    "packages/google-sandbox/docs/recipes.md": "google-sandbox/recipes.md",
    "packages/catflap-client/README.md": "catflap-client.md",
    "deploy/home-assistant/DOCS.md": "home-assistant.md",
}
_LANGUAGES = {".py": "python", ".mjs": "js", ".json": "json", ".yaml": "yaml", ".toml": "toml", ".js": "js"}
# Pages and pictures; any other file is shown on a page of its own.
_AS_THEY_ARE = {".md", ".png", ".svg", ".ico"}
_FENCED = re.compile(r"^ *(```+).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r'(\]\(|src="|href=")([^)\s"]+)([)"])')


class Sources:
    """Writes the pages into the folder `docs`."""

    def __init__(self, docs: Path) -> None:
        self._docs = docs
        self._shown: set[str] = set()

    def write(self) -> None:
        """Write all pages, and those of the files that they link to."""
        for page in sorted((ROOT / "docs").rglob("*")):
            if page.is_file():
                self._copy(page.relative_to(ROOT).as_posix())
        for page_path in PLACES:
            self._copy(page_path)
        self._write("decisions/index.md", _decisions())

    def _copy(self, path: str) -> None:
        source, place = ROOT / path, place_of(path)
        if source.suffix == ".md":
            self._write(place, self._moved(source.read_text("utf-8"), path, place))
        else:
            (self._docs / place).parent.mkdir(parents=True, exist_ok=True)
            (self._docs / place).write_bytes(source.read_bytes())

    def _write(self, place: str, text: str) -> None:
        (self._docs / place).parent.mkdir(parents=True, exist_ok=True)
        (self._docs / place).write_text(text, "utf-8")

    def _moved(self, text: str, path: str, place: str) -> str:
        """Return the text of a page with each link, outside of fenced blocks, as it is from its place."""

        def follow(found: re.Match[str]) -> str:
            return found[1] + self._target(found[2], path, place) + found[3]

        parts, end = [], 0
        for fence in _FENCED.finditer(text):
            parts += [_LINK.sub(follow, text[end : fence.start()]), fence[0]]
            end = fence.end()
        return "".join([*parts, _LINK.sub(follow, text[end:])])

    def _target(self, link: str, path: str, place: str) -> str:
        file, _, anchor = link.partition("#")
        if not file or ":" in file:
            return link
        target = os.path.normpath(Path(path).parent / file)
        if not (ROOT / target).exists():
            return link
        self._show(target)
        there = os.path.relpath(place_of(target), Path(place).parent)
        return f"{there}#{anchor}" if anchor else there

    def _show(self, target: str) -> None:
        """Write the page of a file or folder that is none of the documentation."""
        place = place_of(target)
        if not place.startswith("source/") or target in self._shown:
            return
        self._shown.add(target)
        if (ROOT / target).is_dir():
            self._write(place, self._moved("".join(_listing(target)), f"{target}/_", place))
        elif Path(target).suffix in _AS_THEY_ARE:
            self._copy(target)
        else:
            self._write(place, _file(target))


def place_of(path: str) -> str:
    """Return where a file or folder of the repository is in the site."""
    if (ROOT / path).is_dir():
        readme = f"{path}/README.md"
        if path == "docs/decisions" or (path.startswith(("docs/", "packages/")) and (ROOT / readme).exists()):
            return place_of(readme)
        return f"source/{path}/index.md"
    if path in PLACES:
        return PLACES[path]
    if path.startswith("docs/"):
        return re.sub(r"(^|/)README\.md$", r"\1index.md", path.removeprefix("docs/"))
    if Path(path).suffix in _AS_THEY_ARE:
        return f"source/{path}"
    return f"source/{path}.md"


def _listing(folder: str) -> Iterator[str]:
    yield f"# {folder}\n\n"
    for file in sorted((ROOT / folder).rglob("*")):
        name = file.relative_to(ROOT / folder)
        if file.is_file() and not {"node_modules", "__pycache__"} & set(name.parts) and name.name[0] != ".":
            yield f"- [{name}]({name})\n"


def _file(path: str) -> str:
    text = (ROOT / path).read_text("utf-8")
    language = _LANGUAGES.get(Path(path).suffix, "text")
    return f"# {path}\n\n`````{language}\n{text.rstrip()}\n`````\n"


def _decisions() -> str:
    lines = ["# Decisions\n\nWhat would cost something to decide otherwise later, and why it is so.\n\n"]
    for page in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        title = page.read_text("utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({page.name})\n")
    return "".join(lines)
