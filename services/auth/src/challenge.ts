/**
 * Challenges for device keys to sign: time (6) ‖ random (10) ‖ HMAC-SHA256(key, device ‖ time ‖ random) (16).
 *
 * They carry what there is to know about them, so that strangers who ask for a million of them fill no memory. That each
 * is used once is seen to where one is used.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { DeviceId } from '@sotto/api';
import type { Clock } from '@sotto/runtime';
import { CHALLENGE_LEAD_MS, CHALLENGE_MS } from './limits.ts';

const TIME_BYTES = 6;
const HEAD_BYTES = 16;
const MAC_BYTES = 16;

/** Says what a derived key is for; no other key of the platform is derived with it. */
const KEY_LABEL = 'sotto/v1/login-challenge-key';

export interface Challenges {
  /** A challenge for one device, whether there is such a device or not. */
  make(device: DeviceId): Uint8Array;
  /** True for a challenge of ours, for this device, that is young enough; in a time that tells no more than that. */
  isGood(device: DeviceId, challenge: Uint8Array): boolean;
}

/** Challenges under keys made from secrets: the first makes them, all verify, so processes with the same ones agree. */
export function createChallenges(secrets: readonly string[], clock: Clock): Challenges {
  const keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', KEY_LABEL, 32)));
  const [making] = keys;
  if (making === undefined) throw new TypeError('there is no secret to make challenges with');
  return {
    make(device) {
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUIntBE(clock(), 0, TIME_BYTES);
      randomBytes(HEAD_BYTES - TIME_BYTES).copy(head, TIME_BYTES);
      return Buffer.concat([head, authenticate(making, device, head)]);
    },
    isGood(device, challenge) {
      const head = Buffer.from(challenge.subarray(0, HEAD_BYTES));
      const mac = challenge.subarray(HEAD_BYTES);
      const isOurs = keys.some((key) => timingSafeEqual(authenticate(key, device, head), mac));
      const age = clock() - head.readUIntBE(0, TIME_BYTES);
      return isOurs && age <= CHALLENGE_MS && age >= -CHALLENGE_LEAD_MS;
    },
  };
}

/** What a device key signs: the device's id and the challenge. */
export function signedPart(device: DeviceId, challenge: Uint8Array): Uint8Array {
  return Buffer.concat([idBytes(device), challenge]);
}

function authenticate(key: Uint8Array, device: DeviceId, head: Uint8Array): Uint8Array {
  return createHmac('sha256', key)
    .update(idBytes(device))
    .update(head)
    .digest()
    .subarray(0, MAC_BYTES);
}

function idBytes(device: DeviceId): Uint8Array {
  return Buffer.from(device.replaceAll('-', ''), 'hex');
}
