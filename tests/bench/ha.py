"""Seeded schedules of faults: `python -m tests.bench.ha [--from N] [--count N] [--real N]
[--minutes N]`.

Under a lease of 1.5 s, on three replicas and on two in turns; `--real` further ones under the real
settings. Prints a line for each schedule, and the table of docs/benchmarks/ha.md.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence

from tests.ha.conftest import LIMITS
from tests.ha.fleet import ROOT, SHORT, Fleet
from tests.ha.schedules import Schedule, Verdict, World

from stack.aws.client import AwsStack
from stack.config import Stack
from stack.slack_client import SlackStack

_SHORT_LEASE, _REAL_LEASE = 1.5, 15.0
_REAL_SEEDS = (3, 51, 72)
"""They strike the leader in every way."""


def main() -> int:
    """The number of schedules that broke a rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=200, help="with a lease of 1.5 s")
    parser.add_argument("--real", type=int, default=3, help="with the real lease of 15 s")
    parser.add_argument("--minutes", type=float, default=240, help="begin none after so many")
    options = parser.parse_args()
    begun = time.monotonic()
    limits = [begun + options.minutes * 60 * share for share in (0.5, 1, 2)]
    half = options.first + options.count // 2
    end = options.first + options.count
    with Stack.start(None, ("controlplane", "aws", "slack", "redis")) as stack:
        stack.controlplane.kubectl(
            "apply", "-k", str(ROOT / "deploy/kustomize/overlays/cluster-wide")
        )
        three = _run(stack, "three", 3, SHORT, _SHORT_LEASE, range(options.first, half), limits[0])
        two = _run(stack, "two", 2, SHORT, _SHORT_LEASE, range(half, end), limits[1])
        real = _run(stack, "real", 3, {}, _REAL_LEASE, _REAL_SEEDS[: options.real], limits[2])
    _report("3 replicas, lease 1.5 s", three)
    _report("2 replicas, lease 1.5 s", two)
    _report("3 replicas, lease 15 s", real)
    return sum(bool(one.violations) for one in (*three, *two, *real))


def _run(
    stack: Stack,
    name: str,
    replicas: int,
    terms: dict[str, str],
    lease: float,
    seeds: Sequence[int],
    limit: float,
) -> list[Verdict]:
    found: list[Verdict] = []
    if not seeds:
        return found
    aws, slack = AwsStack(stack.aws.base_url), SlackStack(stack.slack.base_url)
    with Fleet(
        name, stack.run_dir, stack.controlplane, aws.base_url, slack.base_url,
        replicas=replicas, terms=terms, limits=LIMITS,
    ) as fleet:  # fmt: skip
        world = World(fleet, stack.controlplane, aws, slack, stack.redis)
        for seed in seeds:
            if time.monotonic() > limit:
                break
            found.append(Schedule(world, seed, lease).run())
            print(json.dumps({"at": time.strftime("%H:%M:%S"), **vars(found[-1])}), flush=True)
        world.close()
    return found


def _report(what: str, found: Sequence[Verdict]) -> None:
    if not found:
        return
    faults = Counter(text.split()[1] for one in found for text in one.faults)
    takeovers = sorted(seconds for one in found for seconds in one.takeovers)
    writes: Counter[str] = sum((one.writes for one in found), Counter())
    middle = takeovers[len(takeovers) // 2] if takeovers else 0.0
    print(f"\n{what}: {len(found)} schedules in {sum(one.seconds for one in found):.0f} s")
    print(f"  faults: {sum(faults.values())} {dict(faults.most_common())}")
    print(f"  writes to the outside: {sum(writes.values())} {dict(writes.most_common())}")
    print(f"  takeovers: {len(takeovers)}, median {middle:.1f} s, longest "
          f"{max(takeovers, default=0.0):.1f} s")  # fmt: skip
    print(f"  writes that landed after their process had lost the lease: "
          f"{sum(len(one.landed) for one in found)}")  # fmt: skip
    print(f"  processes that lost the lease although nobody struck them: "
          f"{sum(one.unplanned for one in found)}")  # fmt: skip
    broken = [one for one in found if one.violations]
    print(f"  schedules that broke a rule: {len(broken)}")
    for one in broken:
        print(f"    seed {one.seed}: {'; '.join(one.violations)}")


if __name__ == "__main__":
    raise SystemExit(main())
