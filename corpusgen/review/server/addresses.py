"""Where a server listens: ports, addresses, and what its operator should know about them."""

from __future__ import annotations

import errno
import ipaddress
import socket

from corpusgen.errors import UsageError

__all__ = ["LOOPBACK", "address", "free_port", "page", "port_is_free", "port_to_use", "reachable", "warning"]

LOOPBACK = "127.0.0.1"

EVERY = {"0.0.0.0": LOOPBACK, "::": "::1"}
"""Names for every address of this machine, and the one by which it reaches itself."""


def warning(host: str) -> str:
    """Returns what to know about listening there, or nothing where only this machine reaches it."""
    if _is_loopback(host):
        return ""
    return (
        f"it listens on {host}, for other machines too, in plain HTTP: passwords and answers can be read on the way. "
        "Put a proxy with TLS in front of it, or let people come through an SSH tunnel"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """Returns the address by which this machine reaches a server that listens there."""
    return EVERY.get(host, host)


def address(host: str, port: int) -> str:
    """Returns the URL of a host and a port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def page(host: str, port: int) -> str:
    """Returns the URL that people open."""
    return address(socket.getfqdn() if host in EVERY else host, port)


def port_to_use(host: str, asked: int, before: int) -> int:
    """Returns the port to listen on: the one that was asked for, that of last time if it is free, or a free one.

    Raises:
        UsageError: The host is not this machine's, or the port that was asked for is taken.
    """
    try:
        if asked and not port_is_free(host, asked):
            do = "name another with --port, or none"
            raise UsageError(f"port {asked} is taken, or not for this user", where="--port", do=do)
        if asked:
            return asked
        return before if before and port_is_free(host, before) else free_port(host)
    except (OSError, OverflowError) as error:
        do = "name an address of this machine, e.g. 127.0.0.1, and a port up to 65535"
        raise UsageError(f"cannot listen on {host}: {error}", where="--host", do=do) from error


def port_is_free(host: str, port: int) -> bool:
    """Returns whether a server could listen there.

    Raises:
        OSError: The host is none of this machine's addresses.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # as servers do: a port whose last connections are still closing is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def free_port(host: str) -> int:
    """Returns a port that is free now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
