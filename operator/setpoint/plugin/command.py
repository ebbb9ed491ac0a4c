"""`kubectl setpoint get`, `findings`, `plan`, `approve`, `explain`, `reconcile`, `suspend`,
`resume` and `silence`."""

import argparse
import getpass
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.api.alerts import RuleName
from setpoint.api.findings import Severity
from setpoint.api.types import parse_duration
from setpoint.engine.plan import APPROVE
from setpoint.engine.store import REQUESTED_AT
from setpoint.plugin import edits, rows, show
from setpoint.plugin.explain import action_lines, explain
from setpoint.plugin.kubectl import Kubectl, Object, PluginError, is_kind, name_of, plurals_named

_FAILED = 1


def add_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    get = _command(commands, "get", _get, "what matters of every resource, side by side")
    get.add_argument(
        "what", nargs="*", metavar="KIND|NAME", help="a kind, names, or KIND NAME (all of them)"
    )
    _reading(get)
    findings = _command(commands, "findings", _findings, "what was found wrong, the worst first")
    findings.add_argument("name", nargs="?", help="NAME or KIND/NAME; without it, all")
    findings.add_argument(
        "--severity",
        choices=[str(one).lower() for one in Severity],
        default="info",
        help="the least (%(default)s)",
    )
    _reading(findings)
    for name, run, text in (
        ("plan", _plan, "what would bring the real system to the spec"),
        ("explain", _explain, "why it is in its state, with the evidence"),
    ):
        _reading(_named(commands, name, run, text))
    approve = _named(commands, "approve", _approve, "let exactly one plan through")
    approve.add_argument("--digest", help="of the plan that you looked at; else you are asked")
    reconcile = _named(commands, "reconcile", _reconcile, "look at it now")
    reconcile.add_argument("--wait", action="store_true", help="until it was looked at")
    reconcile.add_argument("--timeout", type=float, default=120.0, help="seconds (%(default)s)")
    _named(commands, "suspend", _suspend, "stop all work on it")
    _named(commands, "resume", _suspend, "go on with it")
    silence = _named(commands, "silence", _silence, "do not tell its alerts for a while")
    silence.add_argument("--rule", help="of these only: cpu, UnusedIndex, slow*")
    silence.add_argument("--target", help="about this only: public.orders")
    silence.add_argument("--for", dest="lasts", default="4h", help="how long (%(default)s)")
    silence.add_argument("--reason", required=True, help="why; it is shown to others")
    silence.add_argument("--author", help="who wants it (default: your user name)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command; the exit status: 0, or 1 when it failed."""
    try:
        arguments.act(arguments)
    except PluginError as error:
        print(f"error: {error}", file=sys.stderr)
        return _FAILED
    except BrokenPipeError:  # a pager was left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return 0


def _command(
    commands: Any, name: str, run_: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    made.add_argument("-n", "--namespace", help="the namespace (default: the context's)")
    made.add_argument("--context", help="of the kubeconfig")
    made.add_argument("--kubeconfig", help="the kubeconfig to use")
    made.set_defaults(carry_out=run, act=run_, form="", all_namespaces=False)
    return made


def _named(
    commands: Any, name: str, run_: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    made = _command(commands, name, run_, text)
    made.add_argument("name", help="NAME, or KIND/NAME where two kinds have the name")
    return made


def _reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="of all namespaces")
    parser.add_argument("-o", "--output", dest="form", choices=("json", "yaml"), default="")


def _kubectl(arguments: argparse.Namespace) -> Kubectl:
    options = [
        f"--{name}={value}"
        for name in ("context", "kubeconfig")
        if (value := getattr(arguments, name))
    ]
    return Kubectl(options=tuple(options))


def _where(arguments: argparse.Namespace) -> list[str]:
    if arguments.all_namespaces:
        return ["--all-namespaces"]
    return ["-n", arguments.namespace] if arguments.namespace else []


def _listed(arguments: argparse.Namespace, kind: str) -> list[Object]:
    return _kubectl(arguments).list(plurals_named(kind), *_where(arguments))


def _named_ones(arguments: argparse.Namespace, word: str) -> list[Object]:
    """The resources of a name, which may have its kind before it."""
    kind, _, name = word.rpartition("/")
    found = [one for one in _listed(arguments, kind or "all") if name_of(one)[1] == name]
    if not found:
        raise PluginError(f"there is no {word} here: kubectl setpoint get -A shows all")
    return found


def _wanted(arguments: argparse.Namespace) -> list[Object]:
    """What `get` names: a kind, a kind with names, or names."""
    first, *names = arguments.what or ["all"]
    if names:
        words = [f"{first}/{name}" for name in names]
    elif is_kind(first):
        return _listed(arguments, first)
    else:
        words = [first]
    return [one for word in words for one in _named_ones(arguments, word)]


def _one(arguments: argparse.Namespace) -> Object:
    found = _named_ones(arguments, arguments.name)
    if len(found) > 1:
        names = " or ".join(
            f"{one['kind']}/{name_of(one)[1]} -n {name_of(one)[0]}" for one in found
        )
        raise PluginError(f"several have this name: say {names}")
    return found[0]


def _width() -> int:
    """Of the terminal; 0 for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _get(arguments: argparse.Namespace) -> None:
    items = _wanted(arguments)
    if arguments.form:
        _print(show.data(items, arguments.form))
    elif not items:
        where = "" if arguments.all_namespaces else " here: -A shows all namespaces"
        print(f"none found{where}", file=sys.stderr)
    else:
        _print(show.table(rows.RESOURCES, rows.resources(items, _now()), _width()))


def _findings(arguments: argparse.Namespace) -> None:
    named = arguments.name
    items = _named_ones(arguments, named) if named else _listed(arguments, "all")
    least = Severity(arguments.severity.capitalize())
    if arguments.form:
        _print(show.data(rows.found(items, least.rank), arguments.form))
        return
    found = rows.findings(items, least.rank)
    if found:
        _print(show.table(rows.FINDINGS, found, _width()))
    else:
        print("no findings", file=sys.stderr)
    if more := rows.not_shown(items):
        text = f"and {more} more, which status only counts: setpoint analyze shows all"
        print(text, file=sys.stderr)


def _plan(arguments: argparse.Namespace) -> None:
    item = _one(arguments)
    plan = (item.get("status") or {}).get("plan") or {}
    if arguments.form:
        _print(show.data(plan, arguments.form))
        return
    actions = plan.get("actions") or ()
    if not actions:
        print("no changes", file=sys.stderr)
        return
    _print("".join(f"{show.clean(line)}\n" for one in actions for line in action_lines(one)))
    if plan.get("truncated"):
        _print(f"and {plan['truncated']} more\n")
    _print(f"digest {plan['digest']}\n")


def _explain(arguments: argparse.Namespace) -> None:
    made = explain(_one(arguments), _now())
    if arguments.form:
        said = [{"text": one.text, "evidence": list(one.evidence), "bad": one.bad} for one in made]
        _print(show.data(said, arguments.form))
    else:
        _print(show.paragraphs(made, _width()))


def _approve(arguments: argparse.Namespace) -> None:
    item = _one(arguments)
    digest = edits.approval(item, arguments.digest)
    if arguments.digest is None:
        if not sys.stdin.isatty():
            raise PluginError(f"say which plan you looked at: --digest {digest}")
        for action in item["status"]["plan"]["actions"]:
            _print("".join(f"{show.clean(line)}\n" for line in action_lines(action)))
        if input("Let this through? [y/N] ").strip().lower() not in ("y", "yes"):
            raise PluginError("not approved")
    _kubectl(arguments).annotate(item, APPROVE, digest)
    _print(f"approved {digest} of {_title(item)}\n")


def _reconcile(arguments: argparse.Namespace) -> None:
    item, kubectl = _one(arguments), _kubectl(arguments)
    if (item.get("spec") or {}).get("suspend"):
        namespace, name = name_of(item)
        raise PluginError(
            f"{_title(item)} is suspended: kubectl setpoint resume {name} -n {namespace}"
        )
    at = datetime.now(UTC).isoformat()
    kubectl.annotate(item, REQUESTED_AT[1], at)
    if arguments.wait:
        kubectl.wait(item, ".status.lastHandledReconcileAt", at, arguments.timeout)
    _print(f"{_title(item)} {'was looked at' if arguments.wait else 'is looked at soon'}\n")


def _suspend(arguments: argparse.Namespace) -> None:
    item, suspend = _one(arguments), arguments.command == "suspend"
    _kubectl(arguments).patch(item, edits.suspension(suspend), "merge")
    _print(f"{_title(item)} {'is suspended' if suspend else 'goes on'}\n")
    _warn_of_gitops(item)


def _silence(arguments: argparse.Namespace) -> None:
    item = _one(arguments)
    rule = edits.rule_named(arguments.rule) if arguments.rule else None
    name, patch = edits.silence(
        item,
        rule=rule,
        target=arguments.target,
        reason=arguments.reason,
        author=arguments.author or getpass.getuser(),
        lasts=_duration(arguments.lasts),
        now=_now(),
    )
    _kubectl(arguments).patch(item, patch, "json")
    until = patch[-1]["value"]["until"]
    _print(f"silence {name} of {_title(item)} until {until}\n")
    if rule and not edits.is_known(item, rule):
        rules = ", ".join(str(one) for one in RuleName)
        text = f"note: nothing here is called {rule} now; rules are {rules}, and ids of findings"
        print(text, file=sys.stderr)
    _warn_of_gitops(item)


def _warn_of_gitops(item: Object) -> None:
    """Flux and Argo CD put a spec back that they own."""
    labels = item["metadata"].get("labels") or {}
    notes = item["metadata"].get("annotations") or {}
    if any(".toolkit.fluxcd.io/" in name for name in labels) or any(
        name.startswith("argocd.argoproj.io/") for name in (*labels, *notes)
    ):
        print(
            "note: this resource comes from Git, which may undo the edit: change it there, too",
            file=sys.stderr,
        )


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise PluginError(f"--for: {error}") from None


def _title(item: Object) -> str:
    return f"{item['kind']} {'/'.join(name_of(item))}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _print(text: str) -> None:
    sys.stdout.write(text)
