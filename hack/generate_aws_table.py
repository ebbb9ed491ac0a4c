"""What Application Auto Scaling supports, from botocore's model: python hack/generate_aws_table.py.

AWS publishes which service takes which policy type, and how a resource is named, only in the texts
of its API model. They are read here, and every name in them must be known: a text that changed
ends the run with TableError instead of giving a table with a hole.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from pathlib import Path
from pprint import pformat
from typing import Any

from botocore.loaders import Loader

TABLE = Path(__file__).parent.parent / "operator/setpoint/api/aws_scaling.py"

PRODUCTS = {
    "Amazon Comprehend": "comprehend",
    "Amazon ECS": "ecs",
    "Amazon ElastiCache": "elasticache",
    "Amazon EMR": "elasticmapreduce",
    "Amazon Keyspaces": "cassandra",
    "Amazon MSK": "kafka",
    "DynamoDB": "dynamodb",
    "Lambda": "lambda",
    "Neptune": "neptune",
}
"""Services by the name the texts give them."""

SCALED = {"Spot Fleets": "ec2:spot-fleet-request:", "ECS services": "ecs:service:"}
"""What a note on a metric says it applies to, as the beginning of dimensions."""

METRICS = {
    "AppStream": "appstream:",
    "CassandraRead": "cassandra:table:Read",
    "CassandraWrite": "cassandra:table:Write",
    "Comprehend": "comprehend:",
    "DynamoDBRead": r"dynamodb:\w+:Read",
    "DynamoDBWrite": r"dynamodb:\w+:Write",
    "EC2SpotFleetRequest": "ec2:spot-fleet-request:",
    "ECSService": "ecs:service:",
    "ElastiCache": "elasticache:",
    "KafkaBrokerStorage": "kafka:broker-storage:",
    "LambdaProvisionedConcurrency": "lambda:function:ProvisionedConcurrency",
    "NeptuneReader": "neptune:cluster:",
    "RDSReader": "rds:cluster:",
    "SageMakerInferenceComponent": "sagemaker:inference-component:",
    "SageMakerVariant": "sagemaker:variant:DesiredInstanceCount",
    "SageMakerVariantProvisionedConcurrency": "sagemaker:variant:DesiredProvisionedConcurrency",
    "WorkSpaces": "workspaces:",
}
"""How the names of metrics begin, and the dimensions they are about, as the beginning of a pattern.
The longest that fits counts."""

RESOURCES = {
    "ECS service": "ecs:service:",
    "Spot Fleet": "ec2:spot-fleet-request:",
    "EMR cluster": "elasticmapreduce:",
    "AppStream 2.0 fleet": "appstream:fleet:",
    "DynamoDB table": "dynamodb:table:",
    "DynamoDB global secondary index": "dynamodb:index:",
    "Aurora DB cluster": "rds:cluster:",
    "SageMaker endpoint variant": "sagemaker:variant:DesiredInstanceCount",
    "Amazon Comprehend document classification endpoint": "comprehend:document-classifier-",
    "Amazon Comprehend entity recognizer endpoint": "comprehend:entity-recognizer-",
    "Lambda provisioned concurrency": "lambda:function:",
    "Amazon Keyspaces table": "cassandra:table:",
    "Amazon MSK cluster": "kafka:",
    "Amazon ElastiCache replication group": "elasticache:replication-group:",
    "Amazon ElastiCache cache cluster": "elasticache:cache-cluster:",
    "Neptune cluster": "neptune:cluster:",
    "SageMaker serverless endpoint": "sagemaker:variant:DesiredProvisionedConcurrency",
    "SageMaker inference component": "sagemaker:inference-component:",
    "Pool of WorkSpaces": "workspaces:",
}
"""The resources as the text on ResourceId names them, and the beginning of their dimensions."""

FREE_FORM = {"custom-resource:ResourceType:Property"}
"""Dimensions whose resources are named by somebody else's rules."""

_HEAD = '''"""What Application Auto Scaling supports.

Generated from botocore's model of the service by `make generate`. Do not edit.
"""

from collections.abc import Mapping
'''

_LIST = "tuple[str, ...]"
_MEANING = {
    "NAMESPACES": (_LIST, "ServiceNamespace."),
    "DIMENSIONS": ("Mapping[str, str]", "Dimension to namespace."),
    "POLICY_TYPES": (f"Mapping[str, {_LIST}]", "Namespace to the PolicyTypes it takes."),
    "METRICS": (
        f"Mapping[str, {_LIST}]",
        "Dimension to its PredefinedMetricTypes of target tracking.",
    ),
    "LABELLED_METRICS": (
        _LIST,
        "PredefinedMetricTypes that need a ResourceLabel; no other may have one.",
    ),
    "HIGH_RESOLUTION": (
        "Mapping[str, str]",
        "PredefinedMetricTypes that need 20-second metrics switched on in ECS, to the common one.",
    ),
    "PREDICTIVE_METRICS": (_LIST, "PredefinedMetricTypes of predictive scaling."),
    "RESOURCE_IDS": (
        "Mapping[str, tuple[str, str]]",
        "Dimension to the pattern of a whole ResourceId (valid RE2 as well) and an example.",
    ),
}
"""Type and docstring of each constant of the module."""

