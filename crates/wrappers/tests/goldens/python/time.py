"""The tools of one MCP server, time: Time, and AsyncTime for asyncio.

Made by `opsctl wrappers` from the tools' own descriptions. What is changed here is lost when it is made anew: change
the template.
"""

from __future__ import annotations

import typing as t

from . import _client as _c

ListAt = t.TypedDict(
    "ListAt",
    {
        "class": t.NotRequired[t.Literal["a", "b"] | None],
        "x": float,
        "y": t.NotRequired[float],
    },
)

ListPath = t.TypedDict(
    "ListPath",
    {
        "class": t.NotRequired[t.Literal["a", "b"] | None],
        "x": float,
        "y": t.NotRequired[float],
    },
)

ListTree = t.TypedDict(
    "ListTree",
    {
        "left": t.NotRequired[t.Any],
        "value": t.NotRequired[int],
    },
)


class Time(_c.Service):
    """Every method calls one tool and waits for its answer."""

    def get_current_time(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
        *,
        timezone: str,
    ) -> _c.Result:
        """Get current time in a specific timezone

        Args:
            timezone: text. IANA timezone name (e.g., 'America/New_York').
        """
        return self._call(
            "time__get_current_time",
            base,
            {
                "timezone": timezone,
            },
        )

    def list_(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
        *,
        at: ListAt,
        class_: str,
        a_b_2: bool | _c.Unset = _c.UNSET,
        a_b: str | _c.Unset = _c.UNSET,
        anything: t.Any | _c.Unset = _c.UNSET,
        either: str | int | list[bool] | _c.Unset = _c.UNSET,
        gr__e: int | _c.Unset = _c.UNSET,
        help: bool | _c.Unset = _c.UNSET,
        labels: dict[str, str] | _c.Unset = _c.UNSET,
        level: t.Literal[1, 2] | float | _c.Unset = _c.UNSET,
        mode: t.Literal["fast", "slow"] | _c.Unset = _c.UNSET,
        path: list[ListPath] | _c.Unset = _c.UNSET,
        tags: list[str] | _c.Unset = _c.UNSET,
        tree: ListTree | _c.Unset = _c.UNSET,
        argument: str | None | _c.Unset = _c.UNSET,
    ) -> _c.Result:
        """Everything that a schema can say

        Args:
            at: {"class"?: "a" or "b" or null, "x": number, "y"?: number}
            class_: text. A keyword of Python.
            a_b_2: true or false (default true)
            a_b: text
            anything: any
            either: text or integer or [true or false, …]
            gr__e: integer (default 3)
            help: true or false. A flag that is taken.
            labels: {name: text, …}
            level: 1 or 2 or 2.5
            mode: "fast" or "slow" (default "fast")
            path: [{"class"?: "a" or "b" or null, "x": number, "y"?: number}, …]
            tags: [text, …]
            tree: {"left"?: any, "value"?: integer}
            argument: text or null
        """
        return self._call(
            "time__list",
            base,
            {
                "at": at,
                "class": class_,
                "a-b": a_b_2,
                "a_b": a_b,
                "anything": anything,
                "either": either,
                "größe": gr__e,
                "help": help,
                "labels": labels,
                "level": level,
                "mode": mode,
                "path": path,
                "tags": tags,
                "tree": tree,
                "日本": argument,
            },
        )


class AsyncTime(_c.AsyncService):
    """Every method calls one tool; a task that is cancelled cancels its call."""

    async def get_current_time(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
        *,
        timezone: str,
    ) -> _c.Result:
        """Get current time in a specific timezone

        Args:
            timezone: text. IANA timezone name (e.g., 'America/New_York').
        """
        return await self._call(
            "time__get_current_time",
            base,
            {
                "timezone": timezone,
            },
        )

    async def list_(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
        *,
        at: ListAt,
        class_: str,
        a_b_2: bool | _c.Unset = _c.UNSET,
        a_b: str | _c.Unset = _c.UNSET,
        anything: t.Any | _c.Unset = _c.UNSET,
        either: str | int | list[bool] | _c.Unset = _c.UNSET,
        gr__e: int | _c.Unset = _c.UNSET,
        help: bool | _c.Unset = _c.UNSET,
        labels: dict[str, str] | _c.Unset = _c.UNSET,
        level: t.Literal[1, 2] | float | _c.Unset = _c.UNSET,
        mode: t.Literal["fast", "slow"] | _c.Unset = _c.UNSET,
        path: list[ListPath] | _c.Unset = _c.UNSET,
        tags: list[str] | _c.Unset = _c.UNSET,
        tree: ListTree | _c.Unset = _c.UNSET,
        argument: str | None | _c.Unset = _c.UNSET,
    ) -> _c.Result:
        """Everything that a schema can say

        Args:
            at: {"class"?: "a" or "b" or null, "x": number, "y"?: number}
            class_: text. A keyword of Python.
            a_b_2: true or false (default true)
            a_b: text
            anything: any
            either: text or integer or [true or false, …]
            gr__e: integer (default 3)
            help: true or false. A flag that is taken.
            labels: {name: text, …}
            level: 1 or 2 or 2.5
            mode: "fast" or "slow" (default "fast")
            path: [{"class"?: "a" or "b" or null, "x": number, "y"?: number}, …]
            tags: [text, …]
            tree: {"left"?: any, "value"?: integer}
            argument: text or null
        """
        return await self._call(
            "time__list",
            base,
            {
                "at": at,
                "class": class_,
                "a-b": a_b_2,
                "a_b": a_b,
                "anything": anything,
                "either": either,
                "größe": gr__e,
                "help": help,
                "labels": labels,
                "level": level,
                "mode": mode,
                "path": path,
                "tags": tags,
                "tree": tree,
                "日本": argument,
            },
        )
