"""ClamAV's daemon on 127.0.0.1, for tests of what is looked at before it is kept."""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EICAR = b"X5O!P%@AP-stands-for-malware"


@contextmanager
def clamd(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """ClamAV's daemon: reads the pieces to the empty one, then says what it found."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert self.rfile.read(10) == b"zINSTREAM\0"
            data = b""
            while size := struct.unpack("!L", self.rfile.read(4))[0]:
                data += self.rfile.read(size)
            self.wfile.write(answer(data))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def verdict(data: bytes) -> bytes:
    return b"stream: Win.Test.EICAR_HDB-1 FOUND\0" if EICAR in data else b"stream: OK\0"
