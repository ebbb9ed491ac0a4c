"""Argo CD's Lua scripts as Argo CD runs them (util/lua/lua.go): Lua 5.1 with base, table and a safe
os, no string, no io; objects by way of JSON, where an empty table comes back as a list."""

import copy
import datetime as dt
import re
from pathlib import Path
from typing import Any

from lupa import lua51

SCRIPTS = Path(__file__).parents[2] / "deploy/argocd"
ACTIONS = ("reconcile", "suspend", "resume", "approve")
HEALTH = ("Healthy", "Progressing", "Degraded", "Suspended")

# What gopher-lua opens for a script that does not use open libraries.
_BASE = """
  assert collectgarbage dofile error getfenv getmetatable ipairs load loadfile loadstring next
  pairs pcall print rawequal rawget rawset select setfenv setmetatable tonumber tostring type
  unpack xpcall module require _G _VERSION package table
"""

_CLOSE = """
function(keep)
  local allowed = {}
  for name in keep:gmatch("%S+") do allowed[name] = true end
  getmetatable("").__index = nil
  local names = {}
  for name in pairs(_G) do names[#names + 1] = name end
  for _, name in ipairs(names) do
    if not allowed[name] then _G[name] = nil end
  end
  package.loaded = {}
end
"""


class Script:
    """One script, compiled once."""

    def __init__(self, path: Path) -> None:
        self._lua = lua51.LuaRuntime(
            register_eval=False,
            register_builtins=False,
            attribute_filter=_refuse,
            unpack_returned_tuples=True,
        )
        self._lua.eval(_CLOSE)(_BASE)
        self._globals = self._lua.globals()
        self._globals.package.preload.os = self._safe_os
        self._globals.os = self._safe_os()
        self._run = self._lua.compile(path.read_text("utf-8"))

    def run(self, obj: dict[str, Any]) -> Any:
        """What the script returns, as JSON would bring it. Raises lua51.LuaError."""
        self._globals.obj = self._table(obj)
        return _decode(self._run())

    def _safe_os(self, *_: Any) -> Any:
        return self._lua.table_from({"date": _date, "time": _time})

    def _table(self, value: Any) -> Any:
        if isinstance(value, dict):
            made = {key: self._table(item) for key, item in value.items() if item is not None}
            return self._lua.table_from(made)
        if isinstance(value, list):
            return self._lua.table_from([self._table(item) for item in value])
        return value


def _refuse(_obj: Any, _name: Any, _setting: bool) -> Any:
    raise AttributeError("a script may not reach into Python")


def _date(form: str) -> str:
    if not form.startswith("!"):
        raise ValueError("the hour of the server's own zone is of no use")
    return dt.datetime.now(dt.UTC).strftime(form[1:])


def _time() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp())


def _decode(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        is_whole = isinstance(value, float) and value.is_integer()
        return int(value) if is_whole else value
    keys = list(value.keys())
    if all(isinstance(key, int) for key in keys):  # an empty one too, as in gopher-json
        return [_decode(value[key]) for key in sorted(keys)]
    return {str(key): _decode(value[key]) for key in keys}


def cleaned(new: Any, old: Any) -> Any:
    """Argo's cleanReturnedObj: an empty list that was an object before is that object again."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: cleaned(value, old.get(key)) for key, value in new.items()}
    if isinstance(new, list):
        if isinstance(old, dict) and not new:
            return old
        if isinstance(old, list):
            padded = old + [None] * (len(new) - len(old))
            return [cleaned(one, before) for one, before in zip(new, padded, strict=False)]
    return new


def merge_patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386, as Argo sends the result of an action to the API server."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := merge_patch(before, value):
                patch[key] = inner
        elif value != before:
            patch[key] = value
    return patch


class Argo:
    """The scripts of deploy/argocd."""

    def __init__(self, scripts: Path = SCRIPTS) -> None:
        self._health = Script(scripts / "health.lua")
        self._discovery = Script(scripts / "actions/discovery.lua")
        self._actions = {
            name: Script(scripts / "actions" / name / "action.lua") for name in ACTIONS
        }

    def health(self, obj: dict[str, Any]) -> tuple[str, str]:
        """Status and message; an object that is being deleted is Progressing without any script."""
        if obj["metadata"].get("deletionTimestamp"):
            return "Progressing", "Pending deletion"
        found = self._health.run(obj)
        assert set(found) <= {"status", "message"}, found
        assert found["status"] in HEALTH, found
        assert re.search(r"\S", found["message"]), found
        return found["status"], found["message"]

    def enabled(self, obj: dict[str, Any]) -> set[str]:
        """The actions that can be clicked."""
        found = self._discovery.run(obj)
        assert set(found) == set(ACTIONS)
        return {name for name, action in found.items() if not action["disabled"]}

    def act(self, name: str, obj: dict[str, Any]) -> dict[str, Any]:
        """The merge patch that the action sends. Raises lua51.LuaError."""
        made = cleaned(self._actions[name].run(copy.deepcopy(obj)), obj)
        return merge_patch(obj, made)
