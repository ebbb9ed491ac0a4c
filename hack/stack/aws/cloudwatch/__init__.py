"""CloudWatch: metrics are the layer's own (moto computes no metric math); alarms are moto's."""

from typing import Any

from stack.aws.cloudwatch import alarms, datapoints, query
from stack.aws.state import World
from stack.aws.wire import AWSError, Call


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    match call.operation:
        case "GetMetricData":
            return query.get_metric_data(world, call)
        case "PutMetricData":
            return datapoints.put(world.region(call), call.params)
        case "ListMetrics":
            return datapoints.list_metrics(world.region(call), call)
        case "DescribeAlarms":
            return alarms.describe(world, call)
        case "PutMetricAlarm":
            return alarms.put(call)
        case "DeleteAlarms":
            return alarms.delete_alarms(call)
        case "GetMetricStatistics":  # moto would answer from a store that is always empty
            message = "the stand-in for AWS has no GetMetricStatistics: use GetMetricData"
            raise AWSError("NotImplemented", message, 501)
    return None
