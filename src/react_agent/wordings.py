"""How servers word the refusals that count: as data, to be added to.

Each is a regular expression, searched without regard to case in what the server says and in the
code and type that it gives the error.
"""

import re

OVERFLOW = [
    # vLLM until 0.8, OpenAI, DeepSeek: "This model's maximum context length is 4096 tokens.
    # However, you requested 5000 tokens"
    r"maximum context length is \d+",
    # vLLM since 0.9: "You passed 5000 input tokens and requested 16 output tokens. However, the
    # model's context length is only 4096 tokens"
    r"model'?s context length is only \d+",
    # vLLM's engine: "The decoder prompt (length 5000) is longer than the maximum model length of
    # 4096."; "The prompt (total length 5000) is too long to fit into the model"
    r"prompt \((?:total )?length \d+\) is (?:longer than the maximum model length|too long)",
    # OpenAI: the code; "Your input exceeds the context window of this model."
    r"\bcontext_length_exceeded\b",
    r"exceeds? the context window",
    # OpenAI, GPT-5: "Input tokens exceed the configured limit of 272000 tokens."
    r"input tokens exceed the configured limit",
    # llama.cpp: "request (5000 tokens) exceeds the available context size (4096 tokens)"; the
    # type; while generating: "Context size has been exceeded."
    r"exceeds the available context size",
    r"\bexceed_context_size_error\b",
    r"context size has been exceeded",
    # llama-cpp-python: "Requested tokens (5000) exceed context window of 4096"
    r"requested tokens \(\d+\) exceed context window",
    # SGLang: "The input (5000 tokens) is longer than the model's context length (4096 tokens).";
    # "Requested token count exceeds the model's maximum context length of 4096 tokens.";
    # "Input length (5000 tokens) exceeds the maximum allowed length (4096 tokens)."
    r"is longer than the model'?s context length",
    r"exceeds the model'?s maximum context length",
    r"input length \(\d+ tokens\) exceeds the maximum allowed length",
    # Ollama: "prompt too long; exceeded max context length by 904 tokens"; "the input length
    # exceeds the context length"
    r"exceeded max context length",
    r"input length exceeds (?:the|maximum) context length",
    # Behind gateways: Anthropic "prompt is too long: 5000 tokens > 4096 maximum", Gemini "The
    # input token count (5000) exceeds the maximum number of tokens allowed", Mistral "too large
    # for model with 4096 maximum context length"
    r"prompt is too long: \d+ tokens",
    r"input token count \(?\d+\)? exceeds the maximum number of tokens",
    r"too large for model with \d+ maximum context length",
    # Ollama, Zhipu (code 1261), Fireworks: "The prompt is too long: 150000, model maximum context
    # length: 131071"
    r"prompt (?:is )?too long\b",
    r"prompt exceeds (?:the )?(?:max(?:imum)? length|context)",
    # Bedrock, LiteLLM: "Input is too long for requested model"; the name of LiteLLM's error
    r"input is too long for",
    r"\bContextWindowExceeded",
    # DashScope: "Range of input length should be [1, 129024]"
    r"range of input length should be",
    # LM Studio: "Trying to keep the first 5000 tokens when context the overflows. However, the
    # model is loaded with context length of only 4096 tokens"; "Reached context length of 4096
    # tokens"
    r"(?:loaded with|reached) context length of (?:only )?\d+",
    r"context (?:the )?overflows",
    # TGI: "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens";
    # "`inputs` must have less than 4095 tokens. Given: 5000"
    r"`?inputs`? tokens \+ `?max_new_tokens`? must be",
    r"`?inputs`? must have less than \d+ tokens",
    # Moonshot: "Your request exceeded model token limit: 131072"
    r"exceeded model token limit",
    # xAI: "This model's maximum prompt length is 131072 but the request contains 150000 tokens."
    r"maximum prompt length is \d+",
    # MiniMax: "invalid params, context window exceeds limit (2013)"
    r"context window exceeds limit",
    # Cohere: "too many tokens: size limit exceeded by 11326 tokens"
    r"too many tokens: (?:size limit|total number)",
    # SambaNova: "The maximum context length of Meta-Llama is 8192. However, answering your
    # request will take 9000 tokens."
    r"maximum context length of [^.]{1,80} is \d+",
    # Databricks: "Exceeded max input length. Input tokens 40000 > 32768"
    r"exceeded max(?:imum)? input length",
    # TensorRT-LLM: "The sum of prompt length (4000.0) and query length (0) max_tokens should not
    # exceed max_num_tokens (2048)"; "prompt length (4000) exceeds"
    r"sum of prompt length \([\d.]+\).{0,80}should not exceed",
    r"prompt length \(?[\d.]+\)?.{0,40}(?:exceeds|should not exceed)",
    # Anthropic: "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"
    r"input length and `?max_tokens`? exceed context limit",
    # GitHub Models (413): the code
    r"\btokens_limit_reached\b",
]

