"""What the page says about a sign-in that failed: what happened, what to do, and one step where one helps."""

import pytest

from catflap.web.i18n import LANGUAGES, texts
from catflap.web.schemas.error_codes import ERROR_CODES
from catflap.web.signin_problems import NEXT_STEPS, problem_for

# Codes of the popup, and those that the page itself finds out.
OF_BROWSERS = {"cookies_blocked", "offline", "popup_closed", "popup_failed_to_open"}
# A code that only the redirect from Google has.
OF_REDIRECTS = {"iss_invalid"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*NEXT_STEPS, "internal_error"])
def test_each_code_has_what_happened_and_what_to_do(language: str, code: str) -> None:
    problem = problem_for(texts(language), code)
    assert problem is not None
    assert problem.what and problem.remedy and problem.what != problem.remedy
    assert bool(problem.label) == (problem.step is not None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_no_sentences_for_a_code_that_never_comes(language: str) -> None:
    for prefix in ("error_", "remedy_"):
        found = {key.removeprefix(prefix) for key in texts(language) if key.startswith(prefix)}
        assert found == {*NEXT_STEPS, "other"}
    assert set(NEXT_STEPS) - OF_BROWSERS - OF_REDIRECTS <= set(ERROR_CODES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_for_a_state_fit_what_was_used_already_and_signin_by_command(language: str) -> None:
    problem = problem_for(texts(language), "state_invalid")
    assert problem is not None
    assert {"en": "used already", "ja": "使用済み"}[language] in problem.what
    assert "catflap signin" in problem.remedy


def test_an_unknown_code_gets_the_general_sentences_and_none_says_nothing() -> None:
    english = texts("en")
    problem = problem_for(english, "<b>boo</b>")
    assert problem is not None
    assert (problem.what, problem.remedy) == (english["error_other"], english["remedy_other"])
    assert problem_for(english, None) is None


def test_the_step_of_a_wrong_account_lets_people_choose() -> None:
    problem = problem_for(texts("en"), "account_mismatch")
    assert problem is not None
    assert (problem.label, problem.query) == ("Choose another account", "&prompt=select_account")


def test_what_only_the_operator_can_mend_has_no_step() -> None:
    problem = problem_for(texts("en"), "google_client_rejected")
    assert problem is not None
    assert (problem.step, problem.label, problem.query) == (None, "", "")
