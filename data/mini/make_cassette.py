"""Record the demo's cassette anew: the real demo, the real client, a scripted model behind it.

    python data/mini/make_cassette.py

Needed after any change to a prompt, a bundled skill, a mini task or the author's script: a
cassette answers only the very requests that it was recorded from.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import author
from author_model import Messages

HERE = Path(__file__).resolve().parent
CASSETTE = HERE / "cassette.jsonl"
HEADER = {
    "cassette": 1,
    "note": "The replies come from a script (data/mini/author.py), not from a language "
    "model. They show the mechanics and measure nothing. A cassette that was recorded from a real "
    "model replaces this file.",
    "origin": "scripted by hand",
}


class AuthorHandler(BaseHTTPRequestHandler):
    """A chat-completions endpoint that asks the author."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = author.reply(body["messages"])
        answer = json.dumps(completion(body["messages"], text)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the runner shows the progress."""


def completion(messages: Messages, text: str) -> dict[str, Any]:
    """Four characters count as a token, so that the demo's table has plausible numbers."""
    prompt = sum(len(message["content"]) for message in messages) // 4
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4}
    return {"choices": [choice], "usage": usage}


@contextmanager
def author_endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), AuthorHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()


def record(cassette: Path) -> int:
    """One case at a time, so that the lines of the file have the same order every time."""
    from trace2skill import demo
    from trace2skill.reproduce.recipe import Recipe

    model = Recipe.load(demo.CONFIG).model.name
    cassette.write_text(json.dumps(HEADER) + "\n", encoding="utf-8")
    os.environ["OPENAI_API_KEY"] = "EMPTY"
    with author_endpoint() as url, tempfile.TemporaryDirectory() as folder:
        flags = ["--live", "--yes", "--base_url", url, "--model", model, "--workers", "1"]
        return demo.main([*flags, "--output_dir", f"{folder}/demo", "--record", str(cassette)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=CASSETTE)
    args = parser.parse_args()
    fresh = args.output.with_suffix(".tmp")
    code = record(fresh)
    if code == 0:
        fresh.replace(args.output)
        print(f"{args.output}: {len(args.output.read_text().splitlines()) - 1} replies")
    return code


if __name__ == "__main__":
    sys.exit(main())
