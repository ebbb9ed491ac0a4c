"""From a text of the workload to one that EXPLAIN takes: constants' places, writes as reads. Pure.

pg_stat_statements puts $1 where a constant stood, also where no parameter may stand: `date $1`,
`interval $1 day`, `extract($1 from x)`. Such places are mended. An UPDATE, a DELETE, a MERGE is
costed as the SELECT of the rows that it looks for: EXPLAIN would ask for the privilege to write.
"""

import itertools
from collections.abc import Sequence

from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.lexer import Edit, Token, spliced, tokens
from setpoint.database.indexes.tree import Node, Tree, parse

_TYPES_TEXT = (
    "date timestamp timestamptz time timetz interval numeric decimal int integer int2 int4 int8 "
    "smallint bigint float float4 float8 real text varchar bpchar char json jsonb uuid inet cidr "
    "macaddr bool boolean bytea money bit varbit point box line path polygon circle xml name oid "
    "regclass regtype tsvector tsquery jsonpath"
)
_TYPES = frozenset(_TYPES_TEXT.split())
_TWO_WORDS = {("double", "precision"), ("character", "varying"), ("bit", "varying")}
_UNITS_TEXT = "year month day hour minute second to"
_UNITS = frozenset(_UNITS_TEXT.split())


def select_of(text: str) -> tuple[bytes, Tree, Tree]:
    """A SELECT with the costs of reading that the statement has, its tree, and the statement's own.

    Raises UnanalysableError.
    """
    mended = mend(text.encode("utf-8", "surrogatepass"))
    original = parse(mended)
    if original.writes_inside:
        raise UnanalysableError("a WITH of it writes: only its reads could be explained")
    edits = _as_select(mended, original)
    read = spliced(mended, edits) if edits else mended
    tree = parse(read) if edits else original
    if tree.kind != "SelectStmt" or "intoClause" in tree.root:
        raise UnanalysableError("it is no SELECT, INSERT, UPDATE, DELETE or MERGE")
    return read, tree, original


def mend(text: bytes) -> bytes:
    """The text with parameters only where the grammar has them."""
    found = tokens(text) if b"$" in text else []
    edits = []
    for place, token in enumerate(found):
        if token.kind == "param":
            edit = _mended(text, found, place)
            if edit is not None:
                edits.append(edit)
    return spliced(text, edits).rstrip().rstrip(b";") if edits else text.rstrip().rstrip(b";")


def _mended(text: bytes, found: Sequence[Token], place: int) -> Edit | None:
    token, before = found[place], found[max(place - 4, 0) : place]
    words = [t.word for t in before]
    if (
        words[-1:] == [""]
        and len(before) > 1
        and text[before[-1].start : token.start].strip() == b"("
    ):
        follows = found[place + 1].word if place + 1 < len(found) else ""
        if before[-2].word == "extract" and follows == "from":
            return Edit(token.start, token.end, b"year")
    begin = _type_before(words)
    if begin is None:
        return None
    start, end = before[begin].start, token.end
    kind = text[start : before[-1].end]
    if before[begin].word == "interval":
        for follower in found[place + 1 :]:
            if follower.word not in _UNITS:
                break
            end = follower.end
    return Edit(start, end, b"CAST(" + text[token.start : token.end] + b" AS " + kind + b")")


def _type_before(words: Sequence[str]) -> int | None:
    """Where among the last four words a type's name begins that they end with."""
    if len(words) >= 4 and tuple(words[-2:]) == ("time", "zone"):
        is_type = words[-3] in ("with", "without") and words[-4] in ("time", "timestamp")
        return len(words) - 4 if is_type else None
    if tuple(words[-2:]) in _TWO_WORDS:
        return len(words) - 2
    return len(words) - 1 if words and words[-1] in _TYPES else None


def _as_select(text: bytes, tree: Tree) -> list[Edit]:
    if tree.kind == "SelectStmt" and b"for" not in text.lower():
        return []
    found = tokens(text)
    top = [token for token in found if token.depth == 0]
    match tree.kind:
        case "SelectStmt":
            return _unlocked(text, found)
        case "UpdateStmt":
            return [*_update(text, top, tree.root), *_unlocked(text, found)]
        case "DeleteStmt":
            return [*_delete(text, top, tree.root), *_unlocked(text, found)]
        case "MergeStmt":
            return _merge(text, top, tree.root)
        case "InsertStmt":
            return [*_insert(text, top, tree.root), *_unlocked(text, found)]
    raise UnanalysableError("it is no SELECT, INSERT, UPDATE, DELETE or MERGE")


def _unlocked(text: bytes, found: Sequence[Token]) -> list[Edit]:
    """Without FOR UPDATE and its like, which ask for a privilege to write."""
    edits = []
    for place, token in enumerate(found):
        if token.word != "for":
            continue
        rest = found[place + 1 :]
        end = _lock_end(text, rest)
        if end is not None:
            edits.append(Edit(token.start, end, b" "))
    return edits


