"""TLS in front of a plain server on loopback, for a redis-server that was built without it.

Run as `python -m stack.tls_front PORT TARGET_PORT CERT KEY`, all on 127.0.0.1.
"""

import asyncio
import contextlib
import ssl
import sys

_HOST = "127.0.0.1"
_CHUNK_BYTES = 65_536


async def serve(port: int, target_port: int, cert: str, key: str) -> None:
    """Forward every TLS connection to the target, until cancelled."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            target = await asyncio.open_connection(_HOST, target_port)
            await _both_ways((reader, writer), target)
        writer.close()

    server = await asyncio.start_server(forward, _HOST, port, ssl=context)
    async with server:
        await server.serve_forever()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(client: Stream, target: Stream) -> None:
    """Until one side ends; then the other is closed too."""
    ways = {
        asyncio.ensure_future(_copy(client[0], target[1])),
        asyncio.ensure_future(_copy(target[0], client[1])),
    }
    _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in left:
        way.cancel()
    target[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
