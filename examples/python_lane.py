"""The sends of one conversation over one connection: numbered, several under way, gone back to when one is refused."""

import asyncio
import json

import python_keys as keys

IN_FLIGHT_MAX = 64

# Refusals that pass: the same bytes are sent again, under the same number.
PASSING = ("rate.limited", "message.busy", "service.unavailable", "internal")


class Lane:
    def __init__(self, store, conversation: str, say):
        self._store = store
        self._conversation = conversation
        self._say = say
        self._number = 0
        self._position = 0
        # Number to the message's position in the outbox.
        self._in_flight = {}
        self._refusal = None

    def on_stored(self, number: int) -> None:
        self._in_flight.pop(number, None)

    def on_refused(self, number: int, problem: dict) -> None:
        position = self._in_flight.pop(number, None)
        # What comes behind a refused one is refused for that alone. Of several refusals the lowest number counts.
        if position is None or problem["code"] == "message.after-refused":
            return
        if self._refusal is None or number < self._refusal[0]:
            self._refusal = (number, position, problem)

    async def fill(self, socket, find_recipients) -> None:
        """Sends what waits, as much as may be under way."""
        if self._refusal is not None:
            # Until every answer is here, one of an earlier try could be taken for one of the next.
            if self._in_flight:
                return
            refusal, self._refusal = self._refusal, None
            await self._go_back(socket, *refusal)
        room = IN_FLIGHT_MAX - len(self._in_flight)
        for position, message_id, body, sealed in self._store.waiting(self._conversation, self._position, room):
            if self._refusal is not None:
                return
            message = json.loads(sealed) if sealed else await self._seal(position, message_id, body, find_recipients)
            if message is None:
                return
            self._number += 1
            self._position = position
            self._in_flight[self._number] = position
            await socket.send(json.dumps({"type": "send", "number": self._number, "message": message}))

    async def _seal(self, position: int, message_id: str, body: bytes, find_recipients):
        """The message as it will be sent, kept to the letter: the same id with other content is refused."""
        devices = await find_recipients(self._conversation)
        if not devices:
            self._say("the other has no device yet")
            return None
        # A client that encrypts makes a ciphertext for each device.
        ciphertext = keys.encode(body)
        message = {
            "kind": "direct",
            "id": message_id,
            "conversation": self._conversation,
            "recipients": [{"device": device, "ciphertext": ciphertext} for device in devices],
        }
        self._store.seal(position, message)
        return message

    async def _go_back(self, socket, number: int, position: int, problem: dict) -> None:
        """Mends a refusal, and goes back to its number, or to the one behind it when the message is given up."""
        code = problem["code"]
        if code in PASSING:
            await asyncio.sleep(problem.get("retryAfter", 1))
        elif code == "message.devices-stale":
            difference = problem["devices"]
            self._store.add_devices((one["user"], one["device"]) for one in difference["missing"])
            self._store.forget_devices(difference["unknown"])
            self._store.unseal(self._conversation, position)
        else:
            self._say(f"given up: {code}")
            self._store.failed(position, code)
            withdraw = {"type": "withdraw", "conversation": self._conversation, "number": number}
            await socket.send(json.dumps(withdraw))
            self._number, self._position = number, position
            return
        self._number, self._position = number - 1, position - 1
