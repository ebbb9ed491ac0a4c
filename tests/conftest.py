"""The servers of the local stack, one of each for the whole session."""

pytest_plugins = ["stack.pytest_plugin", "tests.whole"]
