"""An MCP server of 2026-07-28, made with the `mcp` package. It asks its client for more input.

Usage: asks_mcp2.py for a pipe, asks_mcp2.py PORT for Streamable HTTP on loopback.
"""

import sys
from typing import Annotated

import anyio
from mcp.server.mcpserver import Context, Elicit, ListRoots, MCPServer, Resolve, Sample
from mcp.types import CreateMessageResult, ListRootsResult, SamplingMessage, TextContent
from pydantic import BaseModel

server = MCPServer("asks")
given_up = []


class Name(BaseModel):
    name: str


async def ask_name() -> Elicit[Name]:
    return Elicit("Who are you?", Name)


async def ask_line() -> Sample:
    message = SamplingMessage(role="user", content=TextContent(type="text", text="a line"))
    return Sample([message], max_tokens=20)


async def ask_roots() -> ListRoots:
    return ListRoots()


@server.tool()
async def who(name: Annotated[Name, Resolve(ask_name)]) -> str:
    """Asks the user for a name."""
    return f"accept {name.name}"


@server.tool()
async def line(answer: Annotated[CreateMessageResult, Resolve(ask_line)]) -> str:
    """Asks the client's model for a line."""
    return answer.content.text


@server.tool()
async def where(roots: Annotated[ListRootsResult, Resolve(ask_roots)]) -> str:
    """Asks the client for its roots."""
    return " ".join(str(root.uri) for root in roots.roots)


@server.tool()
async def echo(text: str) -> str:
    """Says it again."""
    return text


@server.tool()
async def slow(steps: int, ctx: Context) -> str:
    """Works for a tenth of a second a step, and tells how far it is."""
    try:
        for step in range(steps):
            await ctx.report_progress(step + 1, steps)
            await anyio.sleep(0.1)
    except BaseException:
        given_up.append(steps)
        raise
    return "done"


@server.tool()
async def stopped() -> str:
    """Which calls of `slow` were given up."""
    return " ".join(map(str, given_up))


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run("stdio")
