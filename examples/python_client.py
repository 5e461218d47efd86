#!/usr/bin/env python3
"""A client of Sotto in Python: the socket, an outbox, acknowledgements, history. See docs/websocket.md.

    pip install websockets          (or: apt install python3-websockets)

    ./python_client.py --store alice.db --name Alice --password 'a rather long passphrase' chat Bob
    ./python_client.py --store bob.db   --name Bob   --password 'a rather long passphrase' chat Alice

Its parts: python_store.py (what is on disk), python_lane.py (sending), python_rest.py, python_keys.py (what a device
publishes); receiving is here.

Each line that is typed becomes a message; Ctrl-D ends the chat when all have been stored. `inbox` shows what this device has missed without a socket, `history NAME`
what the platform has of a conversation, `log` what the store has. Kill it whenever you like, and start it again.

IT DOES NOT ENCRYPT. What is typed goes to the platform as it is, where it could be read. It shows how messages travel;
what has to be inside of them is in docs/protocol.md.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import sys
import threading
import time
import urllib.parse
import uuid

import websockets

import python_keys as keys
from python_lane import Lane
from python_rest import Problem, Rest
from python_store import Store

PAUSE_SECONDS_MAX = 30
# How long a platform that was restored may have lost what it had stored.
RESTORED_SECONDS = 48 * 3600
# Twelve devices of two people, in base64url, fit into a frame of 512 KiB.
LINE_BYTES_MAX = 16 * 1024

# The close codes after which a client does something else than to connect again after a while.
REPLACED, BAD_FRAME, DRAINING = 4002, 4004, 4005


def make_id() -> str:
    """A UUIDv7 (RFC 9562): its maker's clock, and 74 random bits."""
    value = int(time.time() * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64
    return str(uuid.UUID(int=value | 2 << 62 | secrets.randbits(62)))


class Client:
    def __init__(self, options, store: Store):
        self.options = options
        self.store = store
        self.rest = Rest(options.url)
        self.rest.renew = self.renew
        self.rest.token = store.get("access")
        self.entered = asyncio.Event()
        self.wake = asyncio.Event()
        self.attempts = 0
        self.lanes = {}

    # Account and keys

    async def enter(self) -> None:
        """Registers, the first time; later there are tokens. Publishes what others need to write to this device."""
        if self.store.get("device") is None:
            if not self.options.name or not self.options.password:
                raise SystemExit("--name and --password are needed the first time")
            body = {"username": self.options.name, "password": self.options.password}
            if self.options.invite:
                body["invite"] = self.options.invite
            self.keep_login(await self.rest.call("POST", "/auth/register", body, anonymous=True))
        if not self.store.get("published"):
            await self.publish_keys()
        self.entered.set()

    async def renew(self) -> None:
        """Another access token, by the refresh token or, when its session has ended, by the password."""
        try:
            body = {"refreshToken": self.store.get("refresh")}
            self.keep_login(await self.rest.call("POST", "/auth/refresh", body, anonymous=True))
        except Problem as problem:
            if problem.code != "auth.refresh-invalid":
                raise
            # On the same device: on another one, nobody could write to it without the identity's signature.
            body = {"username": self.options.name, "password": self.options.password}
            body["device"] = self.store.get("device")
            self.keep_login(await self.rest.call("POST", "/auth/login", body, anonymous=True))

    def keep_login(self, answer: dict) -> None:
        known = {name: answer[name] for name in ("user", "device") if name in answer}
        # Before the new token is used: its use ends the old ones.
        self.store.put(access=answer["accessToken"], refresh=answer["refreshToken"], **known)
        self.rest.token = answer["accessToken"]

    async def publish_keys(self) -> None:
        identity = self.store.secret("identity")
        user, device = self.store.get("user"), self.store.get("device")
        if self.store.get("registration") is None:
            self.store.put(registration=1 + secrets.randbelow(16_383))
        registration = self.store.get("registration")
        body = {"identityKey": keys.encode(keys.ed25519_public(identity)), "registrationId": registration}
        await self.rest.call("POST", "/keys/identity", body)
        prekey = keys.signed_prekey(identity, 1, self.store.secret("prekey"))
        await self.rest.call("POST", "/keys/signed-prekey", prekey)
        # The same list each time that this is tried: another one of the same version would be refused.
        if self.store.get("list") is None:
            made = keys.first_device_list(
                identity, user, device, self.store.secret("device_key"), registration, int(time.time() * 1000)
            )
            self.store.put(list=keys.encode(made))
        await self.rest.call("PUT", "/keys/device-list", {"list": self.store.get("list")})
        self.store.put(published=True)

    # People and conversations

    async def conversation_with(self, name: str) -> str | None:
        """The conversation with somebody, which is opened the first time; None when nobody is called so."""
        known = self.store.get(f"peer {name}")
        if known is not None:
            return known
        found = await self.rest.call("GET", f"/users?name={urllib.parse.quote(name)}")
        users = [one["user"] for one in found["users"] if one["username"].lower() == name.lower()]
        if not users:
            return None
        body = {"kind": "direct", "with": users[0]}
        conversation = await self.rest.call("POST", "/conversations", body)
        self.store.know_conversation(conversation["id"], conversation["members"])
        self.store.put(**{f"peer {name}": conversation["id"]})
        return conversation["id"]

    async def recipients(self, conversation: str) -> list:
        """The devices of all members but this one, as far as they are known; their lists are read when none are."""
        members = self.store.members(conversation)
        if not members:
            found = await self.rest.call("GET", f"/conversations/{conversation}")
            members = found["members"]
            self.store.know_conversation(conversation, members)
        for user in members:
            if user != self.store.get("user") and not self.store.devices(user):
                await self.read_list(user)
        own = self.store.get("device")
        return [device for user in members for device in self.store.devices(user) if device != own]

    async def read_list(self, user: str) -> None:
        try:
            answer = await self.rest.call("GET", f"/keys/device-list/{user}")
        except Problem as problem:
            if problem.code != "key.list-unknown":
                raise
            return
        self.store.set_devices(user, keys.devices_of(keys.decode(answer["list"])))

    # The socket

    async def stay_connected(self) -> None:
        """Connects, and again after each end, until there is no use in it."""
        while True:
            code = None
            try:
                await self.enter()
                ticket = (await self.rest.call("POST", "/ws/tickets"))["ticket"]
                protocols = ["sotto.v1", f"ticket.{ticket}"]
                target = self.rest.url.replace("http", "ws", 1) + "/ws"
                async with websockets.connect(target, subprotocols=protocols) as socket:
                    code = await self.attend(socket)
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
                self.say(f"no connection: {error or type(error).__name__}")
            if code == REPLACED:
                raise SystemExit("this device is connected elsewhere")
            if code == BAD_FRAME:
                raise SystemExit("the platform did not understand this client")
            longest = 1 if code == DRAINING else min(PAUSE_SECONDS_MAX, 2**self.attempts / 4)
            self.attempts += 1
            await asyncio.sleep(random.uniform(0.5, 1) * longest)

    async def attend(self, socket) -> int:
        """Reads and sends until the connection ends; its close code."""
        self.lanes = {}
        tasks = []
        try:
            await self.on_hello(json.loads(await socket.recv()))
            tasks = [asyncio.create_task(work(socket)) for work in (self.read_frames, self.send_waiting)]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except websockets.ConnectionClosed:
            self.say(f"the connection has ended: {socket.close_code} {socket.close_reason}")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket.close_code

    async def read_frames(self, socket) -> None:
        while True:
            await self.on_frame(socket, json.loads(await socket.recv()))

    async def on_frame(self, socket, frame: dict) -> None:
        kind = frame["type"]
        if kind == "stored":
            self.store.stored(frame["id"], frame["conversation"], frame["seq"])
            self.lanes[frame["conversation"]].on_stored(frame["number"])
            print(f"> {frame['seq']} stored", flush=True)
            self.wake.set()
        elif kind == "refused":
            self.lanes[frame["conversation"]].on_refused(frame["number"], frame["problem"])
            self.wake.set()
        elif kind == "catch-up":
            # What lies below `first` is not to be had; what lies up to `from` and is not here was a `stored` unheard.
            self.store.skip(frame["conversation"], frame["first"] - 1)
            await self.read_history(frame["conversation"], frame["from"])
        elif kind == "slots":
            await self.on_slots(socket, frame["conversation"], frame["slots"])
        elif kind == "heads":
            for head in frame["heads"]:
                await self.read_history(head["conversation"], head["last"])
                await self.acknowledge(socket, head["conversation"])
        elif kind == "keys-changed" and frame["what"] == "device-list":
            await self.read_list(frame["user"])
            self.wake.set()
        elif kind == "delivered":
            for member in frame["members"]:
                self.say(f"delivered up to {member['seq']}")
        # Whatever else comes, now or with a later release, is passed over.

    async def on_hello(self, frame: dict) -> None:
        self.attempts = 0
        known = self.store.get("incarnation")
        if known is not None and frame["incarnation"] != known:
            await self.publish_keys()
            self.store.send_again(RESTORED_SECONDS)
        self.store.put(incarnation=frame["incarnation"])
        self.say("connected")

    async def on_slots(self, socket, conversation: str, slots: list) -> None:
        if not slots:
            return
        first = slots[0]
        start = first["from"] if first["type"] == "none" else first["seq"]
        await self.read_history(conversation, start - 1)
        self.show(self.store.take(conversation, slots))
        await self.acknowledge(socket, conversation)

    async def acknowledge(self, socket, conversation: str) -> None:
        ack = {"type": "ack", "conversation": conversation, "seq": self.store.place(conversation)}
        await socket.send(json.dumps(ack))

    async def read_history(self, conversation: str, up_to: int) -> None:
        """Reads what is missing up to a place, if anything is."""
        while (place := self.store.place(conversation)) < up_to:
            path = f"/conversations/{conversation}/messages?after={place}&limit=100"
            page = await self.rest.call("GET", path)
            if not page["slots"]:
                return
            self.show(self.store.take(conversation, page["slots"]))

    async def send_waiting(self, socket) -> None:
        """Sends what the outbox has, conversation by conversation, and waits for more."""
        while True:
            self.wake.clear()
            for conversation in self.store.waiting_conversations():
                lane = self.lanes.setdefault(conversation, Lane(self.store, conversation, self.say))
                await lane.fill(socket, self.recipients)
            try:
                await asyncio.wait_for(self.wake.wait(), 5)
            except asyncio.TimeoutError:
                pass

    # The person

    async def read_lines(self, name: str) -> None:
        """Each line of the standard input goes into the outbox, and is on disk before it is shown as queued."""
        lines = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read():
            with open(os.dup(0), "rb", buffering=0) as raw:
                rest = b""
                while chunk := os.read(raw.fileno(), 65_536):
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        loop.call_soon_threadsafe(lines.put_nowait, line)
                for line in [rest, None] if rest else [None]:
                    loop.call_soon_threadsafe(lines.put_nowait, line)

        threading.Thread(target=read, daemon=True).start()
        while (line := await lines.get()) is not None:
            if not 0 < len(line) <= LINE_BYTES_MAX:
                self.say(f"a message has 1 to {LINE_BYTES_MAX} bytes")
                continue
            self.store.enqueue(make_id(), await self.find_conversation(name), line)
            self.say(f"queued {line.decode(errors='replace')}")
            self.wake.set()
        # The end of the input: what was typed is still sent.
        while self.store.waiting_conversations():
            await asyncio.sleep(0.1)

    async def find_conversation(self, name: str) -> str:
        """At once, when the store has it; else as soon as the platform can be asked, and there is somebody of that name."""
        is_told = False
        while self.store.get(f"peer {name}") is None:
            await self.entered.wait()
            try:
                if await self.conversation_with(name) is None:
                    if not is_told:
                        self.say(f"nobody is called {name} yet: what you type waits for them")
                    is_told = True
                    await asyncio.sleep(2)
            except OSError:
                await asyncio.sleep(1)
        return self.store.get(f"peer {name}")

    async def chat(self, name: str) -> None:
        tasks = [asyncio.create_task(work) for work in (self.stay_connected(), self.read_lines(name))]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def inbox(self) -> None:
        """What was not acknowledged, without a socket: page by page, until there is none."""
        await self.enter()
        while True:
            page = (await self.rest.call("GET", "/messages/inbox?limit=100"))["messages"]
            if not page:
                return
            self.show([one for one in page if self.store.keep(one["conversation"], one)])
            newest = {one["conversation"]: one["id"] for one in page}
            for message_id in newest.values():
                await self.rest.call("POST", f"/messages/{message_id}/ack")

    async def history(self, name: str) -> None:
        await self.enter()
        conversation, after = await self.conversation_with(name), 0
        if conversation is None:
            raise SystemExit(f"nobody is called {name}")
        while True:
            path = f"/conversations/{conversation}/messages?after={after}&limit=100"
            slots = (await self.rest.call("GET", path))["slots"]
            if not slots:
                return
            self.show([slot for slot in slots if slot["type"] == "message"])
            after = slots[-1]["to"] if slots[-1]["type"] == "none" else slots[-1]["seq"]

    def show(self, messages: list) -> None:
        for message in messages:
            text = keys.decode(message["ciphertext"]).decode(errors="replace")
            print(f"< {message['seq']} {plain(text)}", flush=True)

    def say(self, text: str) -> None:
        print(f"- {plain(text)}", flush=True)


def plain(text: str) -> str:
    """Without what would move the cursor of a terminal: somebody else wrote it."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", default="http://localhost:8080")
    parser.add_argument("--store", required=True, help="the SQLite file of this device; its keys are in it")
    parser.add_argument("--name", help="the account's user name")
    parser.add_argument("--password", default=os.environ.get("SOTTO_PASSWORD"))
    parser.add_argument("--invite", help="where registration is by invitation")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("chat", "history"):
        commands.add_parser(name).add_argument("peer", help="the other's user name")
    commands.add_parser("inbox")
    commands.add_parser("log")
    options = parser.parse_args()
    os.umask(0o077)
    if not os.path.exists(options.store) and not (options.name and options.password):
        parser.error("--name and --password are needed the first time")
    store = Store(options.store)
    if options.command == "log":
        for _, seq, direction, who, body in store.log():
            print(direction, seq or "-", who, plain(body.decode(errors="replace")))
        return
    client = Client(options, store)
    run = {"chat": client.chat, "history": client.history}.get(options.command)
    try:
        asyncio.run(run(options.peer) if run else client.inbox())
    except Problem as problem:
        if problem.code == "auth.username-taken":
            sys.exit("this name is taken; if it is yours, use the store of the device that registered it")
        sys.exit(str(problem))
    except OSError as error:
        sys.exit(f"the platform cannot be reached: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
