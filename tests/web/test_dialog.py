"""Questions in a dialog, asked in Chromium: by keyboard, with a word to type, and what they do in between."""

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.fake_state import FakeApi

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ASK = """async (question) => {
  const { ask } = await import("/static/lib/dialog.js");
  const over = new AbortController();
  window.end = () => over.abort();
  window.acts = 0;
  const act = () => new Promise((resolve, reject) => {
    window.acts += 1;
    [window.works, window.fails] = [resolve, () => reject(new Error("away"))];
  });
  const explain = ({ message }) => `It is ${message}.`;
  window.answer = undefined;
  ask({ ...question, signal: over.signal, ...(question.acts ? { act, explain } : {}) }).then((answer) => {
    window.answer = answer;
  });
}"""
QUESTION: dict[str, Any] = {
    "title": "Forget <b>Alice</b>?",
    "body": ["It can't be undone."],
    "yes": "Forget",
    "no": "Keep",
}


async def ask(page: Page, catflap: FakeApi, **more: Any) -> Locator:
    await page.goto(catflap.url)
    await page.locator("#signout button").focus()
    await page.evaluate(ASK, {**QUESTION, **more})
    dialog = page.get_by_role("dialog", name=QUESTION["title"])
    await expect(dialog).to_be_visible()
    return dialog


async def answer(page: Page) -> Any:
    # It is hidden before its end is told, and removed with that.
    await expect(page.locator("dialog")).to_have_count(0)
    return await page.evaluate("window.answer")


@pytest.mark.parametrize(
    ("keys", "expected"), [(["Escape"], False), (["Enter"], False), (["Tab", "Enter"], True)]
)
async def test_the_harmless_answer_has_the_focus_and_the_page_gets_it_back(
    page: Page, catflap: FakeApi, keys: list[str], expected: bool
) -> None:
    dialog = await ask(page, catflap)
    await expect(dialog).to_have_accessible_description("It can't be undone.")
    await expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    for key in keys:
        await page.keyboard.press(key)
    assert await answer(page) is expected
    await expect(page.locator("#signout button")).to_be_focused()


async def test_a_word_that_must_be_typed_keeps_the_button_until_then(page: Page, catflap: FakeApi) -> None:
    typed = {"label": "Type alice@example.com", "word": "alice@example.com"}
    dialog = await ask(page, catflap, typed=typed)
    yes, word = dialog.get_by_role("button", name="Forget"), dialog.get_by_label("Type alice@example.com")
    await expect(word).to_be_focused()
    await page.keyboard.type("alice@example.co")
    await page.keyboard.press("Enter")
    await expect(yes).to_be_disabled()
    await word.fill(" Alice@Example.com ")
    await page.keyboard.press("Enter")
    assert await answer(page) is True


async def test_an_error_is_said_in_the_dialog_which_stays_for_another_try(
    page: Page, catflap: FakeApi
) -> None:
    dialog = await ask(page, catflap, acts=True)
    yes = dialog.get_by_role("button", name="Forget")
    await yes.click()
    await expect(dialog).to_have_attribute("aria-busy", "true")
    # Neither a second click nor Esc while it is being done.
    await yes.dispatch_event("click")
    await page.keyboard.press("Escape")
    await page.evaluate("window.fails()")
    await expect(dialog.get_by_role("alert")).to_have_text("It is away.")
    await yes.click()
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await page.evaluate("window.works()")
    assert (await answer(page), await page.evaluate("window.acts")) == (True, 2)


async def test_it_closes_when_the_session_ends(page: Page, catflap: FakeApi) -> None:
    await ask(page, catflap)
    await page.evaluate("window.end()")
    assert await answer(page) is False
