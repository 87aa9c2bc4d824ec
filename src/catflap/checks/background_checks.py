"""Background jobs: that a process works on them, and what keeps calendars from being read."""

from collections.abc import Sequence

from catflap.calendars.problems import problem_message
from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Database, Installation
from catflap.work.status import Problem, Status, read_status

# A worker takes a job within a second; more wait only while all workers are busy.
_LONGEST_WAIT_SECONDS = 60
_OF_THE_PROJECT = ("google_api_disabled", "google_project_refused")


async def check_background(here: Installation, database: Database) -> Sequence[Finding]:
    """Check workers, jobs and recorded problems."""
    limit = here.settings.calendar_requests_per_minute
    status = await read_status(database.app, here.clock.now(), limit)
    return [*_jobs(status), *(_problem(one) for one in status.problems)]


def _jobs(status: Status) -> list[Finding]:
    waiting = sum(jobs.waiting for jobs in status.jobs)
    oldest = max((jobs.oldest_seconds or 0 for jobs in status.jobs), default=0)
    if not status.connections:
        return [found("nothing_running", waiting=waiting)]
    if oldest > _LONGEST_WAIT_SECONDS:
        return [found("jobs_wait", waiting=waiting, seconds=int(oldest))]
    return []


def _problem(problem: Problem) -> Finding:
    count = problem.accounts + problem.calendars
    if problem.code in _OF_THE_PROJECT:
        return found(problem.code, count=count)
    return found("calendars_failing", count=count, code=problem.code, remedy=problem_message(problem.code))
