"""Makes the owner's account, or gives it the password and the key of the home: a program of the server's Python.

It reads ``username``, ``password`` and ``api_key`` as JSON from standard input, where no list of processes shows them,
and finds the database in ``ARGILLA_DATABASE_URL``.
"""

from __future__ import annotations

import asyncio
import json
import sys

__all__ = ["main"]


async def _set(username: str, password: str, api_key: str) -> None:
    # these are installed in the server's environment alone
    from argilla_server.contexts.accounts import (  # type: ignore[import-not-found]  # of the server's environment
        get_user_by_username,
        hash_password,
    )
    from argilla_server.database import AsyncSessionLocal  # type: ignore[import-not-found]  # of the server's environment
    from argilla_server.enums import UserRole  # type: ignore[import-not-found]  # of the server's environment
    from argilla_server.models import User  # type: ignore[import-not-found]  # of the server's environment

    wanted = {"role": UserRole.owner, "password_hash": hash_password(password), "api_key": api_key}
    async with AsyncSessionLocal() as session:
        found = await get_user_by_username(session, username)
        if found is None:
            await User.create(session, first_name=username, last_name=None, username=username, workspaces=[], **wanted)
        else:
            await found.update(session, **wanted)


def main() -> None:
    """Reads the account and sets it."""
    asyncio.run(_set(**json.load(sys.stdin)))


if __name__ == "__main__":
    main()
