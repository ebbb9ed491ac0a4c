"""DescribeEvents: of all that RDS tells, the restarts of one instance."""

from typing import Any

from stack.aws.rds.progress import find
from stack.aws.state import World
from stack.aws.wire import AWSError, Call


def describe(world: World, call: Call) -> dict[str, Any]:
    """The answer. Raises AWSError."""
    name = call.params.get("SourceIdentifier")
    if call.params.get("SourceType") != "db-instance" or not name:
        message = "the stand-in knows the events of one db-instance only"
        raise AWSError("InvalidParameterCombination", message)
    instance = find(world, call, name)
    events = [
        {
            "SourceIdentifier": name,
            "SourceType": "db-instance",
            "Message": "DB instance restarted",
            "EventCategories": ["availability"],
            "Date": at,
            "SourceArn": instance.database.db_instance_arn,
        }
        for at in instance.restarts
    ]
    return {"Events": events}
