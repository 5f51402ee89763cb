"""A relay in front of a server's Unix socket, whose connections can be cut."""

import pathlib
import socket
import threading


class Proxy:
    """Listens where libpq looks with host=<directory>; cut() ends every connection, and refuses new ones, until heal()."""

    def __init__(self, server, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self._target = str(server.run_directory / f".s.PGSQL.{server.port}")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / f".s.PGSQL.{server.port}"))
        self._listener.listen()
        self._lock = threading.Lock()
        self._sockets = set()
        self._is_cut = False
        self.bytes_from_server = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                if self._is_cut:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self._target)
                except OSError:  # it is down
                    server.close()
                    client.close()
                    continue
                self._sockets |= {client, server}
            threading.Thread(target=self._relay, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, True), daemon=True).start()

    def _relay(self, source, sink, counts):
        try:
            while data := source.recv(1 << 16):
                if counts:  # before the client can see them: a test may look as soon as it has its answer
                    self.bytes_from_server += len(data)
                sink.sendall(data)
        except OSError:
            pass  # the other direction ended, or cut(): both ends are closed below
        with self._lock:
            for end in (source, sink):
                if end in self._sockets:
                    self._sockets.discard(end)
                    end.close()

    def cut(self):
        with self._lock:
            self._is_cut = True
            for end in self._sockets:
                end.shutdown(socket.SHUT_RDWR)

    def heal(self):
        with self._lock:
            self._is_cut = False

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
