"""The tools of one MCP server, echo: Echo, and AsyncEcho for asyncio.

Made by `opsctl wrappers` from the tools' own descriptions. What is changed here is lost when it is made anew: change
the template.
"""

from __future__ import annotations

import typing as t

from . import _client as _c


class Echo(_c.Service):
    """Every method calls one tool and waits for its answer."""

    def test_echo(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
    ) -> _c.Result:
        """echo__test_echo
        """
        return self._call(
            "echo__test_echo",
            base,
            {
            },
        )


class AsyncEcho(_c.AsyncService):
    """Every method calls one tool; a task that is cancelled cancels its call."""

    async def test_echo(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
    ) -> _c.Result:
        """echo__test_echo
        """
        return await self._call(
            "echo__test_echo",
            base,
            {
            },
        )
