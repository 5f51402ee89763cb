"""A connection pooler in front of a server, as hosted Supabase has one: it takes `user.tenant` for user, passes no replication on, and knows
two modes. As a session pooler it gives each client a server connection of its own; as a transaction pooler it gives each transaction
another one, of those that its clients have logged in."""

import collections
import dataclasses
import select
import socket
import struct
import threading

SSL, GSS, CANCEL = 80877103, 80877104, 80877102  # what comes in the place of a protocol version


class Gone(Exception):
    """The other end closed the connection."""


@dataclasses.dataclass
class Login:
    user: str
    database: str
    application: str
    accepted: bool = False
    refused_with: str = ""  # SQLSTATE


def take(source, count):
    data = b""
    while len(data) < count:
        piece = source.recv(count - len(data))
        if not piece:
            raise Gone
        data += piece
    return data


def take_message(source):
    """Type and body of one message behind the startup."""
    kind, length = struct.unpack("!cI", take(source, 5))
    return kind, take(source, length - 4)


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


def error_fields(body):
    return {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}


class Pooler:
    """Listens on a free port of 127.0.0.1 until close(). `logins` has each attempt of a client, also those that were refused."""

    def __init__(self, server, *, mode="session", tenant="abcdefghijklmnopqrst"):
        assert mode in ("session", "transaction")
        self.mode, self.tenant = mode, tenant
        self.logins = []
        self.refusal = None  # (SQLSTATE, text): what the pooler itself says to everybody from now on
        self._address = ("127.0.0.1", server.port)
        self._lock = threading.Lock()
        self._idle = collections.defaultdict(collections.deque)  # (user, database) -> server connections that no transaction uses
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def conninfo(self, user="postgres", database="postgres", **more):
        """How clients connect, without the password."""
        parts = {"host": "127.0.0.1", "port": self.port, "user": f"{user}.{self.tenant}", "dbname": database, **more}
        return " ".join(f"{name}={value}" for name, value in parts.items())

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._sockets:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # its peer has closed it already
            for idle in self._idle.values():
                for each in idle:
                    each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _connect(self):
        server = socket.create_connection(self._address)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets.add(server)
        return server

    def _serve(self, client):
        with self._lock:
            self._sockets.add(client)
        own = None
        try:
            parameters = self._startup(client)
            if parameters is None:
                return
            login = Login(parameters["user"], parameters.get("database", parameters["user"]), parameters.get("application_name", ""))
            self.logins.append(login)
            if self.refusal:
                login.refused_with, text = self.refusal
                client.sendall(message(b"E", f"SFATAL\0VFATAL\0C{login.refused_with}\0M{text}\0\0".encode()))
                return
            own = self._connect()
            if not self._log_in(client, own, parameters, login):
                return
            if self.mode == "session":
                self._relay(client, own)
            else:
                server, own = own, None  # stays logged in for others
                self._share(client, server, self._idle[login.user, login.database])
        except (Gone, OSError):
            pass  # either end has left: both are closed below
        finally:
            with self._lock:
                self._sockets -= {client, own}
            for each in filter(None, (client, own)):
                each.close()

    def _startup(self, client):
        """The startup parameters; None after a cancel request, which has no answer."""
        while True:
            length, version = struct.unpack("!II", take(client, 8))
            rest = take(client, length - 8)
            if version in (SSL, GSS):
                client.sendall(b"N")
            elif version == CANCEL:
                with self._connect() as server:
                    server.sendall(struct.pack("!II", length, version) + rest)
                return None
            else:
                words = rest.rstrip(b"\0").decode().split("\0")
                parameters = dict(zip(words[::2], words[1::2]))
                parameters.pop("replication", None)
                parameters["user"] = parameters["user"].removesuffix("." + self.tenant)
                return parameters

    def _log_in(self, client, server, parameters, login):
        """Authentication, up to the first ReadyForQuery: between client and server themselves."""
        words = "".join(f"{name}\0{value}\0" for name, value in parameters.items()).encode() + b"\0"
        server.sendall(struct.pack("!II", len(words) + 8, 3 << 16) + words)
        while True:
            kind, body = take_message(server)
            if kind == b"E":
                login.refused_with = error_fields(body)[b"C"]
            client.sendall(message(kind, body))
            if kind == b"E":
                return False
            if kind == b"Z":
                login.accepted = True
                return True
            if kind == b"R" and struct.unpack("!I", body[:4])[0] not in (0, 12):  # it wants an answer
                client_kind, answer = take_message(client)
                server.sendall(message(client_kind, answer))

    def _relay(self, client, server):
        other = {client: server, server: client}
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(1 << 16)
                if not data:
                    raise Gone
                other[source].sendall(data)

    def _share(self, client, own, idle):
        """Each transaction gets the server connection that was idle for longest."""
        with self._lock:
            idle.append(own)
        while True:
            kind, body = take_message(client)
            if kind == b"X":
                return
            with self._lock:
                server = idle.popleft()
            try:
                self._transaction(client, server, message(kind, body))
            except (Gone, OSError):
                server.close()  # in the midst of a transaction: of no use to others
                raise
            with self._lock:
                idle.append(server)

    def _transaction(self, client, server, first):
        server.sendall(first)
        while True:
            for source in select.select([client, server], [], [])[0]:
                kind, body = take_message(source)
                if source is client and kind == b"X":
                    raise Gone
                (server if source is client else client).sendall(message(kind, body))
                if source is server and kind == b"Z" and body == b"I":
                    return
