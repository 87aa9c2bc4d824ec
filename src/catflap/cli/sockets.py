"""Listening sockets, for commands with and without a web server."""

import errno
import socket

from catflap.errors import OperatorMustAct


def bind(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Return a listening socket; port 0 takes a free port. `option` is the option that the error names.

    Raises:
        OperatorMustAct: `port_taken` or `address_unusable`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is given; without it a body waits 40 ms for the
    # acknowledgement of its header.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OperatorMustAct(
                "port_taken", f"Port {port} on {host} is taken; choose another with {option}."
            ) from None
        raise OperatorMustAct(
            "address_unusable", f"Can't listen on {host} port {port}: {error.strerror}."
        ) from None
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(listener.getsockname()[1])
