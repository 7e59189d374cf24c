"""What has no place in a skill for spreadsheets: instructions to run, fetch, leak or obey.

Patterns by rule, over readings in small letters with single blanks (`disguise.views`). Each rule is
written so that lessons about spreadsheets pass: they fetch values, delete rows, protect sheets with
passwords, post to accounts, keep hidden rows hidden and read `os.environ['INPUT_FILE']`.
"""

import re
from functools import cache

RULES = {
    "fetch": "fetches something over a network",
    "install": "installs software",
    "shell": "runs what another command or a file gives it",
    "system": "changes the machine or files outside the task",
    "secrets": "reads keys, passwords or the environment",
    "send": "names an address or sends something away",
    "disguise": "hides what it says, or runs data as code",
    "hijack": "tells an agent to drop its instructions or to deceive",
    "benchmark": "goes for answer files or the judgement",
    "formula": "is a formula that fetches or runs something",
}
"""What a skill must not say, by the name that `--allow-flagged` takes."""

HOSTS = r"schemas\.openxmlformats\.org|schemas\.microsoft\.com|(?:www\.)?w3\.org|purl\.oclc\.org"
"""Namespaces of the file format: names, not addresses."""
_DATA = r"(?! (?:sheet|column|tab|row|table|cell|field|header|name|value|id)s?\b)"
_NOT = r"(?<!not )(?<!n't )(?<!never )(?<!nor )(?<!without )"
_KEY = r"(?:\w*(?:api|secret|access|auth|private|ssh|openai|signing)\w*[ _-]?(?:key|token)s?)"
_OWN = r"(?:your|the users?'?s?|its|system|login|stored|saved|environment|host|server|root|admin)"
_FILES = r"(?:files?|folders?|director(?:y|ies)|disks?|drives?|home|file ?systems?)"
_SHOW = (
    r"(?:print|dump|list|echo|log|write|send|include|copy|save|record|append|paste|put|reveal"
    r"|output|show|export|read out|collect|attach|embed|post|return|store)"
)

