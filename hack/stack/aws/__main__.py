"""python -m stack.aws --port N."""

import argparse

from stack.aws.server import serve


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="AWS on loopback")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    serve(arguments.host, arguments.port)


if __name__ == "__main__":
    main()
