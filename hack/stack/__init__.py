"""The local stack: a real API server, Postgres and Redis, and servers that speak AWS's and Slack's
protocols. Used alike by the demo, the tests and the benchmarks; everything is on loopback."""