USED_UP = [
    # OpenAI (429, and waiting does not help), Moonshot, one-api and its kin
    r"\binsufficient_(?:user_)?quota\b",
    r"\bexceeded_current_quota_error\b",
    r"billing.{0,10}hard.{0,5}limit",
    # DeepSeek (402), SiliconFlow, Zhipu: "Insufficient Balance", "account balance is insufficient"
    r"insufficient[_ ](?:account )?(?:balance|credits?|funds)",
    r"balance is (?:not enough|insufficient|too low)",
    "余额不足|欠费",
    # Anthropic: "Your credit balance is too low"; xAI: "has either used all available credits or
    # reached its monthly spending limit"; OpenRouter: "Key limit exceeded"
    r"credit balance is too low",
    r"used all available credits|spending limit",
    r"\bkey limit exceeded",
    # DashScope, Volcengine
    r"\barrearage\b|\baccountoverdue",
]

FILTERED = [
    # Azure and OpenAI: codes and words
    r"\bcontent_filter\b|\bcontent_policy_violation\b|ResponsibleAIPolicyViolation",
    r"content management policy|content filtering policy|content policy",
    r"prompt was flagged|input was flagged|flagged as potentially violating",
    r"violat\w+ .{0,30}(?:usage|content|safety) (?:policy|policies|guidelines)",
    # DashScope, Zhipu (1301), MiniMax (1026), DeepSeek, Moonshot
    r"data_?inspection_?failed|may contain inappropriate content|不安全或敏感内容",
    r"\bnew_sensitive\b|content exists risk|considered high risk",
    # xAI: "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_..."; Gemini:
    # blockReason; OpenRouter: "requires moderation and your input was flagged for"
    r"content violates|SAFETY_CHECK|PROHIBITED_CONTENT|prompt was blocked|requires moderation",
    r"blocked by (?:our |the )?(?:content|safety)",
]

NOT_TAKEN = [
    # OpenAI: "Unsupported parameter: 'stop' is not supported with this model."; "Unsupported
    # value: 'temperature' does not support 0.0 with this model."; "Unrecognized request argument
    # supplied: top_k"; the codes
    r"unsupported|unrecogni[sz]ed|not support(?:ed)?\b|n't support\b|\bunknown",
    # pydantic behind Mistral and others (422): "Extra inputs are not permitted"; the type
    r"extra (?:inputs|fields|values) (?:are )?not (?:permitted|allowed)|extra_forbidden",
    # Python servers: "got an unexpected keyword argument 'top_k'"; Anthropic: "`temperature` is
    # deprecated for this model"; JSON schemas: "Additional properties are not allowed"
    r"unexpected|deprecated|additional properties|not (?:allowed|permitted|available)\b",
    r"cannot find field|cannot be (?:used|set)\b",
]
"""Of a parameter, beside its name."""


def searched(wordings: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(wordings), re.IGNORECASE)