_PATTERNS: dict[str, tuple[str, ...]] = {
    "fetch": (
        r"\b(?:curl|wget|aria2c|invoke-webrequest|invoke-restmethod|iwr|ncat|netcat|socat|sftp|scp"
        r"|rsync|telnet|certutil|bitsadmin|lynx)\b",
        r"\b(?:ssh|nc|ftp) (?:-|put |get |\S+@|[\w.-]+\.[\w.-]+|\S+ \d)",
        r"\b(?:import|from) (?:requests|socket|urllib\d?|httpx|aiohttp|ftplib|smtplib|paramiko"
        r"|telnetlib|http\.client|websockets?)\b",
        r"\b(?:requests|httpx|session|axios)\.(?:get|post|put|request|patch)\b",
        r"\b(?:urllib\d?\b|urlopen|urlretrieve|xmlhttprequest|http\.client|httplib|winhttp"
        r"|socket\.(?:socket|create_connection|getaddrinfo|gethostbyname)"
        r"|asyncio\.open_connection)",
        r"(?<!\w)fetch\( ?['\"`]",
        r"\bgit (?:-\S+ )*(?:clone|pull|fetch|push|remote|submodule)\b|\bgit\+(?:https?|ssh|git)\b",
        r"\b(?:download|retrieve|fetch|pull|load|import|get|grab|read)\b[^.]{0,60}\b"
        r"(?:from|off|via|over|on|at) (?:the |an? |this |that |our |its )?(?:\w+ )?(?:internet|web"
        rf"|web ?site|web ?page|url|server|remote|repository|pastebin|gist|cdn|host)\b{_DATA}",
        r"\b(?:open|visit|browse|navigate|connect|go) (?:to )?(?:the |this |that |a "
        r"|our )?(?:\w+ )?"
        rf"(?:web ?site|web ?page|url|link below|server|remote host)\b{_DATA}",
    ),
    "install": (
        r"\bpip[\d.]* (?:-\S+ )*install\b|\bpipx? (?:run|install)\b|\beasy_install\b|\bnpx \S",
        r"\b(?:npm|yarn|pnpm|apt|apt-get|conda|mamba|brew|gem|cargo|dnf|yum|apk|uv|snap|choco"
        r"|winget|pacman)(?: -\S+)* (?:install|add|update|-s)\b",
        r"\bpip\.main\(|\bensurepip\b|\bpip['\"], ?['\"]install",
    ),
    "shell": (
        r"\| ?(?:sudo )?(?:ba|z|da|k|c|fi)?sh\b(?! ?\|)(?! [\w ]*\|)",
        r"\| ?(?:sudo )?(?:python\d?|perl|ruby|node|php|pwsh|powershell)(?: -\w*)?(?=$"
        r"| ?[`;&)'\"])",
        r"\b(?:bash|sh|zsh|source|eval|python\d?) (?:-c )?['\"]?(?:<\(|\$\()",
        r"\b(?:bash|sh|zsh|source|python\d?|perl|node|exec) \S*\.(?:md|txt|xlsx|csv|log|tmp)\b",
        r"\b(?:iex|invoke-expression)\b",
        r"\b(?:run|execute|evaluate|eval|exec|obey|carry out) (?:\w+ ){0,6}?"
        r"(?:commands?|instructions?|code|scripts?|directions?|orders?|text)\b[^.]{0,30}\b"
        r"(?:in|from|inside|of) (?:the |a |any |each |that )?(?:\w+ ){0,2}?"
        r"(?:cells?|sheets?|comments?|workbooks?|notes?|web|url|message|attachment)\b",
        r"\b(?:follow|do) (?:\w+ ){0,6}?(?:instructions?|directions?|orders?|text|commands?)\b"
        r"[^.]{0,30}\b(?:in|from|of) (?:the |a |any |each |that )?(?:\w+ ){0,2}?"
        r"(?:cells?|comments?|notes?|web|url|message|attachment)\b",
        r"\b(?:perl|ruby|php|node) -[er]\b",
    ),
    "system": (
        r"\brm (?:-\S+ )*-\w*r\w*\b|\brm (?:-\S+ )*(?:/|~|\*|\$home)|\brmtree\b|\bunlink -r",
        r"\bsudo\b|\bsu -|\bdoas\b|\bsetuid\b|\bchmod (?:-\S+ )*(?:[0-7]{3,4}|[ugoa]*\+[rwxs]+)",
        r"\bchown\b|\bmkfs|\bfdisk\b|\bdd (?:if|of)=|> ?/dev/(?:sd|nvme|mem)|\bshred -",
        r"\bcrontab\b|/etc/\w+|\bsystemctl\b|\bservice \w+ (?:start|stop|restart)\b|\bat now\b",
        r"\bshutdown (?:-|now|/)|\breboot(?: now| -f|$|[`;&])|\bkillall\b|\bpkill\b|\bkill -\w+",
        r":\(\) ?\{ ?:|\bnohup\b|\bdisown\b|\bsetsid\b|\binsmod\b|\biptables\b|\bmount -",
        r"~/\.\w*(?:rc|profile|login)\b|\.(?:bashrc|bash_profile|zshrc|profile)\b|authorized_keys",
        r"\b(?:sitecustomize|usercustomize|ld_preload|pythonstartup|conftest\.py)\b|\.pth\b",
        r"\bos\.(?:system|popen|exec\w+|spawn\w+|kill|fork|setuid|chmod)\b ?\(",
        r"\bsubprocess\.\w+ ?\((?![^)]{0,200}(?:recalc|soffice|libreoffice))",
        r"\bpty\.spawn\b|\bctypes\.",
        r"\b(?:powershell|pwsh|mshta|regsvr32|rundll32|wscript|cscript|cmd(?:\.exe)? /c"
        r"|cmd\.exe)\b",
        r"\b(?:del|rd|rmdir|format) (?:/[sqf]|c:)|\breg (?:add|delete)\b|\bvssadmin\b",
        rf"{_NOT}\b(?:delete|remove|erase|wipe|destroy|shred|corrupt|encrypt|truncate)\b "
        rf"(?:all|every|any|everything|the (?:whole|entire|user'?s))\b"
        r"(?![^.]*\b(?:temp|you (?:made|created|wrote)))[^.]{0,30}"
        rf"\b{_FILES}\b",
    ),
    "secrets": (
        r"\bprintenv\b|(?:^|[;&|`$(:\"'] ?)env(?=$| ?[|>;`\"'])|\brun env\b",
        r"/proc/\S{0,60}environ\b",
        r"\.ssh\b|\bid_(?:rsa|ed25519|ecdsa)\b|\.netrc\b|\.pgpass\b|\.aws\b|\.kube\b|\.gnupg\b"
        r"|\.git-credentials|\.npmrc\b|\.pypirc\b|\.bash_history|/etc/(?:passwd|shadow)"
        r"|(?:^|[\s/`'\"])\.env\b|\.config/gcloud|\bkeyring\.get|\bsecretsmanager\b",
        r"169\.254\.169\.254|metadata\.google|metadata service",
        r"\bos\.environ(?!b?(?: ?\[| ?\.get ?\(| ?\.setdefault ?\() ?['\"])|\bprocess\.env\b",
        rf"\b(?:environ|getenv|env)\b[^a-z]{{1,6}}\w*(?:key|token|secret|passw|credential)"
        rf"|\${_KEY}",
        rf"\b{_SHOW}\b[^.]{{0,40}}\benvironment variables\b(?! (?:\w*_file|\w*_path)\b)",
        rf"\b{_SHOW}\b[^.]{{0,40}}\b(?:shell|process|whole|full|entire|runtime) environment\b",
        rf"\b{_KEY}\b(?! ?(?:column|sheet|field)s?\b)|\bbearer token",
        rf"\b{_OWN} (?:credentials?|passwords?|secrets?|tokens?)\b",
        rf"\b{_SHOW}\b[^.]{{0,30}}\b(?:credentials|secrets|passwords)\b(?! ?(?:column|sheet"
        rf"|field))",
    ),
    "send": (
        rf"\b(?:https?|ftp|wss?|s3|gs|file|ldap|smb|tcp|gopher)(?::|\[:\])//(?!(?:{HOSTS})\b)\S",
        r"\b\w+ at (?:\w+ dot )+\w+|\bhost [$`(]",
        r"\bhxxps?\b|\bwww\.(?!w3\.org)\w|(?<![\w.])\\\\[\w-]+(?:\.[\w-]+)+\\",
        r"[\w.+-]{1,64}(?:@| ?[(\[]at[)\]] ?)[\w-]{1,63}(?:\.| ?[(\[]dot[)\]] ?)[a-z]{2,}",
        r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
        r"(?![\w.]|$)(?=[/: )`'\"])|(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}[:/]\d*",
        r"\b(?!(?:vb|asp|ado|system)\.net\b)[a-z0-9-]{2,63}\.(?:com|net|org|ru|cn|xyz|biz|tk|onion"
        r"|invalid|zip)\b(?![.(\w])(?<!openxmlformats\.org)(?<!microsoft\.com)(?<!w3\.org)"
        r"(?<!oclc\.org)",
        r"\b[a-z0-9-]{1,63}\.(?:io|info|me|sh|co|app|dev|site|top|online|cloud|link|click|example)/\w",
        r"\bwebhooks?\b|\bpastebin\b|\bngrok\b|\brequestbin\b|\btelegram\b|\bsendmail\b"
        r"|\bmail -s\b",
        r"\bnslookup\b|\bdig (?:\+\S+ )*\S*[$.@(]\S|/dev/(?:tcp|udp)/|\bping (?:-\w+ \S+ )*\S+\.\w",
        r"\b(?:exfiltrat\w+|phone home|beacon out|leak (?:it|them|the)|side channel)\b",
        rf"{_NOT}\b(?:upload|transmit|e-?mail|exfiltrate)\b (?!add|col|sheet)[^.]{{0,60}}\b"
        rf"(?:to|via|through|into)\b (?!be\b)\w",
        r"\b(?:send|post|forward|submit|deliver|push|relay|report|copy)\b[^.]{0,80}\b(?:to|via"
        r"|over)"
        r" (?:the |an? |this |that |our |my |your )?(?:\w+ )?(?:server|endpoint|url|website"
        r"|attacker"
        rf"|internet|collector|remote|inbox|mailbox|http|dns|third part\w+)\b{_DATA}",
    ),
    "disguise": (
        r"<!--|\[//\]: ?#|\[comment\]: |<(?:script|iframe|img|svg|object|embed)\b",
        r"<\w{1,20}[^>]{0,200}(?:display: ?none|visibility: ?hidden|font-size: ?0|color: ?"
        r"(?:white|#fff)|hidden)",
        r"!\[[^\]]{0,200}\]\( ?(?!references/|[\w./-]+\))|\bdata:[\w/+.-]*[;,]|\bjavascript:",
        r"(?<![.\w])(?:eval|exec|compile) ?\( ?[^) ]|\b__import__\b|\b__builtins__\b"
        r"|\b__globals__\b",
        r"\bimportlib\.import_module\b|\b(?:marshal|pickle|dill|cloudpickle|shelve)\.loads?\b"
        r"|\brunpy\b|\byaml\.(?:unsafe_load|load)\b",
        r"\bb(?:ase)?(?:16|32|64|85)(?:\.\w*|_)?decode\b|\bbase64 (?:-d|--decode)|\batob ?\(",
        r"\bcodecs\.decode\b|\bfromcharcode\b|\bbytes\.fromhex\b|\bunhexlify\b|\bxxd -r"
        r"|\bfrombase64string\b|\bzlib\.decompress\b|\bopenssl enc\b"
        r"|-enc(?:odedcommand)? [a-z0-9+/]{8}",
        r"\bdecode\b[^.]{0,40}\b(?:and|then) do\b|\brot-?13\b",
        r"\bdecod(?:e|ing)\b[^.]{0,60}\b(?:and|then|to)\b[^.]{0,30}\b(?:run|execute|follow|obey"
        r"|eval\w*)\b",
        r"\breverse\b[^.]{0,40}\b(?:string|text|letters)\b[^.]{0,40}\b(?:run|execute|obey"
        r"|follow)\b",
    ),
    "hijack": (
        rf"{_NOT}\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|override|bypass|do(?:n't"
        rf"| not) (?:follow"
        r"|obey)|stop following)\b [^.]{0,40}?\b(?:previous|prior|above|earlier|preceding|foregoing"
        r"|system|original|initial|safety|your|existing|all other|former)\b[^.]{0,16}?\b"
        r"(?:instructions?|prompts?|rules?|guidelines?|directions?|messages?|guardrails?"
        r"|polic(?:y|ies)"
        r"|restrictions?)\b",
        rf"{_NOT}\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget) [^.]{{0,20}}?\b(?:rules?"
        r"|instructions?|prompts?|guidelines?) (?:\w+ )?(?:above|before|earlier|so far)\b",
        r"\bsystem prompts?\b|\bdeveloper (?:message|mode|prompt)\b|\bhidden (?:instruction"
        r"|prompt)s?\b"
        r"|\bjailbreak\b|\bdan mode\b|\bprompt injection\b",
        r"\b(?:do not|don't|never|without|avoid)\b [^.]{0,20}?\b(?:tell|inform|notify|alert|mention"
        r"|reveal|disclos|warn|let)\w*\b[^.]{0,30}?\b(?:users?|anyone|anybody|humans?|operator"
        r"|owner"
        r"|reviewer)\b",
        r"\bkeep (?:this|it|that) (?:\w+ )?(?:secret|confidential|quiet|to yourself|between us)\b"
        r"|\b(?:secretly|covertly|surreptitiously|quietly) \w+|\bunnoticed by\b",
        r"\balways (?:answer|say|reply|respond|report|claim|state|declare|print"
        r"|pretend)\b[^.]{0,30}\b"
        r"(?:pass(?:ed)?|success(?:ful)?|solved|done|correct)\b",
        r"<\|[\w ]{2,30}\|>|\[/?inst\]|<</?sys>>|\bim_(?:start|end)\b|\bend_?of_?(?:text|prompt)\b",
        r"</?(?:system|assistant|user|human|instructions?|tool_call|tool_result|function_calls?"
        r"|think"
        r"|important|admin|log|file|passage)(?: [^>]{0,200})?>",
        r"\b(?:system|assistant|developer|admin(?:istrator)?) ?(?:message|override|notice|note)?: "
        r"(?:you|i|the|ignore|always|never|run|from|new|please|do|this|all|from|send|open)\b",
        r"\byou are (?:now|no longer)\b|\bfrom now on\b[^.]{0,10}\b(?:you|always|answer|obey"
        r"|ignore)\b",
        r"\b(?:act|behave) as (?:an? |the )?(?:\w+ )?(?:ai|assistant|hacker|root|admin\w*"
        r"|system)\b",
        r"\bpretend (?:to be|you are|that)\b|\bnew (?:persona|orders)\b"
        r"|\bnew (?:\w+ )?instructions?:|\btell (?:nobody|no one)\b"
        r"|\byour (?:new|real|true|actual|only) (?:task|goal|instructions?|purpose|job)\b",
        r"\b(?:instructions?|note|message) (?:to|for) (?:the |all |any )?(?:ai|assistants?|agents?"
        r"|language models?|llms?|models?)\b",
        r"\bend of (?:the )?(?:skill|instructions?|document|system|prompt)\b",
    ),
    "benchmark": (
        r"\bgold(?:en)?[ _-]?(?:file|workbook|xlsx|answer|copy|solution)s?\b|\bgold(?:en)?\.xlsx"
        r"|_(?:golden|gold|answer)\.xlsx|\bground[ _-]?truths?\b|\banswer[ _-]keys?\b",
        r"\bevaluate_passed\b|\beval_official|\bevaluate_with_official\b|\bevaluate_output\b"
        r"|\bgate\.json\b|\boutput_fixed\b|\bresults\.jsonl?\b|\w\.flag\b",
        r"\b(?:tamper|patch|modify|edit|overwrite|disable|fake|forge|replace|monkey-?patch|fool"
        r"|trick"
        r"|stub)\w*\b [^.]{0,40}?\b(?:checker|grader|scorer|evaluator|evaluation|judge|verifier"
        r"|benchmark|test harness|scoring)\b",
        r"\b(?:find|locate|search|look|copy|cp|read|open|take|use)\b [^.]{0,40}?\b(?:answer"
        r"|solution"
        r"|expected|correct)[ _-](?:files?|workbooks?|xlsx)\b",
    ),
    "formula": (
        r"\b(?:webservice|filterxml|importxml|importdata|importhtml|importfeed|importrange"
        r"|register\.id|call|exec) ?\( ?['\"]",
        r"[=+@-] ?(?:webservice|rtd|dde|dde\w+) ?\(",
        r"[=+@-] ?(?:cmd|msexcel|excel|powershell|mshta|rundll32|dde|winword)\w* ?\| ?['\"/]",
        r"\b(?:auto_?open|autoexec|document_open)\b|\bshell ?\( ?['\"]|\bcreateobject ?\( ?['\"]"
        r"(?:wscript|shell|msxml|winhttp|adodb|internetexplorer)",
    ),
}


@cache
def patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(rule, re.compile(text)) for rule, texts in _PATTERNS.items() for text in texts]