def _lock_end(text: bytes, rest: Sequence[Token]) -> int | None:
    words = [token.word for token in rest[:3]]
    strengths = (["update"], ["share"], ["no", "key", "update"], ["key", "share"])
    strength = next((s for s in strengths if words[: len(s)] == s), None)
    if strength is None:
        return None
    place = len(strength)
    if place < len(rest) and rest[place].word == "of":
        place += 2
        while place < len(rest) and text[rest[place].start : rest[place].end] in (b",", b"."):
            place += 2
    if place < len(rest) and rest[place].word == "nowait":
        place += 1
    elif [token.word for token in rest[place : place + 2]] == ["skip", "locked"]:
        place += 2
    return rest[place - 1].end


def _place(root: Node) -> int:
    return int(root["relation"].get("location", 0))


def _keyword(top: Sequence[Token], word: str, after: int = 0) -> Token | None:
    """The first of them; not the FROM of IS DISTINCT FROM."""
    last = ""
    for token in top:
        if token.start >= after and token.word == word and last != "distinct":
            return token
        last = token.word
    return None


def _required(top: Sequence[Token], word: str, after: int = 0) -> Token:
    token = _keyword(top, word, after)
    if token is None:
        raise UnanalysableError("it is written in a way that setpoint does not know")
    return token


def _head(top: Sequence[Token], word: str, root: Node) -> Edit:
    """The beginning, up to the name of the table."""
    only = b"" if root["relation"].get("inh") else b"ONLY "
    verb = next(
        (t for t in reversed(top) if t.word == word and t.start < _place(root)),
        None,
    )
    if verb is None:
        raise UnanalysableError("it is written in a way that setpoint does not know")
    return Edit(verb.start, _place(root), b"SELECT 1 FROM " + only)


def _tail(text: bytes, top: Sequence[Token], after: int) -> list[Edit]:
    returning = _keyword(top, "returning", after)
    return [Edit(returning.start, len(text), b"")] if returning else []


def _update(text: bytes, top: Sequence[Token], root: Node) -> list[Edit]:
    after = _place(root) + 1
    assign = _required(top, "set", after)
    where = _keyword(top, "where", assign.end) if "whereClause" in root else None
    if where is not None and where.word == "where" and _is_cursor(top, where):
        raise UnanalysableError("it follows a cursor")
    if "fromClause" in root:
        begin = _required(top, "from", assign.end)
        middle = Edit(assign.start, begin.end, b", ")
    else:
        returning = _keyword(top, "returning", assign.end)
        end = where.start if where else (returning.start if returning else len(text))
        middle = Edit(assign.start, end, b" ")
        if where is None:
            return [_head(top, "update", root), Edit(assign.start, len(text), b"")]
    return [_head(top, "update", root), middle, *_tail(text, top, assign.end)]


def _is_cursor(top: Sequence[Token], where: Token) -> bool:
    following = [token.word for token in top if token.start > where.start][:2]
    return following == ["current", "of"]


def _delete(text: bytes, top: Sequence[Token], root: Node) -> list[Edit]:
    after = _place(root) + 1
    where = _keyword(top, "where", after) if "whereClause" in root else None
    if where is not None and _is_cursor(top, where):
        raise UnanalysableError("it follows a cursor")
    edits = [_head(top, "delete", root)]
    if "usingClause" in root:
        using = _required(top, "using", after)
        edits.append(Edit(using.start, using.end, b", "))
    return [*edits, *_tail(text, top, after)]


def _merge(text: bytes, top: Sequence[Token], root: Node) -> list[Edit]:
    using = _required(top, "using", _place(root) + 1)
    cases = 0
    for token in top:
        if token.start < using.end:
            continue
        cases += (token.word == "case") - (token.word == "end")
        if token.word == "when" and cases == 0:
            return [
                _head(top, "merge", root),
                Edit(using.start, using.end, b" RIGHT JOIN "),
                Edit(token.start, len(text), b""),
            ]
    raise UnanalysableError("it is written in a way that setpoint does not know")


def _insert(text: bytes, top: Sequence[Token], root: Node) -> list[Edit]:
    """What it reads: the query whose rows it puts in."""
    query = (root.get("selectStmt") or {}).get("SelectStmt") or {}
    if not query or "valuesLists" in query:
        raise UnanalysableError("it only puts rows in: there is nothing to find")
    verb = next((t for t in top if t.word == "insert" and t.start < _place(root)), None)
    begin = next(
        (t for t in top if t.start > _place(root) and t.word in ("select", "with", "table")), None
    )
    if verb is None or begin is None:
        raise UnanalysableError("it is written in a way that setpoint does not know")
    edits = [Edit(verb.start, begin.start, b"")]
    for token, follower in itertools.pairwise(top):
        if token.start > begin.start and token.word == "on" and follower.word == "conflict":
            return [*edits, Edit(token.start, len(text), b"")]
    return [*edits, *_tail(text, top, begin.start)]
