"""An engine without what Catflap adds: `python -m bench.engine_alone espeak`.

Reads a line of JSON for each sentence, `[text, settings of the voice]`; writes the milliseconds of CPU that
its module spent on each, with its child processes.
"""

import json
import os
import resource
import runpy
import sys

from catflap.speech.engines import serving

_answers = os.fdopen(os.dup(1), "w")


def main(engine: str) -> None:
    """Run the program of an engine with another loop than its own."""
    # Some engines print notices.
    os.dup2(2, 1)
    serving.serve = _answer_lines
    runpy.run_module(f"catflap.speech.engines.{engine}", run_name="__main__")


def _answer_lines(speak: serving.Speak, *_: object, **__: object) -> None:
    for line in sys.stdin:
        text, voice = json.loads(line)
        before = _cpu_seconds()
        speak(text, voice)
        print(1000 * (_cpu_seconds() - before), file=_answers, flush=True)


def _cpu_seconds() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    main(sys.argv[1])
