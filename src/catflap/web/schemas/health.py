"""Health of the process, as load balancers and orchestrators ask for it."""

from typing import Literal

from catflap.web.schemas.base import Answer


class Health(Answer):
    """The process answers."""

    status: Literal["ok"]


class Ready(Answer):
    """The process wants requests."""

    status: Literal["ready"]
