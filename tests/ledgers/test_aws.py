"""With the IAM policies of deploy/iam nothing was refused, and nothing in them was not used."""

from stack.aws.client import OPERATOR_KEY, OPERATOR_POLICIES, AwsStack, iam_policies
from tests.whole import Whole

PARTS = (
    "integration/aws",
    "integration/scaling",
    "integration/database/test_rds.py",
    "integration/cache/test_elasticache.py",
)
"""What calls AWS for everything that it is ever called for."""


def test_the_operator_was_refused_nothing(aws: AwsStack) -> None:
    assert aws.rights()[f"{OPERATOR_KEY}*"]["refused"] == []


def actions(*names: str) -> set[str]:
    return {
        action
        for document in iam_policies(*names)
        for statement in document["Statement"]
        for action in statement["Action"]
    }


def test_every_action_of_the_policies_was_used(aws: AwsStack, whole: Whole) -> None:
    """Those of other scalable services are proved one by one, in integration/scaling."""
    used = set(aws.rights()[f"{OPERATOR_KEY}*"]["used"])
    unused = actions("*-enforce", "assume-roles") - used
    print("never used:", sorted(unused))
    assert used <= actions(*OPERATOR_POLICIES)
    assert not unused or not whole.has(*PARTS)
