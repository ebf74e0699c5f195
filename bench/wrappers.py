"""What a call through a generated wrapper costs from a cold start, beside curl alone and an empty Python, in the same run.

Usage: wrappers.py --origin PROGRAM --fixtures PROGRAM --opsctl PROGRAM [--json FILE] [--quick]. Prints one table. Every contender has
its turn in every round, so that a change of the machine's speed meets them all; a figure is the median of the rounds.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TOOL = {
    "name": "test_echo",
    "server": "echo",
    "tool": "test_echo",
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
}
BODY = '{"tool": "test_echo", "arguments": {"text": "hello"}}'
MODULE = "from tools.echo import Echo; print(Echo().test_echo(text='hello').text)"


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("origin", "fixtures", "opsctl"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--json")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="bench-wrappers-")
    origin = None
    try:
        url, origin = start(arguments, folder)
        os.environ.update(MCP_URL=url, PYTHONPATH=folder)
        catalog = os.path.join(folder, "catalog.json")
        with open(catalog, "w") as file:
            json.dump({"tools": [TOOL]}, file)
        for kind, name in (("bash", "bash"), ("python", "tools"), ("cli", "cli")):
            make = [arguments.opsctl, "--quiet", "--format", kind, "wrappers", "--from", catalog]
            subprocess.run([*make, "--out", os.path.join(folder, name)], check=True)
        contenders = {
            "curl alone": ["curl", "--silent", f"{url}/call-tool", "--data", BODY],
            "bash": [os.path.join(folder, "bash/test_echo"), "--text", "hello"],
            "Python, empty": [sys.executable, "-c", "pass"],
            "Python": [sys.executable, "-c", MODULE],
            "cli": [sys.executable, os.path.join(folder, "cli/mcp-tools"), "echo", "test_echo", "--text", "hello"],
        }
        figures = measure(contenders, 3 if arguments.quick else 30)
    finally:
        if origin is not None:
            origin.terminate()
            origin.wait()
        shutil.rmtree(folder)
    show(figures)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(figures, file, indent=2)


def start(arguments: argparse.Namespace, folder: str) -> tuple[str, subprocess.Popen[bytes]]:
    """An origin on a free port with the fixtures behind it, when it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = os.path.join(folder, "origin.toml")
    with open(config, "w") as file:
        file.write(f'name = "bench"\nbind = ["127.0.0.1:{port}"]\ntool_names = "plain"\naccesslog = ""\n')
        file.write(f'[[servers]]\nname = "echo"\ncommand = ["{arguments.fixtures}"]\n')
    origin = subprocess.Popen([arguments.origin, "--config", config], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while origin.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
            return url, origin
        except OSError:
            time.sleep(0.05)
    origin.kill()
    raise SystemExit("the origin does not become ready")


def measure(contenders: dict[str, list[str]], rounds: int) -> dict[str, dict[str, float]]:
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, command in contenders.items():
            before, begin = os.times(), time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            wall, after = time.perf_counter() - begin, os.times()
            cpu = after.children_user + after.children_system - before.children_user - before.children_system
            # the first round is for what Python and the kernel keep
            if turn:
                samples[name].append((wall * 1000, cpu * 1000))
    return {
        name: {
            "wall_ms": statistics.median(wall for wall, _ in taken),
            "least_wall_ms": min(wall for wall, _ in taken),
            "cpu_ms": statistics.mean(cpu for _, cpu in taken),
        }
        for name, taken in samples.items()
    }


def show(figures: dict[str, dict[str, float]]) -> None:
    base = figures["curl alone"]["wall_ms"]
    print("One call from a cold start")
    print(f"  {'':<14} {'x curl':>8} {'wall':>10} {'least':>10} {'CPU':>10} {'beside curl':>12}")
    for name, one in figures.items():
        beside = one["wall_ms"] - base
        cells = [f"{one[key]:.0f} ms" for key in ("wall_ms", "least_wall_ms", "cpu_ms")]
        print(f"  {name:<14} {one['wall_ms'] / base:>8.1f} " + " ".join(f"{cell:>10}" for cell in cells) + f" {beside:>9.0f} ms")


main()
