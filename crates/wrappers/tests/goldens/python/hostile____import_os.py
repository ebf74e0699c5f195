"""The tools of one MCP server, hostile----import-os: HostileImportOs, and AsyncHostileImportOs for asyncio.

Made by `opsctl wrappers` from the tools' own descriptions. What is changed here is lost when it is made anew: change
the template.
"""

from __future__ import annotations

import typing as t

from . import _client as _c


class HostileImportOs(_c.Service):
    """Every method calls one tool and waits for its answer."""

    def _import_os_______7___7___(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
        *,
        _import_os____: t.Literal["'", "\"", "\\", "$(touch pwned)", "\n"] | _c.Unset = _c.UNSET,
        argument: bool | _c.Unset = _c.UNSET,
        _touch_pwned______: float | _c.Unset = _c.UNSET,
        x___touch_pwned___: str | _c.Unset = _c.UNSET,
    ) -> _c.Result:
        """line
        \"\""
        import os
        ' ; touch pwned; $(touch pwned) `touch pwned` {{ 7*7 }} {% raw %} \\" \\
        # shellcheck disable=all
        EOF[31m ‘quoted’

        Args:
            _import_os____: "'" or "\\\"\" or "\\\\" or "$(touch pwned)" or "\\n"
            argument: true or false
            _touch_pwned______: number
            x___touch_pwned___: text. ' (default "$(touch pwned)")
        """
        return self._call(
            "hostile__'; touch /tmp/pwned #",
            base,
            {
                "\"]; import os; [\"": _import_os____,
                "*": argument,
                "*) touch pwned ;; --": _touch_pwned______,
                "x'; touch pwned; '": x___touch_pwned___,
            },
        )


class AsyncHostileImportOs(_c.AsyncService):
    """Every method calls one tool; a task that is cancelled cancels its call."""

    async def _import_os_______7___7___(
        self,
        base: t.Mapping[str, object] | None = None,
        /,
        *,
        _import_os____: t.Literal["'", "\"", "\\", "$(touch pwned)", "\n"] | _c.Unset = _c.UNSET,
        argument: bool | _c.Unset = _c.UNSET,
        _touch_pwned______: float | _c.Unset = _c.UNSET,
        x___touch_pwned___: str | _c.Unset = _c.UNSET,
    ) -> _c.Result:
        """line
        \"\""
        import os
        ' ; touch pwned; $(touch pwned) `touch pwned` {{ 7*7 }} {% raw %} \\" \\
        # shellcheck disable=all
        EOF[31m ‘quoted’

        Args:
            _import_os____: "'" or "\\\"\" or "\\\\" or "$(touch pwned)" or "\\n"
            argument: true or false
            _touch_pwned______: number
            x___touch_pwned___: text. ' (default "$(touch pwned)")
        """
        return await self._call(
            "hostile__'; touch /tmp/pwned #",
            base,
            {
                "\"]; import os; [\"": _import_os____,
                "*": argument,
                "*) touch pwned ;; --": _touch_pwned______,
                "x'; touch pwned; '": x___touch_pwned___,
            },
        )
