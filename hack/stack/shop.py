"""The shop: an application's AWS and data tier on the local stack, with load on it.

Used by the demo and by the end-to-end tests alike: an ECS service, an RDS instance, a Postgres
database with an index missing and one too many, a Redis full of keys without TTL.
"""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import psycopg
import redis
from psycopg import sql

from stack.aws.client import AwsStack
from stack.postgres import PostgresServer
from stack.redis import RedisServer

REGION = "eu-central-1"
DEFAULT_ACCOUNT = "123456789012"
LOAD_BALANCER = "app/prod/50dc6c495c0c9188"
TARGET_GROUP = "targetgroup/checkout/73e2d6bc24d8a067"
DB_PASSWORD = "shop-password"  # noqa: S105 - of a throw-away server on loopback
TABLE_ROWS = 60_000
SCANS = 1_500


def create_ecs_service(
    aws: AwsStack, cluster: str, service: str, desired: int, *, target_group: str = TARGET_GROUP
) -> None:
    """An ECS service with `desired` tasks behind a load balancer's target group."""
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{aws.account or DEFAULT_ACCOUNT}:{target_group}"
    ecs = aws.boto3_client("ecs", REGION)
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(
        family=service,
        containerDefinitions=[{"name": "app", "image": "app", "cpu": 256, "memory": 512}],
    )
    ecs.create_service(
        cluster=cluster,
        serviceName=service,
        taskDefinition=service,
        desiredCount=desired,
        loadBalancers=[{"targetGroupArn": arn, "containerName": "app", "containerPort": 8080}],
    )


def set_service_load(
    aws: AwsStack, cluster: str, service: str, *, cpu: float, memory: float
) -> None:
    """The service's utilisation in percent, from now on."""
    dimensions = {"ClusterName": cluster, "ServiceName": service}
    aws.set_metric(REGION, "AWS/ECS", "CPUUtilization", dimensions, cpu)
    aws.set_metric(REGION, "AWS/ECS", "MemoryUtilization", dimensions, memory)


def set_traffic(aws: AwsStack, *, requests: float, errors: float, seconds: float) -> None:
    """Requests and 5xx answers a minute, and the mean response time, from now on.

    As with AWS there is no datapoint for a count that is zero.
    """
    dimensions = {"LoadBalancer": LOAD_BALANCER, "TargetGroup": TARGET_GROUP}
    namespace = "AWS/ApplicationELB"
    values = {"RequestCount": requests, "HTTPCode_Target_5XX_Count": errors,
              "TargetResponseTime": seconds if requests else 0}  # fmt: skip
    for name, value in values.items():
        aws.set_metric(REGION, namespace, name, dimensions, value or None)


def set_service_connect(
    aws: AwsStack, cluster: str, service: str, *, discovery: str, milliseconds: float
) -> None:
    """The mean response time that Service Connect measures, which is in milliseconds."""
    names = {"TargetDiscoveryName": discovery, "ClusterName": cluster, "ServiceName": service}
    aws.set_metric(
        REGION, "AWS/ECS", "TargetResponseTime", names, milliseconds, unit="Milliseconds"
    )


def create_rds_instance(aws: AwsStack, name: str, *, instance_class: str, storage: int) -> None:
    """An RDS instance that runs Postgres on gp3, with `storage` GiB."""
    aws.boto3_client("rds", REGION).create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass=instance_class,
        Engine="postgres",
        AllocatedStorage=storage,
        StorageType="gp3",
        MasterUsername="app",
        MasterUserPassword=DB_PASSWORD,
        PreferredMaintenanceWindow="sun:03:00-sun:04:00",
    )


def create_database(postgres: PostgresServer, name: str, role: str) -> str:
    """A database with the two classic faults; the operator's own role and its connection URI."""
    postgres.create_database(name)
    with admin(postgres, name) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(DB_PASSWORD)
            )
        )
        for grant in ("pg_monitor", "pg_read_all_data"):
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(grant), sql.Identifier(role))
            )
        connection.execute(
            "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, state text,"
            " created_at timestamptz, note text)"
        )
        connection.execute(
            "INSERT INTO orders SELECT g, g %% 5000, CASE g %% 3 WHEN 0 THEN 'open' ELSE 'done'"
            " END, now() - g * interval '1 minute', repeat('x', 40)"
            " FROM generate_series(1, %s) AS g",
            (TABLE_ROWS,),
        )
        connection.execute("CREATE INDEX orders_note_idx ON orders (note)")
        connection.execute("ANALYZE orders")
    return postgres.uri(role, DB_PASSWORD, name)


def scan_table(postgres: PostgresServer, name: str, scans: int = SCANS) -> None:
    """Look orders up by a column without index, `scans` times."""
    with admin(postgres, name) as connection:
        connection.execute("SET enable_indexscan = off")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute(
            "DO $$ BEGIN FOR i IN 1.." + str(int(scans)) + " LOOP"
            " PERFORM 1 FROM orders LIMIT 1; END LOOP; END $$"
        )
        connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")


@contextlib.contextmanager
def admin(postgres: PostgresServer, database: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection, for set-up only."""
    with psycopg.connect(postgres.superuser_uri(database), autocommit=True) as connection:
        yield connection


def fill_cache(server: RedisServer, keys: int) -> None:
    """Keys without TTL, pinned ones among them, a queue, and keys with a TTL of their own."""
    with connect(server) as client:
        pipeline = client.pipeline(transaction=False)
        for number in range(keys):
            pipeline.set(f"session:{number}", b"x" * 100)
        for number in range(20):
            pipeline.set(f"pinned:{number}", "keep")
            pipeline.set(f"own:{number}", "mine", ex=86_400)
        pipeline.rpush("queue:mail", *range(50))
        pipeline.execute()


def use_cache(server: RedisServer, *, hits: int, misses: int, seed: int) -> None:
    """Look keys up: `hits` that are there and `misses` that are not."""
    draw = random.Random(seed)  # noqa: S311 - a load, not a secret
    with connect(server) as client:
        pipeline = client.pipeline(transaction=False)
        for _ in range(hits):
            pipeline.get(f"session:{draw.randrange(100)}")
        for number in range(misses):
            pipeline.get(f"absent:{number}")
        pipeline.execute()


@contextlib.contextmanager
def connect(server: RedisServer) -> Iterator[Any]:
    """A client with the server's password over plain TCP."""
    client = redis.Redis.from_url(server.url(tls=False))
    try:
        yield client
    finally:
        client.close()
