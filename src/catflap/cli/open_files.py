"""The number of files and sockets that this process may open, where the operating system limits it."""

import resource

from catflap.errors import OperatorMustAct


def raise_open_files(needed: int = 0) -> None:
    """Raise the soft limit of open files to the hard one: the usual 1,024 are as many connections.

    Args:
        needed: How many files must be allowed.

    Raises:
        OperatorMustAct: `too_few_files`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard not in (-1, resource.RLIM_INFINITY) and hard < needed:
        raise OperatorMustAct(
            "too_few_files",
            f"This process may open {hard:,} files, but needs {needed:,}; raise the limit, with "
            "`ulimit -Hn` as root or LimitNOFILE= of systemd.",
        )
