"""What the strict layer holds beside moto: accounts, regions, sessions, faults, the ledger."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from moto.backends import get_backend

from stack.aws.faults import Faults
from stack.aws.ledger import Ledger
from stack.aws.rights import Policy
from stack.aws.wire import Call

DEFAULT_ACCOUNT = "123456789012"
ACCOUNT_DIGITS = 12


class Key(NamedTuple):
    """What identifies a scalable target."""

    namespace: str
    resource: str
    dimension: str

    def __str__(self) -> str:
        return (
            f"service namespace: {self.namespace}, resource ID: {self.resource}, "
            f"scalable dimension: {self.dimension}"
        )


@dataclass
class Settings:
    """How an account behaves where AWS leaves it open. Times in seconds.

    A new scalable target is unknown to others for `settle_seconds`, and to the first `settle_calls`
    that need it. After a write the first `stale_calls` calls of each listing of Application Auto
    Scaling show what was there before. An RDS instance goes on saying `available` for
    `rds_appear_seconds`, is `modifying` for `rds_seconds`, and after a storage change in
    `storage-optimization` for `rds_optimize_seconds`. Cache clusters take `cache_seconds` for a
    change of their parameter group. Roles by their ARN: those that trust nobody, and those that
    trust who knows an external id; all others trust everybody.
    """

    settle_seconds: float = 0.0
    settle_calls: int = 0
    stale_calls: int = 0
    rds_appear_seconds: float = 0.0
    rds_seconds: float = 0.3
    rds_optimize_seconds: float = 0.0
    cache_seconds: float = 0.0
    refused_roles: list[str] = field(default_factory=list)
    external_ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Denial:
    """An explicit deny: globs of an IAM action, a resource, and a role's ARN."""

    action: str
    resource: str = "*"
    role: str = "*"


class Region:
    """State of one region of one account; what it means is the affair of the service's module."""

    def __init__(self) -> None:
        self.targets: dict[str, dict[Key, Any]] = defaultdict(dict)  # by namespace
        self.activities: list[dict[str, Any]] = []
        self.series: dict[Any, Any] = {}
        self.before: dict[str, dict[Key, Any]] | None = None  # the targets before the last write
        self.stale_calls: dict[str, int] = {}  # answers from then, by operation
        self.raw: dict[str, list[dict[str, Any]]] = {}
        self.instances: dict[str, Any] = {}
        self.parameter_groups: dict[str, Any] = {}
        self.serverless_caches: dict[str, dict[str, Any]] = {}
        self.caches: dict[str, dict[str, Any]] = {}  # what control calls say of ElastiCache's


class Account:
    """State of one account."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.denials: list[Denial] = []
        self.regions: dict[str, Region] = defaultdict(Region)


@dataclass
class Session:
    """Temporary credentials of an assumed role."""

    account: str
    role: str
    name: str
    expires: float


class World:
    """Everything; `lock` is held while a call is carried out."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.sessions: dict[str, Session] = {}
        self.policies: list[Policy] = []  # of the principals that have any; they outlive a reset
        self.faults = Faults()
        self.ledger = Ledger()

    def account(self, call: Call) -> Account:
        """The account of a call."""
        return self.accounts[call.account]

    def region(self, call: Call) -> Region:
        """The region of a call."""
        return self.accounts[call.account].regions[call.region]

    def account_of(self, access_key: str) -> str:
        """An access key that ends in 12 digits is of that account, and a session has its role's;
        else it is the default one."""
        if access_key in self.sessions:
            return self.sessions[access_key].account
        account = access_key[-ACCOUNT_DIGITS:]
        is_account = account.isdecimal() and len(account) == ACCOUNT_DIGITS
        return account if is_account else DEFAULT_ACCOUNT


def moto(service: str, call: Call) -> Any:
    """Moto's own state of a service in the account and region of a call."""
    return backends(service)[call.account][call.region]


def backends(service: str) -> Any:
    """Moto's state of a service, by account and region."""
    return get_backend(cast("Any", service))
