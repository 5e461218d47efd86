"""What a device publishes before anybody can send to it, with nothing but the standard library.

Nobody can write to a device that its account has not signed: the account's identity key (Ed25519) signs the
device's prekey and the list of its devices. docs/protocol.md sections 5 and 13 and docs/wire.md section 8 say over
which bytes; the platform checks both signatures.

The Ed25519 here is the arithmetic of RFC 8032 section 5.1, as plain as it is there: slow, and it takes longer for some
secrets than for others, so whoever can measure a signature learns about the key. That is enough to show the socket. A
client that people trust takes a library (`cryptography`, PyNaCl), and encrypts as docs/protocol.md says.
"""

import base64
import hashlib
import struct
import uuid

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

# The base point, in extended coordinates.
_BASE_Y = 4 * pow(5, -1, P) % P
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def encode(data: bytes) -> str:
    """Bytes as they stand in JSON: base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Bytes from JSON."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ed25519_public(seed: bytes) -> bytes:
    """The public key of a 32-byte seed."""
    return _compress(_multiply(_scalar(seed), BASE))


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """A signature by a seed's key."""
    scalar, public = _scalar(seed), ed25519_public(seed)
    nonce = _number(hashlib.sha512(hashlib.sha512(seed).digest()[32:] + message).digest()) % L
    commitment = _compress(_multiply(nonce, BASE))
    challenge = _number(hashlib.sha512(commitment + public + message).digest())
    return commitment + ((nonce + challenge * scalar) % L).to_bytes(32, "little")


def x25519_public(seed: bytes) -> bytes:
    """The X25519 public key of the same scalar: the point's Montgomery form u = (1 + y) / (1 - y)."""
    y = _number(ed25519_public(seed)) & (2**255 - 1)
    return ((1 + y) * pow(1 - y, -1, P) % P).to_bytes(32, "little")


def signed_prekey(identity_seed: bytes, key_id: int, prekey_seed: bytes) -> dict:
    """The body of POST /keys/signed-prekey, for suite 1."""
    public = x25519_public(prekey_seed)
    message = struct.pack(">BBI", 1, 1, key_id) + public
    signature = _sign_for("signed-prekey", identity_seed, message)
    return {
        "id": key_id,
        "publicKey": encode(public),
        "suites": [1],
        "signature": encode(signature),
    }


def first_device_list(
    identity_seed: bytes, user: str, device: str, device_seed: bytes, registration_id: int, time_ms: int
) -> bytes:
    """The first list of an account with one device.

    A later one names the hash of the one before. An account signs one each week: people are warned about a list that is
    older than 14 days.
    """
    listed = struct.pack(">B16sI32sQB", 1, uuid.UUID(user).bytes, 1, bytes(32), time_ms, 1)
    listed += uuid.UUID(device).bytes + ed25519_public(device_seed) + struct.pack(">H", registration_id)
    return listed + _sign_for("device-list", identity_seed, listed)


def devices_of(device_list: bytes) -> list:
    """The devices that a list names. It is not checked here: who encrypts checks whose signature it bears."""
    start, each = 62, 50
    count = device_list[start - 1]
    return [
        str(uuid.UUID(bytes=device_list[at : at + 16]))
        for at in range(start, start + count * each, each)
    ]


def _sign_for(purpose: str, seed: bytes, message: bytes) -> bytes:
    return ed25519_sign(seed, f"sotto/v1/sign/{purpose}".encode() + b"\0" + message)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _scalar(seed: bytes) -> int:
    half = _number(hashlib.sha512(seed).digest()[:32])
    return half & ~7 & (2**254 - 1) | 2**254


def _add(one, other):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(scalar: int, point):
    product = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            product = _add(product, point)
        point = _add(point, point)
        scalar >>= 1
    return product


def _compress(point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")
