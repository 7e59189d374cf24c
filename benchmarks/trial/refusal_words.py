"""How endpoints say that an account is used up, and that a filter takes a prompt: status, error."""

from typing import Any

USED_UP: dict[str, tuple[int, Any]] = {
    "OpenAI": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}),
    "Moonshot": (429, {"message": "suspended", "type": "exceeded_current_quota_error"}),
    "DeepSeek": (402, {"message": "Insufficient Balance"}),
    "Anthropic": (400, {"message": "Your credit balance is too low to access the API."}),
    "SiliconFlow": (403, {"message": "Sorry, your account balance is insufficient"}),
    "xAI": (403, {"message": "Your team has used all available credits."}),
    "OpenRouter": (403, {"message": "Key limit exceeded (total limit)", "code": 403}),
    "Zhipu": (429, {"message": "您的账户余额不足", "code": "1113"}),
    "DashScope": (400, {"message": "Access denied", "code": "Arrearage"}),
}

FILTERED: dict[str, tuple[int, Any]] = {
    "Azure": (400, {"message": "The response was filtered due to the prompt triggering Azure "
        "OpenAI's content management policy.", "code": "content_filter"}),
    "OpenAI": (400, {"message": "Invalid prompt: your prompt was flagged as potentially violating "
        "our usage policy.", "code": "invalid_prompt"}),
    "OpenRouter": (403, {"message": "Your chosen model requires moderation and your input was "
        "flagged for violence", "code": 403}),
    "DashScope": (400, {"message": "Input data may contain inappropriate content.",
        "code": "data_inspection_failed"}),
    "DeepSeek": (400, {"message": "Content Exists Risk"}),
    "Moonshot": (400, {"message": "The request was rejected because it was considered high risk"}),
    "Zhipu": (400, {"message": "系统检测到输入或生成内容可能包含不安全或敏感内容", "code": "1301"}),
    "xAI": (403, {"message": "Content violates usage guidelines. Failed check: SAFETY_CHECK"}),
}  # fmt: skip
