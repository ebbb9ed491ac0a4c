"""The status contract over many states: PYTHONPATH=hack python -m tests.bench.contract.

Drives setpoint through edits, modes, approvals, faults, drift, suspension and deletion until it has
written 5,000 statuses, 500 of them distinct without their times, and judges each one by kstatus,
Flux's checkers, Argo CD's scripts and rules of our own. It ends with status 1 on a violation.
"""

import argparse
import contextlib
import sys
from collections import Counter
from pathlib import Path

from tests.contract.drive import Driver, Enough, Parts
from tests.contract.judge import Report, judge
from tests.contract.snapshots import snapshots

from stack import gobuild
from stack.aws.client import AwsStack
from stack.certs import Authority
from stack.config import Stack
from stack.operator import (
    NAMESPACE,
    SERVICE_ACCOUNT,
    OperatorProcess,
    configuration,
)
from stack.redis import RedisServer

ROOT = Path(__file__).parents[2]
LIMITS = {"backoffBase": "200ms", "backoffCeiling": "2s", "stalledAfter": "3s"}
SEED = 20261124
CACHES = 2


def drive(stack: Stack, options: argparse.Namespace) -> Report:
    """Until there are enough; what came out."""
    cluster = stack.controlplane
    cluster.kubectl("apply", "-k", str(ROOT / "deploy/kustomize/overlays/cluster-wide"))
    aws = AwsStack(stack.aws.base_url)
    operator = OperatorProcess(
        stack.run_dir / "operator",
        cluster.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT),
        aws.base_url,
        configuration(stack.slack.base_url, ["driven-*"], **LIMITS),
    )
    authority = Authority(stack.run_dir / "pki-caches")
    with contextlib.ExitStack() as servers:
        caches = [
            servers.enter_context(RedisServer(stack.run_dir, authority, name=f"cache-{number}"))
            for number in range(CACHES)
        ]
        operator.start()
        servers.callback(operator.stop)
        parts = Parts(cluster, aws, stack.postgres, caches, operator)
        driver = Driver(parts, f"driven-{options.seed}", options.seed, options.each)
        driver.prepare()
        limit = 60 * options.minutes
        driver.run(Enough(driver, options.writes, options.distinct, limit, every=30), options.pause)
        print(f"seed {options.seed}, steps: {dict(driver.counts)}")
        found = snapshots(cluster)
        reasons = Counter(one.conditions["Ready"]["reason"] for one in found if one.ours)
        print(f"Ready's reasons: {dict(reasons.most_common())}")
        return judge(found)


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=5000)
    parser.add_argument("--distinct", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=60, help="at most")
    parser.add_argument("--each", type=int, default=6, help="resources of each kind")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two steps")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    gobuild.built_status_check()
    with Stack.start() as stack:
        report = drive(stack, options)
    print(report)
    for violation in report.violations[:20]:
        print(violation)
    is_enough = report.writes >= options.writes and report.distinct >= options.distinct
    return 0 if is_enough and not report.violations else 1


if __name__ == "__main__":
    sys.exit(main())
