"""An MCP server of the revisions up to 2025-11-25, made with the `mcp` package of that time. It asks its client back.

Usage: asks_mcp1.py for a pipe, asks_mcp1.py PORT for Streamable HTTP on loopback.
"""

import sys

import anyio
from mcp.server.fastmcp import Context, FastMCP
from mcp.types import SamplingMessage, TextContent
from pydantic import BaseModel

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else None
server = FastMCP("asks", log_level="WARNING", **({"port": PORT} if PORT else {}))
given_up = []


class Name(BaseModel):
    name: str


@server.tool()
async def who(ctx: Context) -> str:
    """Asks the user for a name."""
    answer = await ctx.elicit("Who are you?", schema=Name)
    return f"{answer.action} {answer.data.name}" if answer.action == "accept" else answer.action


@server.tool()
async def line(ctx: Context) -> str:
    """Asks the client's model for a line."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text="a line"))
    answer = await ctx.session.create_message(messages=[message], max_tokens=20)
    return answer.content.text


@server.tool()
async def where(ctx: Context) -> str:
    """Asks the client for its roots."""
    roots = await ctx.session.list_roots()
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


server.run("streamable-http" if PORT else "stdio")
