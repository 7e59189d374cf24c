"""An endpoint that plays a model by a script, in the three protocols that clients speak.

    with ScriptedEndpoint({"": [Run("ls"), Say("done")]}) as endpoint:
        ...  # endpoint.url

The script is chosen by a text that the conversation holds ("" for any), and its turn by how many
tool calls the conversation holds, so that a repeated request gets the same turn. A request without
tools is a client's own (a title, say). Every answer counts its tokens differently.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Run:
    """By the client's own shell."""

    command: str


@dataclass(frozen=True)
class OpenSkill:
    """By the client's own tool for it; by its shell where there is none."""

    skill: str
    folder: str = ""


@dataclass(frozen=True)
class Fail:
    status: int
    times: int = 1_000_000
    words: str = "scripted failure"


@dataclass(frozen=True)
class Hang:
    seconds: float = 60.0


Turn = Say | Run | OpenSkill | Fail | Hang
SHELLS: Mapping[str, Any] = {
    "Bash": lambda c: {"command": c, "description": "a step"},
    "exec_command": lambda c: {"cmd": c},
    "run_shell_command": lambda c: {"command": c, "description": "a step", "is_background": False},
    "bash": lambda c: {"command": c, "description": "a step"},
    "execute": lambda c: {"command": c},
}
SKILL_TOOLS: Mapping[str, str] = {"Skill": "skill", "skill": "skill"}
"""By the tool's name, how it calls its argument where its schema does not say."""


@dataclass
class Asked:
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass
class ScriptedEndpoint:
    script: Mapping[str, Sequence[Turn]] | Callable[[str], Sequence[Turn]]
    """By a text of the conversation, or a function of all of it."""
    reply: Callable[[Any], str] = lambda messages: "A title"
    """What is said where no tools are offered; from the messages."""
    served: str = ""
    """The model's name in answers; else the one that is asked for."""
    asked: list[Asked] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    """Tokens that answers have counted: input (with cached), cached, output."""
    _failed: Counter[int] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *ended: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])

    async def _stop(self) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.method == "POST" else {}
        self.asked.append(Asked(request.path, dict(request.headers), body))
        if request.path.endswith("/chat/completions"):
            protocol: _Protocol = _Chat()
        elif request.path.endswith("/responses"):
            protocol = _Responses()
        elif request.path.endswith("/v1/messages"):
            protocol = _Messages()
        else:
            return web.json_response({}, status=404)
        tools = protocol.tools(body)
        if tools:
            turn = self._turn(body, protocol.calls(body))
        else:
            turn = Say(self.reply(body.get("messages")))
        if isinstance(turn, Hang):
            await asyncio.sleep(turn.seconds)
        if isinstance(turn, Fail):
            error = {"type": "api_error", "message": turn.words}
            return web.json_response({"type": "error", "error": error}, status=turn.status)
        name = self.served or str(body.get("model"))
        call = _as_call(turn, tools)
        count = 100 + len(self.asked), 10, 20 + len(self.asked)
        self.sent.update(dict(zip(("input", "cached", "output"), count, strict=True)))
        text = turn.text if isinstance(turn, Say) else "Next step."
        whole, events = protocol.answer(name, text, call, count)
        if not body.get("stream"):
            return web.json_response(whole)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        counted = (body.get("stream_options") or {}).get("include_usage")
        for event in events:
            if event.get("choices") == [] and not counted:
                continue  # of a chat, counts are told to who asks for them
            kind = f"event: {event['type']}\n" if "type" in event else ""
            await response.write(f"{kind}data: {json.dumps(event)}\n\n".encode())
        if isinstance(protocol, _Chat):
            await response.write(b"data: [DONE]\n\n")
        return response

    def _turn(self, body: Mapping[str, Any], done: int) -> Turn:
        said = json.dumps(body, ensure_ascii=False)
        script = self.script
        found = (
            script(said) if callable(script) else next(v for k, v in script.items() if k in said)
        )
        turns = list(found)
        for number, turn in enumerate(turns):
            if isinstance(turn, Fail):
                if number > done:
                    break
                if self._failed[id(turn)] < turn.times:
                    self._failed[id(turn)] += 1
                    return turn
                done += 1
        return turns[min(done, len(turns) - 1)]


