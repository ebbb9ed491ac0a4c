"""`python -m stack.aws --port N [--host 127.0.0.1]`: serve until ended."""

import argparse

from stack.aws.server import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m stack.aws", description="AWS on loopback")
    parser.add_argument("--port", type=int, required=True, help="the port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="the address (default: %(default)s)")
    arguments = parser.parse_args()
    serve(arguments.host, arguments.port)


if __name__ == "__main__":
    main()
