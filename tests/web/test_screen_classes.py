"""The classes of the screens: each style is loaded when its screen is first shown, and then stays.

So a screen must have no class that only the style of another one knows.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from catflap.web import routes
from catflap.web.routes.pages import OPERATOR, SCREENS

WEB = Path(routes.__file__).parents[1]
STYLES = WEB / "static" / "page" / "screens"
NAMES = (*SCREENS, OPERATOR)
# Classes in a template, and where a script makes an element.
CLASSES = re.compile(r'class="([^"]*)"|create\("\w+", (?:\w+ \? )?"([^"]*)"(?: : "([^"]*)")?')
# What limits a selector to a part of the document that belongs to one screen.
LIMITED = re.compile(r"\.|#|:root$|body\[data-screen=")


def selectors_of(name: str) -> Iterator[str]:
    """Yield each selector of a screen's style, those within at-rules too."""
    style = re.sub(r"/\*.*?\*/|@import[^;]*;", "", (STYLES / f"{name}.css").read_text(), flags=re.DOTALL)
    for group in re.findall(r"([^{}]+)\{", style):
        if not re.match(r"\s*(@|from\b|to\b)", group):
            depths = accumulate((one == "(") - (one == ")") for one in group)
            # A comma between parentheses separates no selectors.
            kept = (
                "\n" if one == "," and not depth else one for one, depth in zip(group, depths, strict=True)
            )
            yield from (one.strip() for one in "".join(kept).strip().split("\n") if one.strip())


def first_classes(name: str) -> set[frozenset[str]]:
    """Return the classes with which selectors of a screen's style begin, those of one element together.

    Those that the style of the whole page has are left out: `test_screen_styles.py` looks at them.
    """
    begins = (re.match(r"(?:\.[\w-]+)+", one) for one in selectors_of(name))
    found = {frozenset(one[0].strip(".").split(".")) for one in begins if one}
    shared = set(re.findall(r"\.([a-z][\w-]*)", (STYLES.parent / "page.css").read_text()))
    return {one for one in found if not one <= shared}


def used_classes(name: str) -> set[str]:
    """Return the classes that a screen's template and modules name."""
    files = [WEB / "templates" / "screens" / f"{name}.html", STYLES / f"{name}.js"]
    texts = [one.read_text() for one in (*files, *(STYLES.parent / name).glob("*.js"))]
    return {one for text in texts for found in CLASSES.findall(text) for one in " ".join(found).split()}


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_styles_no_elements_of_the_whole_document(name: str) -> None:
    assert [one for one in selectors_of(name) if not LIMITED.match(one)] == []


def test_no_class_is_styled_by_two_screens() -> None:
    styled: dict[frozenset[str], list[str]] = defaultdict(list)
    for name in NAMES:
        for one in first_classes(name):
            styled[one].append(name)
    assert {one: names for one, names in styled.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_screen_has_the_classes_of_another(name: str) -> None:
    # The first minute loads the style of the voices.
    own = first_classes(name) | (first_classes("voice") if name == "hello" else set())
    others = {one: other for other in NAMES if other != name for one in first_classes(other) - own}
    used = used_classes(name)
    assert {one: other for one, other in others.items() if one <= used} == {}
