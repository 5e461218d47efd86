"""What the client must not forget, in one SQLite file: who it is, what it has yet to send, what it has received.

Each method is one transaction, on disk when it returns. That is what "keep a message in the outbox until it is stored"
and "acknowledge what you have stored" of docs/websocket.md ask for.
"""

import json
import secrets
import sqlite3
import time

from python_keys import decode

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, value TEXT NOT NULL);
-- Up to which place everything of a conversation is here.
CREATE TABLE IF NOT EXISTS conversations (
  id TEXT PRIMARY KEY, members TEXT NOT NULL DEFAULT '[]', place INTEGER NOT NULL DEFAULT 0);
-- The devices to encrypt for.
CREATE TABLE IF NOT EXISTS devices (device TEXT PRIMARY KEY, user TEXT NOT NULL);
-- `message` is what was sent, kept to the letter: it may be stored although no answer came. `seq` is its place, then.
CREATE TABLE IF NOT EXISTS outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, conversation TEXT NOT NULL,
  body BLOB NOT NULL, message TEXT, seq INTEGER, stored_at REAL, failed TEXT);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (conversation, position)
  WHERE seq IS NULL AND failed IS NULL;
-- An id is stored once, however often it comes.
CREATE TABLE IF NOT EXISTS received (
  id TEXT PRIMARY KEY, conversation TEXT NOT NULL, seq INTEGER NOT NULL, sender TEXT NOT NULL,
  sent_at TEXT NOT NULL, body BLOB NOT NULL);
"""

WAITING = "seq IS NULL AND failed IS NULL"


class Store:
    def __init__(self, path: str):
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    def get(self, name: str):
        row = self._db.execute("SELECT value FROM account WHERE name = ?", (name,)).fetchone()
        return row and json.loads(row[0])

    def put(self, **values) -> None:
        with self._transaction():
            for name, value in values.items():
                self._db.execute(
                    "INSERT INTO account VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, json.dumps(value)),
                )

    def secret(self, name: str) -> bytes:
        """A seed, made the first time that it is asked for."""
        if self.get(name) is None:
            self.put(**{name: secrets.token_hex(32)})
        return bytes.fromhex(self.get(name))

    # Conversations and devices

    def know_conversation(self, conversation: str, members: list) -> None:
        self._db.execute(
            "INSERT INTO conversations (id, members) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET members = excluded.members",
            (conversation, json.dumps(members)),
        )

    def members(self, conversation: str) -> list:
        row = self._db.execute("SELECT members FROM conversations WHERE id = ?", (conversation,))
        return json.loads((row.fetchone() or ("[]",))[0])

    def devices(self, user: str) -> list:
        rows = self._db.execute("SELECT device FROM devices WHERE user = ?", (user,))
        return [device for (device,) in rows]

    def set_devices(self, user: str, devices: list) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM devices WHERE user = ?", (user,))
            self.add_devices((user, device) for device in devices)

    def add_devices(self, owned) -> None:
        rows = [(device, user) for user, device in owned]
        self._db.executemany("INSERT OR REPLACE INTO devices VALUES (?, ?)", rows)

    def forget_devices(self, devices: list) -> None:
        self._db.executemany("DELETE FROM devices WHERE device = ?", [(one,) for one in devices])

    # The outbox

    def enqueue(self, message_id: str, conversation: str, body: bytes) -> None:
        self._db.execute(
            "INSERT INTO outbox (id, conversation, body) VALUES (?, ?, ?)",
            (message_id, conversation, body),
        )

    def waiting_conversations(self) -> list:
        rows = self._db.execute(f"SELECT DISTINCT conversation FROM outbox WHERE {WAITING}")
        return [conversation for (conversation,) in rows]

    def waiting(self, conversation: str, after: int, limit: int) -> list:
        """(position, id, body, message) of what has no place yet, in the order in which it was written."""
        return self._db.execute(
            "SELECT position, id, body, message FROM outbox"
            f" WHERE conversation = ? AND {WAITING} AND position > ? ORDER BY position LIMIT ?",
            (conversation, after, limit),
        ).fetchall()

    def seal(self, position: int, message: dict) -> None:
        self._db.execute(
            "UPDATE outbox SET message = ? WHERE position = ?", (json.dumps(message), position)
        )

    def unseal(self, conversation: str, position: int) -> None:
        """Lets what was refused, and all behind it, be made again: nothing of it was stored."""
        self._db.execute(
            f"UPDATE outbox SET message = NULL WHERE conversation = ? AND {WAITING} AND position >= ?",
            (conversation, position),
        )

    def stored(self, message_id: str, conversation: str, seq: int) -> None:
        with self._transaction():
            self._db.execute(
                "UPDATE outbox SET seq = ?, stored_at = ? WHERE id = ?", (seq, time.time(), message_id)
            )
            self._pass_own(conversation)

    def failed(self, position: int, code: str) -> None:
        self._db.execute("UPDATE outbox SET failed = ? WHERE position = ?", (code, position))

    def send_again(self, seconds: float) -> None:
        """The platform was restored from a backup, and may have lost what it stored in the last while."""
        self._db.execute(
            "UPDATE outbox SET seq = NULL WHERE stored_at > ?", (time.time() - seconds,)
        )

    # What comes

    def place(self, conversation: str) -> int:
        row = self._db.execute("SELECT place FROM conversations WHERE id = ?", (conversation,))
        return (row.fetchone() or (0,))[0]

    def skip(self, conversation: str, place: int) -> None:
        """There is nothing to read up to a place."""
        with self._transaction():
            self._advance(conversation, place)

    def take(self, conversation: str, slots: list) -> list:
        """Stores slots, which follow on each other; returns those messages that are new."""
        new = []
        with self._transaction():
            for slot in slots:
                if slot["type"] == "message" and self._keep(conversation, slot):
                    new.append(slot)
                self._advance(conversation, slot["to"] if slot["type"] == "none" else slot["seq"])
            self._pass_own(conversation)
        return new

    def keep(self, conversation: str, message: dict) -> bool:
        """Stores one message of the inbox; false when it is here already."""
        return self._keep(conversation, message)

    def log(self) -> list:
        """(conversation, seq, direction, sender or state, body): everything, by place, what has none at the end."""
        return self._db.execute(
            "SELECT conversation, seq, '<', sender, body FROM received UNION ALL"
            " SELECT conversation, seq, '>', coalesce(failed, iif(seq IS NULL, 'waiting', 'stored')), body"
            " FROM outbox ORDER BY 1, 2 NULLS LAST"
        ).fetchall()

    def _keep(self, conversation: str, message: dict) -> bool:
        values = (message["id"], conversation, message["seq"], message["sender"]["user"])
        return (
            self._db.execute(
                "INSERT OR IGNORE INTO received VALUES (?, ?, ?, ?, ?, ?)",
                (*values, message["sentAt"], decode(message["ciphertext"])),
            ).rowcount
            == 1
        )

    def _advance(self, conversation: str, place: int) -> None:
        self._db.execute(
            "INSERT INTO conversations (id, place) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET place = max(place, excluded.place)",
            (conversation, place),
        )

    def _pass_own(self, conversation: str) -> None:
        """A place that `stored` named is filled: no slot need come for it."""
        while self._db.execute(
            "SELECT 1 FROM outbox WHERE conversation = ? AND seq = ?",
            (conversation, self.place(conversation) + 1),
        ).fetchone():
            self._advance(conversation, self.place(conversation) + 1)

    def _transaction(self):
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection):
        self._db = db

    def __enter__(self):
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *_):
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
