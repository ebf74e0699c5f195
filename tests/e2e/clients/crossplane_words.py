"""Prints the directives of NGINX files as crossplane reads them: for each file a list of [line, name, words…]."""

import json
import sys

import crossplane


def directives(block):
    for statement in block:
        if statement["directive"] == "#":
            continue
        yield [statement["line"], statement["directive"], *statement["args"]]
        yield from directives(statement.get("block") or [])


def words(path):
    payload = crossplane.parse(
        path, single=True, check_ctx=False, check_args=False, comments=False
    )
    config = payload["config"][0]
    return {"errors": [error["error"] for error in config["errors"]], "words": list(directives(config["parsed"]))}


print(json.dumps([words(path) for path in sys.argv[1:]]))
