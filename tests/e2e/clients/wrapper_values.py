"""Sends values through generated wrappers to a tool that gives its arguments back, and says which came back changed.

Usage: wrapper_values.py FOLDER, with the wrappers in FOLDER/bash, FOLDER/cli and FOLDER/tools; MCP_URL says where the tool is. Prints one
JSON object: how many values were sent each way, and the faults.
"""

import asyncio
import json
import os
import random
import subprocess
import sys

folder = sys.argv[1]
sys.path.insert(0, folder)

from tools import NoAnswer  # noqa: E402
from tools.echo import AsyncEcho, Echo  # noqa: E402

NASTY = [
    "", " ", "-", "--", "-n", "-e", "--help", "--text", "@", "@/etc/passwd", "@=", "@=x", "=", "'", '"', "'\"'", "it's",
    "\\", "\\\\", "\\n", "a\\", "$(touch pwned)", "`touch pwned`", "${HOME}", "$HOME", "!!", "*", "?", "[a]", "~", "#x", "%s%n",
    "a\nb", "\n", "a\n\n", "\r\n", "\t", "\x01\x1b[31m\x7f", "; touch pwned", "| cat", "&", "<>", "{{ x }}", "{% x %}",
    "null", "true", "1e999", "NaN", "größe", "日本語", "🙂", "\u202e\u2028\ufeff", "\ufffd", "e\u0301", '{"a": 1}', "\\u0000", "\"\"\"",
]
ALPHABET = "ab \n\t'\"\\$`(){}[]<>|&;*?!#~%=@-^,.:\x01\x7fé日🙂\u2028"
DICE = random.Random(20261122)
RANDOM = ["".join(DICE.choices(ALPHABET, k=DICE.randrange(40))) for _ in range(300)]
JSON = [0, -1, 1.5, 1e100, True, None, [], {}, [[]], {"": ""}, {"a": [1, {"b": None}]}, "x", 9007199254740991]
faults = []


def expect(way, sent, got):
    if sent != got:
        faults.append(f"{way}: {sent!r:.300} became {got!r:.300}")


def run(arguments, stdin=None):
    return subprocess.run([os.fsencode(one) for one in arguments], input=stdin, capture_output=True, cwd=folder)


def called(program, arguments, stdin=None):
    done = run([*program, "--envelope", *arguments], stdin)
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr[:300]!r}"
    return json.loads(done.stdout)["data"]["structuredContent"]


def command_line(way, program):
    """All of them in lists, and each of the nasty ones by itself in another way of writing it."""
    texts = NASTY + RANDOM
    for start in range(0, len(texts), 40):
        some = texts[start : start + 40]
        flags = [word for text in some for word in ("--list", "@=" + text)]
        expect(way, {"list": some}, called(program, flags))
    plain = [text for text in NASTY if text != "-" and not text.startswith("@")]
    for start in range(0, len(plain), 40):
        some = plain[start : start + 40]
        expect(way, {"list": some}, called(program, [f"--list={text}" for text in some]))
        flags = [word for text in some for word in ("--list", text)]
        expect(way, {"list": some}, called(program, flags))
    flags = [word for value in JSON for word in ("--values", json.dumps(value))]
    expect(way, {"values": JSON}, called(program, flags))
    flags = ["--flag", "--class", "x", "--größe", "ü", "--number", "-1.5e-3", "--arguments", '{"text": "base", "class": "y", "z": null}']
    expect(way, {"text": "base", "class": "x", "z": None, "flag": True, "größe": "ü", "number": -0.0015}, called(program, flags))
    expect(way, {}, called(program, []))
    large = "x'\n" * 350_000
    with open(os.path.join(folder, "large"), "w", newline="") as file:
        file.write(large)
    expect(way, {"text": large}, called(program, ["--text", "@large"]))
    expect(way, {"text": large}, called(program, ["--text", "-"], large.encode()))
    for what, arguments, stdin in [
        ("invalid UTF-8", ["--text", b"\xff"], None),
        ("a surrogate", ["--text", b"\xed\xa0\x80"], None),
        ("invalid UTF-8 from standard input", ["--text", "-"], b"a\xc3"),
        ("NUL", ["--text", "-"], b"a\0b"),
        ("no number", ["--number", "1;x"], None),
        ("no JSON", ["--any", "{"], None),
        ("NaN", ["--any", "[NaN]"], None),
        ("no file", ["--text", "@nowhere"], None),
        ("no value", ["--text"], None),
        ("no such flag", ["--nothing", "x"], None),
    ]:
        code = run([*program, *arguments], stdin).returncode
        expect(f"{way}, exit code of {what}", 2, code)


def module(way, call):
    for text in [*NASTY, *RANDOM, "\0", "x" * 1_000_000]:
        expect(way, {"text": text, "class": text}, call(text=text, class_=text).structured)
    expect(way, {"values": JSON, "any": 2**70}, call(values=JSON, any=2**70).structured)
    for wrong in ({"text": "\ud800"}, {"any": float("nan")}):
        try:
            call(**wrong)
            faults.append(f"{way}: {wrong} was sent")
        except ValueError:
            pass


async def asynchronous():
    echo = AsyncEcho()
    some = NASTY[:20]
    results = await asyncio.gather(*(echo.test_echo(text=text) for text in some))
    expect("asyncio", some, [result.structured["text"] for result in results])


command_line("bash", [os.path.join(folder, "bash/test_echo")])
command_line("cli", [os.path.join(folder, "cli/mcp-tools"), "echo", "test_echo"])
module("python", Echo().test_echo)
asyncio.run(asynchronous())
os.environ["MCP_URL"] = "http://127.0.0.1:1"
try:
    Echo().test_echo()
except NoAnswer:
    pass
else:
    faults.append("nobody answered, and it was no error")
if os.path.exists(os.path.join(folder, "pwned")):
    faults.append("a value was run as a command")
print(json.dumps({"texts": len(NASTY) + len(RANDOM), "faults": faults}))
