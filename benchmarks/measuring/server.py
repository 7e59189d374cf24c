"""A chat server with a fixed latency and a light script, as a process of its own.

    python benchmarks/measuring/server.py --latency 2   # its address, then serves until killed

Each conversation is `ls`, `cp input.xlsx output.xlsx`, done; with `--script analysts` it is `ls`, a
copy as the repair, a report, and after the reminder that the repair does not hold the report once
more. So what a run costs is the framework's and not the tools'. Bodies are not parsed, so that the
server takes little of the machine that it shares with what is measured. `GET /stats` says how many
calls were in flight.
"""

import argparse
import asyncio
import json
import time

from aiohttp import web


def _call(thought: str, command: str) -> str:
    action = json.dumps({"name": "bash", "arguments": {"command": command}})
    return f"Thought: {thought}\nAction:\n{action}"


REPORT = """# Failure Cause Item 1

## Title
Left the range as it was

## Description
The agent saved a copy of its input.

## Content
It listed the folder and copied the workbook, and looked at no cell.

# Failure Memory Item 1

## Title
Read the saved file back

## Description
Whenever a range has to be filled.

## Content
Open the saved workbook again and check that no cell of the range is blank.

ACTION: TASK_COMPLETE"""
SCRIPTS = {
    "rollouts": (
        _call("look first.", "ls"),
        _call("save it.", "cp input.xlsx output.xlsx"),
        "ACTION: TASK_COMPLETE",
    ),
    "analysts": (
        _call("look first.", "ls agent_work"),
        _call("repair it.", "cp agent_work/output.xlsx agent_work/output_fixed.xlsx"),
        REPORT,
        REPORT,
    ),
}
SAID = b'"role": "assistant"'
"""As json.dumps writes it; inside a string its quotes would be escaped."""


class Server:
    def __init__(self, latency: float, script: str) -> None:
        self.latency = latency
        self.calls = self.flying = self.most = 0
        self.area = 0.0
        self.first = self.last = 0.0
        self.bodies = [self._body(text) for text in SCRIPTS[script]]

    def _body(self, text: str) -> bytes:
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return json.dumps({"choices": [choice], "usage": usage}).encode()

    def _count(self, change: int) -> None:
        """Adds the time since the last change to the area under the number in flight."""
        now = time.monotonic()
        self.first = self.first or now
        self.area += self.flying * (now - (self.last or now))
        self.last = now
        self.flying += change
        self.most = max(self.most, self.flying)

    async def chat(self, request: web.Request) -> web.Response:
        self._count(+1)
        started = asyncio.get_running_loop().time()
        turn = min((await request.read()).count(SAID), len(self.bodies) - 1)
        await asyncio.sleep(started + self.latency - asyncio.get_running_loop().time())
        self.calls += 1
        self._count(-1)
        return web.Response(body=self.bodies[turn], content_type="application/json")

    async def stats(self, request: web.Request) -> web.Response:
        window = self.last - self.first
        mean = self.area / window if window else 0.0
        found = {"calls": self.calls, "mean": mean, "most": self.most, "window": window}
        return web.json_response(found)


async def serve(latency: float, script: str) -> None:
    server = Server(latency, script)
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_get("/stats", server.stats)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--script", choices=SCRIPTS, default="rollouts")
    args = parser.parse_args()
    asyncio.run(serve(args.latency, args.script))
