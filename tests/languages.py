#!/usr/bin/env python3
"""Measures the example `echo` in every language, and prints the README's table.

    tests/languages.py

Builds the host in release mode and the examples, for which every language's toolchain is needed. Linux
only. Everything that it makes is below `target/languages`.

- Size: the component's file.
- Cold start: how much longer the first request takes than the next ones, on a host that has the compiled
  component in its cache. Median of 5 hosts.
- A message: CPU time of the host's process for each of 48,000 texts of 32 bytes, echoed in batches of 16
  over one socket; the host's own part is in every row. Best of 3.
- An edit: from a saved source of `lithe new` to the first answer of the new version, by `lithe dev`. Median of 3.
- An instance: what each of 50 instances (`scope = "connection"`, after one message each) adds to the host's
  proportional set size, its socket included.
"""

import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "languages"
HOST = TARGET / "release" / "lithe-under-test"
LANGUAGES = [
    ("Rust", "rustup", None, "rust"),
    ("C", "clang", "c", "c"),
    # `lithe new` has no C++ of its own.
    ("C++", "clang", "cpp", None),
    ("Zig", "zig", "zig", "zig"),
    ("Go", "go", "go", "go"),
    ("JavaScript, TypeScript", "componentize-qjs", "js", "js"),
    ("the same, `engine = \"full\"`", "componentize-js", "js-full", "js"),
    ("Python", "componentize-py", "py", "python"),
]
TICKS = os.sysconf("SC_CLK_TCK")
TEXT = b"echo me: thirty-two bytes of it!"
INSTANCES = 50


def build():
    """The host, and a component for each language."""
    cargo = ["cargo", "build", "--release", "--quiet", "--workspace"]
    subprocess.run([*cargo, "--bin", HOST.name], cwd=ROOT, check=True)
    rust = WORK / "rust"
    rust.mkdir(parents=True, exist_ok=True)
    (rust / "lithe.toml").write_text(f'[build]\n"routes/echo.wasm" = "{ROOT}/examples/guests/echo"\n')
    examples = ROOT / "examples" / "languages"
    for site in (rust, examples):
        subprocess.run([HOST, "build", site], check=True)
    return {
        folder: (examples / "routes" / folder if folder else rust / "routes") / "echo.wasm"
        for _, _, folder, _ in LANGUAGES
    }


class Served:
    """A host that serves one component at `/echo`."""

    def __init__(self, component, settings=""):
        site = WORK / "site"
        shutil.rmtree(site, ignore_errors=True)
        (site / "routes").mkdir(parents=True)
        shutil.copy(component, site / "routes" / "echo.wasm")
        (site / "lithe.toml").write_text(settings)
        command = [HOST, "serve", site, "--listen", "127.0.0.1:0", "--cache", WORK / "cache"]
        log = {"LITHE_LOG": "error"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | log
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening"), f"{component} is not served"
        name, port = line.split("//")[1].strip().rsplit(":", 1)
        self.address = (name, int(port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def get(self):
        """Seconds that a request takes."""
        with socket.create_connection(self.address, timeout=60) as connection:
            started = time.perf_counter()
            connection.sendall(b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            taken = time.perf_counter() - started
        assert b" 200 " in answer, answer
        return taken

    def connect(self):
        """A socket that has been greeted."""
        connection = socket.create_connection(self.address, timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(
            b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        received = b""
        while not received.endswith(b"connected"):
            received += connection.recv(65536)
        return connection

    def cpu(self):
        """Seconds of CPU time until now."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self):
        """KiB, with shared pages in proportion."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise RuntimeError("there is no Pss")


def exchange(connection, batches, size):
    """Sends batches of texts, and reads the echoes of each before the next."""
    frame = bytes([0x81, 0x80 | len(TEXT), 0, 0, 0, 0]) + TEXT
    expected = (2 + len(b"echo:") + len(TEXT)) * size
    for _ in range(batches):
        connection.sendall(frame * size)
        left = expected
        while left:
            left -= len(connection.recv(left))


def cold_start(component):
    """Milliseconds."""
    def once():
        with Served(component) as host:
            first = host.get()
            return first - statistics.median(host.get() for _ in range(20))
    once()
    return statistics.median(once() for _ in range(5)) * 1000


def message(component):
    """Microseconds."""
    def once(host):
        with host.connect() as connection:
            exchange(connection, 200, 16)
            before = host.cpu()
            exchange(connection, 3000, 16)
            return (host.cpu() - before) / 48_000
    with Served(component) as host:
        return min(once(host) for _ in range(3)) * 1e6


def instance(component):
    """KiB."""
    settings = '[plugin."routes/echo.wasm"]\nscope = "connection"\n'
    with Served(component, settings) as host:
        connections = [host.connect()]
        exchange(connections[0], 1, 1)
        before = host.memory()
        for _ in range(INSTANCES):
            connections.append(host.connect())
            exchange(connections[-1], 1, 1)
        after = host.memory()
        for connection in connections:
            connection.close()
    return (after - before) / INSTANCES


def edit(language, is_full):
    """Seconds."""
    # Outside of the repository, whose workspace a package of Rust would be in.
    folder = pathlib.Path(tempfile.mkdtemp())
    site = folder / "edit"
    sdk = ["--sdk", ROOT / "guest-sdk" / "rust"] if language == "rust" else []
    new = [HOST, "new", site, "--lang", language, *sdk]
    subprocess.run(new, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if language == "js":
        modules = ROOT / "examples" / "languages" / "guests" / "js" / "node_modules"
        next((site / "guests").iterdir()).joinpath("node_modules").symlink_to(modules)
    if is_full:
        settings = site / "lithe.toml"
        text = settings.read_text().replace(' }', ', engine = "full" }')
        settings.write_text(text)
    sources = [path for path in (site / "guests").glob("*/**/*") if path.is_file() and "node_modules" not in path.parts]
    source = next(path for path in sources if "Hello" in path.read_text() and "test" not in path.name)
    command = [HOST, "dev", site, "--listen", "127.0.0.1:0", "--cache", WORK / "cache"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = next(line for line in process.stdout if line.startswith("listening")).split()[-1]

        def answer():
            try:
                with urllib.request.urlopen(address, timeout=60) as response:
                    return response.read().decode()
            except urllib.error.URLError:
                return ""

        def once(greeting):
            source.write_text(re.sub(r"Hello\w*", greeting, source.read_text()))
            started = time.perf_counter()
            while greeting not in answer():
                assert time.perf_counter() - started < 300, f"{language}: no answer of the new version"
                time.sleep(0.02)
            return time.perf_counter() - started

        return statistics.median(once(f"Hello{number}") for number in range(4))
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def bytes_shown(size):
    return f"{size / 1024:.0f} KiB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MiB"


def main():
    components = build()
    print("| language | made by | component | cold start | a message | an instance | an edit |")
    print("|---|---|---|---|---|---|---|")
    for language, tool, folder, new in LANGUAGES:
        component = components[folder]
        row = [
            language,
            tool,
            bytes_shown(component.stat().st_size),
            f"{cold_start(component):.1f} ms",
            f"{message(component):.1f} µs",
            bytes_shown(instance(component) * 1024),
            f"{edit(new, folder == 'js-full'):.1f} s" if new else "as C",
        ]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
