# SPDX-License-Identifier: Apache-2.0
"""A TCP relay on loopback that makes the path behind it look far away.

Each direction is delayed by half a round trip. A connection is accepted at once, whatever a relay does, so the round
trip that TCP's handshake would have cost is put in front of the first bytes instead.
"""
import asyncio
import sys


async def pump(reader, writer, first_delay, delay):
    """Copies until the end, every chunk `delay` seconds late; the first `first_delay` later still."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def deliver():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return
            writer.write(data)

    delivery = asyncio.ensure_future(deliver())
    due = 0.0
    extra = first_delay
    try:
        while True:
            data = await reader.read(65536)
            due = max(due, loop.time() + delay + extra)
            extra = 0.0
            queue.put_nowait((due, data))
            if not data:
                break
    except ConnectionError:
        queue.put_nowait((due, b""))
    await delivery
    writer.close()


async def serve(target, round_trip):
    async def connected(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            pump(reader, far_writer, round_trip, round_trip / 2),
            pump(far_reader, writer, 0.0, round_trip / 2),
        )

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with whoever started it.
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1e3))
