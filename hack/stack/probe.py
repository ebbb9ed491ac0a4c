"""Asking a server on loopback whether it answers."""

import ssl
import urllib.error
import urllib.request

_SECONDS = 2


def answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether GET `url` gives 200. Past any proxy that the user's environment names."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
