"""Tools of MCP servers: import the class of a server from its module, and the exceptions from here.

Made by `opsctl wrappers`. What is changed here is lost when it is made anew: change the templates.
Python 3.11 or later, and nothing else.
"""

from ._client import (
    AsyncClient,
    CallTimeout,
    Client,
    ExecutionError,
    InternalError,
    InvalidArguments,
    NoAnswer,
    RateLimited,
    Result,
    ServiceUnavailable,
    ToolError,
    ToolNotFound,
)

__all__ = [
    "AsyncClient",
    "CallTimeout",
    "Client",
    "ExecutionError",
    "InternalError",
    "InvalidArguments",
    "NoAnswer",
    "RateLimited",
    "Result",
    "ServiceUnavailable",
    "ToolError",
    "ToolNotFound",
]
