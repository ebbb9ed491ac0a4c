"""For mkdocs: links from the docs to other files of the repository."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+(?!docs/)[^)#\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links that leave docs/ become the file's name: the site does not have it.

    Raises FileNotFoundError for one that leads nowhere.
    """
    here = (ROOT / "docs" / page.file.src_uri).parent

    def named(found: re.Match[str]) -> str:
        target = (here / found[2]).resolve()
        if target.is_relative_to(ROOT / "docs"):
            return found[0]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {found[2]}, which is not there")
        return f"{found[1]} (`{target.relative_to(ROOT)}`)"

    return _OUTSIDE.sub(named, markdown)