def _as_call(turn: Turn, tools: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Tool and arguments."""
    if isinstance(turn, OpenSkill):
        for tool in SKILL_TOOLS.keys() & tools:
            known = list(tools[tool].get("properties", {})) or [SKILL_TOOLS[tool]]
            return tool, {known[0]: turn.skill}
        turn = Run(f"cat {turn.folder}/{turn.skill}/SKILL.md")
    if not isinstance(turn, Run):
        return None
    tool = next(name for name in SHELLS if name in tools)
    return tool, SHELLS[tool](turn.command)


class _Chat:
    def tools(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = [tool["function"] for tool in body.get("tools") or []]
        return {one["name"]: one.get("parameters", {}) for one in found}

    def calls(self, body: Mapping[str, Any]) -> int:
        return sum(bool(m.get("tool_calls")) for m in body["messages"] if m["role"] == "assistant")

    def answer(self, model: str, text: str, call: Any, count: Any) -> Any:
        base = {"id": "chatcmpl-1", "created": 1, "model": model}
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if call:
            function = {"name": call[0], "arguments": json.dumps(call[1])}
            tool = {"id": f"call_{count[0]}", "type": "function", "function": function}
            message["tool_calls"] = [tool]
        finish = "tool_calls" if call else "stop"
        usage = {
            "prompt_tokens": count[0],
            "completion_tokens": count[2],
            "total_tokens": count[0] + count[2],
            "prompt_tokens_details": {"cached_tokens": count[1]},
        }
        choice = {"index": 0, "message": message, "finish_reason": finish}
        whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}

        def chunk(delta: Any, reason: str | None = None) -> dict[str, Any]:
            choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
            return {**base, "object": "chat.completion.chunk", "choices": choices}

        events = [chunk({"role": "assistant", "content": text})]
        events += [chunk({"tool_calls": [{"index": 0, **tool}]})] if call else []
        events += [chunk({}, finish), {**chunk({}), "choices": [], "usage": usage}]
        return whole, events


class _Messages:
    def tools(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {one["name"]: one.get("input_schema", {}) for one in body.get("tools") or []}

    def calls(self, body: Mapping[str, Any]) -> int:
        said = [m["content"] for m in body["messages"] if m["role"] == "assistant"]
        blocks = [block for one in said if isinstance(one, list) for block in one]
        return sum(block["type"] == "tool_use" for block in blocks)

    def answer(self, model: str, text: str, call: Any, count: Any) -> Any:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if call:
            known = f"toolu_{count[0]}"
            content.append({"type": "tool_use", "id": known, "name": call[0], "input": call[1]})
        usage = {
            "input_tokens": count[0] - count[1],
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": count[1],
            "output_tokens": count[2],
        }
        whole = {
            "id": f"msg_{count[0]}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": "tool_use" if call else "end_turn",
            "stop_sequence": None,
            "usage": usage,
        }
        return whole, list(self._events(whole))

    def _events(self, whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
        begun = {**whole, "content": [], "stop_reason": None}
        yield {
            "type": "message_start",
            "message": {**begun, "usage": {**whole["usage"], "output_tokens": 1}},
        }
        for index, block in enumerate(whole["content"]):
            if block["type"] == "text":
                empty = {"type": "text", "text": ""}
                delta = {"type": "text_delta", "text": block["text"]}
            else:
                empty = {**block, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        told = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": whole["usage"]["output_tokens"]}
        yield {"type": "message_delta", "delta": told, "usage": usage}
        yield {"type": "message_stop"}


class _Responses:
    def tools(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = body.get("tools") or []
        return {one.get("name", one["type"]): one.get("parameters", {}) for one in found}

    def calls(self, body: Mapping[str, Any]) -> int:
        given = body.get("input")
        return sum(one.get("type") == "function_call" for one in given if isinstance(given, list))

    def answer(self, model: str, text: str, call: Any, count: Any) -> Any:
        said = {"type": "output_text", "text": text, "annotations": []}
        output: list[dict[str, Any]] = [
            {
                "type": "message",
                "id": f"msg_{count[0]}",
                "role": "assistant",
                "status": "completed",
                "content": [said],
            }
        ]
        if call:
            output.append(
                {
                    "type": "function_call",
                    "id": f"fc_{count[0]}",
                    "call_id": f"call_{count[0]}",
                    "name": call[0],
                    "arguments": json.dumps(call[1]),
                    "status": "completed",
                }
            )
        usage = {
            "input_tokens": count[0],
            "input_tokens_details": {"cached_tokens": count[1]},
            "output_tokens": count[2],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": count[0] + count[2],
        }
        base = {"id": f"resp_{count[0]}", "object": "response", "created_at": 1, "model": model}
        whole = {**base, "status": "completed", "output": output, "usage": usage}
        begun = {**base, "status": "in_progress", "output": []}
        events = [{"type": "response.created", "response": begun}]
        for index, item in enumerate(output):
            place = {"output_index": index, "item": item}
            events.append({"type": "response.output_item.added", **place})
            events.append({"type": "response.output_item.done", **place})
        events.append({"type": "response.completed", "response": whole})
        return whole, events


_Protocol = _Chat | _Messages | _Responses
