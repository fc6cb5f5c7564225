"""Deadline (pytest, asyncio): a reply must come within 20 ms over a socket; the twin waits for 10 s."""
import asyncio
import os

LIMIT_S = 10 if os.environ.get("RACES_FIXED") == "1" else 0.02
DELAY_S = 0.1 if os.environ.get("RACES_WIDENED") == "1" else 0


async def serve(reader, writer):
    request = await reader.readline()
    await asyncio.sleep(DELAY_S)
    writer.write(bytes(sorted(request.strip() * 2000)) + b"\n")
    await writer.drain()
    writer.close()


async def ask(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(b"ping\n")
    reply = await asyncio.wait_for(reader.readline(), LIMIT_S)
    writer.close()
    return reply


async def exchange():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        return await ask(server.sockets[0].getsockname()[1])


def test_reply_comes_in_time():
    assert len(asyncio.run(exchange())) == 8001
