"""How a tool is called: one POST to the tool API, and an exception for each way in which it can fail.

Made by `opsctl wrappers`. What is changed here is lost when it is made anew: change the template.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


class ToolError(Exception):
    """A call that failed. `code` says how, for a program; `envelope` is the whole answer, where there is one."""

    code = ""

    def __init__(self, message: str, envelope: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.envelope = envelope if envelope is not None else {}

    @property
    def request_id(self) -> str | None:
        """The id of the request in the logs of the server."""
        value = self.envelope.get("request_id")
        return value if isinstance(value, str) else None

    @property
    def result(self) -> Result:
        """What the tool said of its failure."""
        return Result(self.envelope)


class NoAnswer(ToolError):
    """Nobody answered, or not as the tool API does."""


class ToolNotFound(ToolError):
    """No server has the tool."""

    code = "TOOL_NOT_FOUND"


class InvalidArguments(ToolError):
    """The arguments are wrong; `envelope["meta"]["violations"]` says where."""

    code = "INVALID_ARGUMENTS"


class ExecutionError(ToolError):
    """The tool failed; `result` has its words."""

    code = "EXECUTION_ERROR"


class InternalError(ToolError):
    """The server failed."""

    code = "INTERNAL_ERROR"


class CallTimeout(ToolError):
    """The tool did not answer in time."""

    code = "TIMEOUT"


class RateLimited(ToolError):
    """Too many calls."""

    code = "RATE_LIMITED"


class ServiceUnavailable(ToolError):
    """The server of the tool is not there now."""

    code = "SERVICE_UNAVAILABLE"


ERRORS: dict[str, type[ToolError]] = {
    error.code: error
    for error in (
        ToolNotFound,
        InvalidArguments,
        ExecutionError,
        InternalError,
        CallTimeout,
        RateLimited,
        ServiceUnavailable,
    )
}


class Result:
    """What a tool answered."""

    __slots__ = ("envelope",)

    def __init__(self, envelope: Mapping[str, Any]) -> None:
        self.envelope = envelope

    @property
    def data(self) -> Mapping[str, Any]:
        """The MCP result."""
        data = self.envelope.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def content(self) -> list[Any]:
        """Its parts: texts, images, links."""
        content = self.data.get("content")
        return content if isinstance(content, list) else []

    @property
    def structured(self) -> Any:
        """Its structured content, None where it has none."""
        return self.data.get("structuredContent")

    @property
    def text(self) -> str:
        """Its words: the texts of its parts, every other part as JSON."""
        if not self.content:
            rest = self.structured if self.structured is not None else self.data
            return json.dumps(rest, ensure_ascii=False)
        return "\n".join(
            part["text"]
            if isinstance(part, dict) and part.get("type") == "text"
            else json.dumps(part, ensure_ascii=False)
            for part in self.content
        )

    @property
    def request_id(self) -> str | None:
        """The id of the request in the logs of the server."""
        value = self.envelope.get("request_id")
        return value if isinstance(value, str) else None


class Client:
    """Where the tools are. What is not given is taken from MCP_URL, MCP_API_KEY and MCP_TIMEOUT (seconds; 120).

    SSL_CERT_FILE or CURL_CA_BUNDLE name the certificate authorities to trust.
    """

    __slots__ = ("api_key", "timeout", "url")

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self.url = url or os.environ.get("MCP_URL", "")
        if not self.url:
            raise ValueError(
                "MCP_URL is not set: it says where the tools are, as https://mcp.example.com"
            )
        self.api_key = api_key or os.environ.get("MCP_API_KEY", "")
        if timeout is None:
            timeout = float(os.environ.get("MCP_TIMEOUT") or 120)
        self.timeout = timeout

    def call(self, tool: str, arguments: Mapping[str, object]) -> Result:
        """Calls a tool by its name."""
        return self.begin(tool, arguments).finish()

    def begin(self, tool: str, arguments: Mapping[str, object]) -> Call:
        """Prepares a call. A value that JSON or UTF-8 cannot hold is a ValueError."""
        body = json.dumps(
            {"tool": tool, "arguments": arguments}, ensure_ascii=False, allow_nan=False
        ).encode()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"`{self.url}` is no address of the form https://mcp.example.com")
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            roots = os.environ.get("CURL_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
            context = ssl.create_default_context(cafile=roots or None)
            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=self.timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(
                parts.hostname, parts.port, timeout=self.timeout
            )
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return Call(connection, parts.path.rstrip("/") + "/call-tool", headers, body)


class Call:
    """One call on a connection of its own."""

    __slots__ = ("abandoned", "body", "connection", "headers", "path")

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        self.connection = connection
        self.path = path
        self.headers = headers
        self.body = body
        self.abandoned = False

    def finish(self) -> Result:
        """Sends it and waits for the answer."""
        try:
            self.connection.connect()
            if self.abandoned:
                raise NoAnswer("the call was abandoned")
            self.connection.request("POST", self.path, self.body, self.headers)
            response = self.connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"no answer: {error}") from error
        finally:
            self.connection.close()
        return result_of(status, answer)

    def abandon(self) -> None:
        """Closes the connection, which cancels the call."""
        self.abandoned = True
        sock = self.connection.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def result_of(status: int, answer: bytes) -> Result:
    """The result in an answer of the tool API, or the exception that it stands for."""
    try:
        envelope = json.loads(answer)
    except ValueError:
        envelope = None
    if not isinstance(envelope, dict) or "success" not in envelope:
        start = answer[:300].decode(errors="replace")
        raise NoAnswer(f"the answer is none of the tool API (status {status}): {start}")
    if envelope["success"]:
        return Result(envelope)
    code = envelope.get("code")
    error = ERRORS.get(code, ToolError) if isinstance(code, str) else ToolError
    raise error(f"{code}: {envelope.get('error')}", envelope)



class Service:
    """What the classes of the services have in common."""

    __slots__ = ("client",)

    def __init__(self, client: Client | None = None) -> None:
        self.client = client if client is not None else Client()

    def _call(
        self,
        tool: str,
        base: Mapping[str, object] | None,
        given: Mapping[str, object],
    ) -> Result:
        return self.client.call(tool, arguments_of(base, given))


class AsyncService:
    """The same for asyncio."""

    __slots__ = ("client",)

    def __init__(self, client: AsyncClient | None = None) -> None:
        self.client = client if client is not None else AsyncClient()

    async def _call(
        self,
        tool: str,
        base: Mapping[str, object] | None,
        given: Mapping[str, object],
    ) -> Result:
        return await self.client.call(tool, arguments_of(base, given))


class AsyncClient:
    """A Client for asyncio: a call waits in a thread, and a task that is cancelled closes its connection."""

    __slots__ = ("client",)

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self.client = Client(url, api_key=api_key, timeout=timeout)

    async def call(self, tool: str, arguments: Mapping[str, object]) -> Result:
        """Calls a tool by its name."""
        import asyncio

        call = self.client.begin(tool, arguments)
        try:
            return await asyncio.to_thread(call.finish)
        except asyncio.CancelledError:
            call.abandon()
            raise


class Unset:
    """What stands for an argument that is not given: None is a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


def arguments_of(
    base: Mapping[str, object] | None, given: Mapping[str, object]
) -> dict[str, object]:
    """All arguments: `base`, and over it those that are given."""
    arguments = dict(base or {})
    arguments.update((k, v) for k, v in given.items() if not isinstance(v, Unset))
    return arguments
