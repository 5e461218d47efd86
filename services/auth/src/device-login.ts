/**
 * Logging in by the device key: nothing that could be guessed or stolen on the way goes over the wire.
 *
 * A signed challenge says which device answers, and not which platform was meant: another platform could have asked for it.
 * The request proof says that (`htu`), so one by the same key must come with it, and binds the session.
 */
import {
  type Answer,
  ApiError,
  type Body,
  type DeviceId,
  type Login,
  type loginByDevice,
  type openChallenge,
} from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { verifyingKey, verifyStatement } from '@sotto/crypto/verify';
import type { Counters, Limiter } from '@sotto/runtime';
import { refuseDisabled } from './account-state.ts';
import type { Approach, Binding } from './approach.ts';
import { type Challenges, signedPart } from './challenge.ts';
import { type DeviceOwner, findDeviceOwner } from './device-store.ts';
import { CHALLENGE_LEAD_MS, CHALLENGE_MS } from './limits.ts';
import { openLogin } from './login.ts';
import type { SessionDeps } from './sessions.ts';
import type { Source } from './source.ts';

export interface DeviceLoginDeps extends SessionDeps {
  challenges: Challenges;
  /** Where a challenge is noted once it was used. */
  counters: Pick<Counters, 'claim'>;
  /** Each by source: asking, and answering, which costs a signature to check. */
  challengesAsked: Limiter;
  challengesAnswered: Limiter;
}

/** A challenge for a device, known or not: who asks learns nothing. Throws `rate.limited`. */
export async function challengeFor(
  { challenges, challengesAsked }: DeviceLoginDeps,
  device: DeviceId,
  source: Source,
): Promise<Answer<typeof openChallenge>> {
  await challengesAsked.take(source.key);
  return { challenge: challenges.make(device), expiresIn: CHALLENGE_MS / 1000 };
}

/** The first key of RFC 8032's tests: where there is no device a signature is checked all the same. */
const NOBODY = Uint8Array.from(
  Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'),
);

/**
 * Logs a device in that has signed a challenge. Throws `auth.challenge-wrong` alike, and after the same work, for an
 * unknown device, one without a key, one whose session was ended from elsewhere and that has seen no password since, a
 * wrong signature, and a challenge that is old, used, or not ours; `auth.proof-missing` for a request that is not signed,
 * whatever the device; `auth.proof-invalid` for a proof by another key; `rate.limited`; `auth.account-disabled`; and
 * `service.unavailable` when the counters are gone: a challenge that might have been used before is not taken.
 */
export async function logInByDevice(
  deps: DeviceLoginDeps,
  answer: Body<typeof loginByDevice>,
  { source, address, binding }: Approach,
): Promise<Login> {
  if (binding === undefined) throw new ApiError('auth.proof-missing');
  await deps.challengesAnswered.take(source.key);
  const owner = await findDeviceOwner(deps.database.query, answer.device);
  const shownKey = shows(deps.challenges, owner, answer);
  const isShown = shownKey !== undefined && (await useUp(deps, answer));
  if (owner === undefined || !isShown || owner.needsPassword) {
    deps.events.loginFailed('device');
    const { device } = answer;
    await deps.audit.note(deps.database.query, {
      action: 'login.failed',
      source: address,
      ...(owner !== undefined && { user: owner.user, device }),
    });
    throw new ApiError('auth.challenge-wrong');
  }
  refuseDisabled(owner);
  refuseOther(binding, shownKey);
  const { user, username } = owner;
  return openLogin(deps, { user, username, device: answer.device, binding, shownKey, address });
}

/** The device's key, if the answer was signed by it and the challenge is good. */
function shows(
  challenges: Challenges,
  owner: DeviceOwner | undefined,
  { device, challenge, signature }: Body<typeof loginByDevice>,
): Uint8Array | undefined {
  const deviceKey = owner?.deviceKey ?? undefined;
  const isGood = challenges.isGood(device, challenge);
  // A copy: what the provider prepares for a key it keeps by the array.
  const isSigned = verifyStatement(nodeProvider, verifyingKey(deviceKey ?? NOBODY.slice()), {
    purpose: 'loginChallenge',
    message: signedPart(device, challenge),
    signature,
  });
  return isGood && isSigned ? deviceKey : undefined;
}

/** True once for each challenge. Only what was signed rightly gets here, so strangers fill no memory. */
function useUp(
  { counters }: DeviceLoginDeps,
  { challenge }: Body<typeof loginByDevice>,
): Promise<boolean> {
  const name = Buffer.from(challenge).toString('base64url');
  return counters.claim(`auth:challenge:${name}`, CHALLENGE_MS + CHALLENGE_LEAD_MS);
}

function refuseOther(binding: Binding, deviceKey: Uint8Array): void {
  if (Buffer.compare(binding.deviceKey, deviceKey) === 0) return;
  throw new ApiError('auth.proof-invalid', { detail: 'the proof is by another key' });
}