_ITEM = re.compile(r"<li>\s*<p>\s*(.*?)\s*</p>\s*</li>", re.DOTALL)
_CODE = re.compile(r"<code>(.*?)</code>")


class TableError(Exception):
    """The model says something that is not understood here."""


def load() -> dict[str, Any]:
    """The shapes of the service model in the installed botocore."""
    model = Loader().load_service_model("application-autoscaling", "service-2")
    return dict(model["shapes"])


def generate(shapes: Mapping[str, Any]) -> str:
    """The module's text, not yet formatted.

    Raises:
        TableError: a text or an enum has something that is not known here.
    """
    dimensions = _enum(shapes, "ScalableDimension")
    namespaces = _enum(shapes, "ServiceNamespace")
    tables = {
        "NAMESPACES": namespaces,
        "DIMENSIONS": _owners(dimensions, namespaces),
        "POLICY_TYPES": _policy_types(shapes, namespaces),
        "METRICS": _metrics(shapes, dimensions),
        "LABELLED_METRICS": _labelled(shapes),
        "HIGH_RESOLUTION": _high_resolution(shapes),
        "PREDICTIVE_METRICS": _predictive_metrics(shapes),
        "RESOURCE_IDS": _resource_ids(shapes, dimensions),
    }
    return _HEAD + "".join(
        f"\n{name}: {_MEANING[name][0]} = {pformat(value, width=90, sort_dicts=False)}\n"
        f'"""{_MEANING[name][1]}"""\n'
        for name, value in tables.items()
    )


