"""An MCP server that is reached by URL: two tools over Streamable HTTP on a free port of loopback.

Prints its URL when it can be connected to, and lives as long as its parent.
"""
import os
import socket
import sys
import threading
import time

# A number asks for that port.
listener = socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()

# After the socket: this takes seconds, in which a client is kept waiting and not refused.
import uvicorn
from fastmcp import FastMCP

server = FastMCP("words")


@server.tool
def count_words(text: str) -> int:
    """Counts the words of a text."""
    return len(text.split())


@server.tool
def longest_word(text: str) -> str:
    """Finds the longest word of a text, the first of several."""
    return max(text.split(), key=len, default="")


config = uvicorn.Config(server.http_app(), log_level="warning", timeout_graceful_shutdown=1)
try:
    uvicorn.Server(config).run(sockets=[listener])
except KeyboardInterrupt:
    sys.exit(0)
