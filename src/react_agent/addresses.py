"""Addresses of endpoints: which are taken, how one is shown, and over which proxy it is reached."""

import ipaddress
import re
import urllib.request

from yarl import URL

from react_agent.errors import ContractError

_KEY = re.compile(
    r"^(?:sk|pk|key|tok|token|ak)[-_](?=.*\d)[\w-]{12,}$"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?=[a-zA-Z]*\d)(?=\d*[a-zA-Z])[A-Za-z0-9]{20,}"
)
"""So many letters and digits without a break are no word and no name of a model."""


def http_url(text: str, what: str) -> URL:
    """Raises ContractError for what is no plain http(s) address."""
    try:
        url = URL(text.strip())
        host = url.host
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https"):
        raise ContractError(f"{what} has to start with http:// or https:// and name a host")
    if url.user or url.password:
        raise ContractError(f"{what} may not hold a user or password; give the key by itself")
    return url


def shown(url: URL) -> str:
    """The address as it may be shown: query and path can hold a key."""
    text = str(url.with_query(None).with_fragment(None).with_user(None))
    for part in key_parts(url):
        text = text.replace(part, "***")
    return text


def key_parts(url: URL) -> list[str]:
    """Parts of the path that look like keys, as some gateways want them there."""
    return [part for part in url.raw_parts if _KEY.search(part)]


def proxy_for(url: URL) -> URL | None:
    """The user's HTTP proxy for this address, as the environment names it; None to go directly.

    Raises ContractError for a proxy of another kind: going around it is not what the user wants.
    """
    host = url.host or ""
    if _is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    name = url.scheme if url.scheme in proxies else "all"
    given = proxies.get(name, "").strip()
    if not given:
        return None
    try:
        proxy = URL(given if "://" in given else f"http://{given}")
        usable = proxy.scheme in ("http", "https") and bool(proxy.host) and bool(proxy.port)
    except ValueError:
        usable = False
    if not usable:
        raise ContractError(
            f"{name}_proxy names no http:// proxy, and others (such as SOCKS) are not supported; "
            f"give an HTTP proxy, or put {host} into no_proxy"
        )
    return proxy


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
