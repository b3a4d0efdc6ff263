"""A client of another make for DNS over QUIC and over HTTP/3: aioquic, from `scripts/aioquic.sh`.

Usage: aioquic_client.py WHERE-AIOQUIC-IS doq|doq-id|h3 HOST PORT CA SERVER-NAME NAME...
Prints a line for each name: how many octets came back, RCODE, and the last four octets of the message. `doq-id` asks with
an ID that is not zero, and prints the code that the server closes with.
"""

import asyncio
import base64
import struct
import sys

sys.path.insert(0, sys.argv[1])
try:
    from aioquic.asyncio import QuicConnectionProtocol, connect
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import DataReceived, HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import ConnectionTerminated, StreamDataReceived
except ImportError as error:
    sys.exit(f"skipped: aioquic cannot be imported ({error})")

PATIENCE = 20


def question(name, number=0):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def told(message):
    return f"{len(message)} octets, RCODE {message[3] & 15}, {'.'.join(map(str, message[-4:]))}"


class Streams(QuicConnectionProtocol):
    """Collects what comes back on each stream until its end."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.waiting, self.received, self.status = {}, {}, {}
        self.closed = asyncio.get_running_loop().create_future()
        self.http = None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated) and not self.closed.done():
            self.closed.set_result(event.error_code)
        elif self.http:
            for each in self.http.handle_event(event):
                if isinstance(each, HeadersReceived):
                    self.status[each.stream_id] = dict(each.headers)[b":status"].decode()
                data = each.data if isinstance(each, DataReceived) else b""
                self.take(each.stream_id, data, each.stream_ended)
        elif isinstance(event, StreamDataReceived):
            self.take(event.stream_id, event.data, event.end_stream)

    def take(self, stream, data, ended):
        self.received[stream] = self.received.get(stream, b"") + data
        if ended and stream in self.waiting:
            self.waiting.pop(stream).set_result(self.received.pop(stream))

    def answer_on(self, stream):
        self.waiting[stream] = asyncio.get_running_loop().create_future()
        return self.waiting[stream]

    async def doq(self, name, number=0):
        stream, message = self._quic.get_next_available_stream_id(), question(name, number)
        self._quic.send_stream_data(stream, struct.pack("!H", len(message)) + message, end_stream=True)
        self.transmit()
        framed = await self.answer_on(stream)
        assert struct.unpack("!H", framed[:2])[0] == len(framed) - 2, "the length in front of the answer"
        return framed[2:]

    async def h3(self, authority, name, method):
        stream, message = self._quic.get_next_available_stream_id(), question(name)
        path, body = "/dns-query", message
        if method == "GET":
            path, body = path + "?dns=" + base64.urlsafe_b64encode(message).rstrip(b"=").decode(), b""
        headers = {":method": method, ":scheme": "https", ":authority": authority, ":path": path}
        headers |= {"accept": "application/dns-message"} if method == "GET" else {"content-type": "application/dns-message"}
        headers = [(key.encode(), value.encode()) for key, value in headers.items()]
        self.http.send_headers(stream, headers, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        answer = self.answer_on(stream)
        self.transmit()
        message = await answer
        assert self.status[stream] == "200", self.status[stream]
        return message


async def main(way, host, port, ca, server_name, names):
    alpn = ["h3"] if way == "h3" else ["doq"]
    configuration = QuicConfiguration(is_client=True, alpn_protocols=alpn, server_name=server_name)
    configuration.load_verify_locations(ca)
    async with connect(host, int(port), configuration=configuration, create_protocol=Streams) as streams:
        if way == "doq-id":
            # Nothing comes back on the stream, so nobody waits for it.
            asyncio.ensure_future(streams.doq(names[0], 1))
            print(f"closed with {await streams.closed}")
            return
        if way == "h3":
            streams.http = H3Connection(streams._quic)
            asked = [streams.h3(server_name, name, method) for name in names for method in ("GET", "POST")]
        else:
            asked = [streams.doq(name) for name in names]
        for message in await asyncio.gather(*asked):
            print(told(message))


asyncio.run(asyncio.wait_for(main(*sys.argv[2:7], sys.argv[7:]), PATIENCE))
