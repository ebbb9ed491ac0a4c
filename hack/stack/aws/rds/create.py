"""CreateDBInstance: moto's, with the defaults that DescribeDBInstances of AWS shows."""

from typing import Any

from botocore import xform_name

from stack.aws.rds.performance import show_performance
from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

_VERSIONS = {"postgres": "16.9", "mysql": "8.0.42", "mariadb": "11.4.5"}


def create(world: World, call: Call) -> dict[str, Any]:
    """The answer. Raises AWSError."""
    params = dict(call.params)
    version = _VERSIONS.get(params["Engine"])
    if version:
        params.setdefault("EngineVersion", version)
    database = through_moto(
        moto("rds", call).create_db_instance, {xform_name(n): v for n, v in params.items()}
    )
    if database.db_cluster_identifier is None:
        show_performance(database)
    world.region(call).instances.pop(database.db_instance_identifier, None)
    return {"DBInstance": database}


def through_moto(function: Any, *arguments: Any) -> Any:
    """Call moto; its refusals become ours. Raises AWSError."""
    try:
        return function(*arguments)
    except Exception as error:
        code, message = getattr(error, "code", None), getattr(error, "message", None)
        if not isinstance(code, str):
            code, message = getattr(error, "error_type", None), message or str(error)
        if code is None:
            raise
        raise AWSError(code, str(message)) from None
