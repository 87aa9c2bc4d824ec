"""Engine processes that crash, hang or send invalid replies: clear errors, and the next call works."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from catflap.errors import TryAgain
from catflap.speech import Speech, SpeechFailed, VoiceChoice
from catflap.speech.engine_process import EngineProcess
from catflap.speech.engines import Engine
from catflap.speech.protocol import SynthesisRequest
from tests.support.voices import quick_engines

pytestmark = pytest.mark.slow

FAULTY = Path(__file__).parents[1] / "support" / "faulty_engine.py"


def request(text: str) -> SynthesisRequest:
    return SynthesisRequest(text, {}, 16_000, 10.0, 30.0)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if str(FAULTY) in child.cmdline()]


@pytest_asyncio.fixture
async def worker(tmp_path) -> AsyncIterator[EngineProcess]:
    faulty = EngineProcess((sys.executable, str(FAULTY), str(tmp_path / "crashed")), timeout=10.0)
    yield faulty
    await faulty.aclose()
    assert children() == []


@pytest_asyncio.fixture
async def short_timeout(tmp_path) -> AsyncIterator[EngineProcess]:
    faulty = EngineProcess((sys.executable, str(FAULTY), str(tmp_path / "crashed")), timeout=1.0)
    yield faulty
    await faulty.aclose()
    assert children() == []


async def test_no_process_runs_before_the_first_request(worker):
    assert worker.pid is None
    assert len(await worker.synthesise(request("hello"))) == 32_000
    assert worker.pid is not None


async def test_one_process_serves_many_requests_one_after_the_other(worker):
    await asyncio.gather(*(worker.synthesise(request(f"word {n}")) for n in range(5)))
    assert len(children()) == 1


async def test_a_hung_engine_is_killed_and_the_next_call_works(short_timeout):
    with pytest.raises(SpeechFailed) as failure:
        await short_timeout.synthesise(request("hang"))
    assert failure.value.code == "speech_timeout"
    assert isinstance(failure.value, TryAgain)
    assert children() == []
    assert await short_timeout.synthesise(request("hello"))


async def test_after_a_crash_the_request_is_retried_once(worker):
    await worker.synthesise(request("hello"))
    before = worker.pid
    assert await worker.synthesise(request("crash once"))
    assert worker.pid != before


async def test_text_that_always_crashes_is_an_error_and_the_next_call_works(worker):
    with pytest.raises(SpeechFailed) as failure:
        await worker.synthesise(request("crash"))
    assert failure.value.code == "speech_crashed"
    assert await worker.synthesise(request("hello"))


async def test_a_process_killed_between_requests_is_restarted(worker):
    await worker.synthesise(request("hello"))
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert await worker.synthesise(request("hello"))


async def test_an_error_reply_keeps_the_process(worker):
    await worker.synthesise(request("hello"))
    before = worker.pid
    with pytest.raises(SpeechFailed) as failure:
        await worker.synthesise(request("refuse"))
    assert failure.value.code == "speech_refused"
    assert worker.pid == before


async def test_a_reply_with_a_huge_length_is_an_error(worker):
    with pytest.raises(SpeechFailed) as failure:
        await worker.synthesise(request("babble"))
    assert failure.value.code == "speech_crashed"


async def test_the_reply_of_a_cancelled_request_is_not_read_by_the_next(worker):
    await worker.synthesise(request("hello"))
    waiting = asyncio.create_task(worker.synthesise(request("hang")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert children() == []
    assert await worker.synthesise(request("hello"))


async def test_closing_does_not_wait_for_a_request(worker):
    await worker.synthesise(request("hello"))
    waiting = asyncio.create_task(worker.synthesise(request("hang")))
    await asyncio.sleep(0)
    await worker.aclose()
    with pytest.raises(SpeechFailed) as failure:
        await waiting
    assert failure.value.code == "speech_closed"
    assert children() == []


async def test_closing_while_the_process_starts_leaves_none_behind(worker):
    waiting = asyncio.create_task(worker.synthesise(request("hello")))
    await asyncio.sleep(0)
    await worker.aclose()
    with pytest.raises(SpeechFailed) as failure:
        await waiting
    assert failure.value.code == "speech_closed"
    assert children() == []


async def test_errors_do_not_contain_the_text(short_timeout):
    for text in ("hang: secret lunch", "refuse: secret lunch"):
        with pytest.raises(SpeechFailed) as failure:
            await short_timeout.synthesise(request(text))
        assert "secret" not in f"{failure.value} {failure.value.detail}"


async def test_engines_do_not_inherit_secrets(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLIENT_SECRET", "canary")
    speech = Speech(engines=quick_engines())
    await speech.synthesise("hello", VoiceChoice("plain"))
    environments = [child.environ() for child in psutil.Process().children()]
    await speech.aclose()
    assert environments
    assert all("canary" not in environment.values() for environment in environments)


async def test_a_program_that_is_not_an_engine_is_an_error():
    speech = Speech(engines=[Engine("none", "none", (sys.executable, "-c", "pass"), frozenset({"en"}))])
    with pytest.raises(SpeechFailed) as failure:
        await speech.synthesise("hello", VoiceChoice("plain"))
    await speech.aclose()
    assert failure.value.code == "speech_crashed"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_processes_end_with_their_parent_and_ignore_ctrl_c(loop):
    program = f"""
        import asyncio, {loop}
        from catflap.speech import Speech, VoiceChoice
        from tests.support.voices import quick_engines
        async def main():
            speech = Speech(engines=quick_engines())
            await speech.synthesise("会議です", VoiceChoice("kansai"))
            await speech.synthesise("hello", VoiceChoice("plain"))
            print(*(worker.pid for worker in speech._processes.values() if worker.pid), flush=True)
            await asyncio.sleep(600)
        {loop}.run(main())
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None and parent.stderr is not None
    with parent, parent.stdout, parent.stderr:
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        for worker in workers:
            assert os.getsid(worker.pid) == worker.pid
            worker.send_signal(signal.SIGINT)
        assert all(worker.is_running() for worker in workers)
        parent.kill()
        _, alive = psutil.wait_procs(workers, timeout=15)
        assert alive == []
        assert parent.stderr.read() == ""