def formatted(text: str) -> str:
    """A module's text as `make format` would leave it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TABLE), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def _enum(shapes: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = tuple(shapes[name].get("enum", ()))
    if not values:
        raise TableError(f"{name} names no values any more")
    return values


def _text(shapes: Mapping[str, Any], shape: str, member: str) -> str:
    return unescape(str(shapes[shape]["members"][member]["documentation"]))


def _matching(beginning: str, dimensions: Iterable[str], what: str) -> list[str]:
    found = [dimension for dimension in dimensions if re.match(beginning, dimension)]
    if not found:
        raise TableError(f"{what}: no dimension begins with {beginning!r}")
    return found


def _owners(dimensions: Sequence[str], namespaces: Sequence[str]) -> dict[str, str]:
    owners = {dimension: dimension.partition(":")[0] for dimension in dimensions}
    if odd := set(owners.values()) ^ set(namespaces):
        raise TableError(f"namespaces without dimensions, or the other way round: {sorted(odd)}")
    return owners


def _policy_types(
    shapes: Mapping[str, Any], namespaces: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    types = _enum(shapes, "PolicyType")
    text = _text(shapes, "PutScalingPolicyRequest", "PolicyType")
    rules = re.findall(r"<code>(\w+)</code>—(Not|Only) supported for (.*?)\.</p>", text)
    if sorted(name for name, *_ in rules) != sorted(types):
        raise TableError(f"the text on PolicyType no longer has one sentence for each of {types}")
    takes = {name: _takers(only == "Only", names, namespaces) for name, only, names in rules}
    return {
        namespace: tuple(kind for kind in types if namespace in takes[kind])
        for namespace in namespaces
    }


def _takers(only: bool, names: str, namespaces: Sequence[str]) -> set[str]:
    products = [name.strip() for name in re.split(r",\s*(?:or|and)\s+|,|\s+or\s+|\s+and\s+", names)]
    if unknown := set(products) - set(PRODUCTS):
        raise TableError(f"the text on PolicyType names unknown services: {sorted(unknown)}")
    named = {PRODUCTS[product] for product in products}
    if odd := named - set(namespaces):
        raise TableError(f"the text on PolicyType names services without namespace: {sorted(odd)}")
    return named if only else set(namespaces) - named


def _metrics(shapes: Mapping[str, Any], dimensions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    by_note = _noted(shapes, dimensions)
    owners = {
        metric: by_note.get(metric) or _by_name(metric, dimensions)
        for metric in _enum(shapes, "MetricType")
    }
    if unused := set(METRICS) - {_prefix(metric) for metric in owners}:
        raise TableError(f"no metric begins with {sorted(unused)} any more")
    return {
        dimension: tuple(metric for metric, owned in owners.items() if dimension in owned)
        for dimension in dimensions
    }


def _by_name(metric: str, dimensions: Sequence[str]) -> list[str]:
    if not (prefix := _prefix(metric)):
        raise TableError(f"the metric {metric} belongs to no known dimension")
    return _matching(METRICS[prefix], dimensions, metric)


def _prefix(metric: str) -> str:
    return max((prefix for prefix in METRICS if metric.startswith(prefix)), key=len, default="")


def _noted(shapes: Mapping[str, Any], dimensions: Sequence[str]) -> dict[str, list[str]]:
    """Metrics whose note says what they apply to."""
    text = _text(shapes, "PredefinedMetricSpecification", "PredefinedMetricType")
    notes = re.findall(r"<code>(\w+)</code> - [^<]*applies only to (.*?)\.\s*</p>", text)
    found: dict[str, list[str]] = {}
    for metric, names in notes:
        for name in re.split(r",\s*and\s+|,\s*|\s+and\s+", names):
            if name not in SCALED:
                raise TableError(f"the note on {metric} names {name!r}, which is not known")
            found.setdefault(metric, []).extend(_matching(SCALED[name], dimensions, name))
    return found


def _labelled(shapes: Mapping[str, Any]) -> tuple[str, ...]:
    text = _text(shapes, "PredefinedMetricSpecification", "ResourceLabel")
    found = re.search(r"unless the metric type is (.*?) and there is", text)
    return _known_metrics(shapes, _CODE.findall(found[1]) if found else [], "ResourceLabel")


def _high_resolution(shapes: Mapping[str, Any]) -> dict[str, str]:
    text = _text(shapes, "PredefinedMetricSpecification", "PredefinedMetricType")
    pairs = re.findall(
        r"<code>(\w+)</code> - The high-resolution version of <code>(\w+)</code>", text
    )
    _known_metrics(shapes, [name for pair in pairs for name in pair], "high-resolution metrics")
    return dict(pairs)


def _known_metrics(shapes: Mapping[str, Any], names: list[str], what: str) -> tuple[str, ...]:
    if not names or set(names) - set(_enum(shapes, "MetricType")):
        raise TableError(f"the text on {what} names {names}, not metrics that exist")
    return tuple(names)


def _predictive_metrics(shapes: Mapping[str, Any]) -> tuple[str, ...]:
    texts = [
        unescape(str(shapes[f"PredictiveScalingPredefined{kind}Specification"]["documentation"]))
        for kind in ("MetricPair", "ScalingMetric", "LoadMetric")
    ]
    lists = {
        tuple(code for item in _ITEM.findall(text) for code in _CODE.findall(item))
        for text in texts
    }
    if len(lists) != 1 or not (names := lists.pop()):
        raise TableError("the texts on predictive scaling's metrics no longer have one list")
    return names


def _resource_ids(
    shapes: Mapping[str, Any], dimensions: Sequence[str]
) -> dict[str, tuple[str, str]]:
    text = _text(shapes, "PutScalingPolicyRequest", "ResourceId")
    found: dict[str, tuple[str, str]] = {}
    for item in _ITEM.findall(text):
        if item.startswith("Custom resources are not supported with a resource type."):
            continue
        label = item.partition(" - ")[0]
        if label not in RESOURCES:
            raise TableError(f"the text on ResourceId names {label!r}, which is not known")
        for dimension in _matching(RESOURCES[label], dimensions, label):
            found[dimension] = _resource_id(item)
    if odd := set(dimensions) - FREE_FORM ^ set(found):
        raise TableError(f"the text on ResourceId does not tell the form of {sorted(odd)}")
    return {dimension: found[dimension] for dimension in dimensions if dimension in found}


def _resource_id(item: str) -> tuple[str, str]:
    """Pattern and example: words that name a type stay, the rest may be anything."""
    example_text = re.search(r"Examples?: <code>(.*?)</code>", item)
    if not example_text:
        raise TableError(f"no example in {item!r}")
    example = example_text[1]
    if example.startswith("arn:"):
        return _arn(example), example
    type_text = re.search(r"resource type is <code>(.*?)</code>", item)
    if not type_text:
        raise TableError(f"no resource type in {item!r}")
    separator = ":" if ":" in example else "/"
    first, *others = example.split(separator)
    if type_text[1] not in (first, *others):
        raise TableError(f"the example {example!r} does not have its type {type_text[1]!r}")
    refused = re.search(r"that is not <code>(\W)\w+</code>", item)
    anything = rf"[^{separator}\s]+"
    parts = [first, *(part if part == type_text[1] else anything for part in others)]
    if refused:  # `$LATEST`: no alias and no version begins like that
        parts[-1] = rf"[^{separator}\s{refused[1]}]+"
    pattern = separator.join(parts)
    return _checked(pattern, example), example


def _arn(example: str) -> str:
    _, _, service, _, _, resource = example.split(":", 5)
    kind, *names = resource.split("/")
    path = "/".join([kind, *(r"[^/\s]+" for _ in names)])
    return _checked(rf"arn:aws[a-z-]*:{service}:[a-z0-9-]+:[0-9]{{12}}:{path}", example)


def _checked(pattern: str, example: str) -> str:
    if not re.fullmatch(pattern, example):
        raise TableError(f"{pattern!r} does not match its own example {example!r}")
    return pattern


if __name__ == "__main__":
    TABLE.write_text(formatted(generate(load())), encoding="utf-8")
