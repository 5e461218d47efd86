/**
 * How those who share a store show each other that they may: they are of the same release, and know what opens it. The
 * holder shows it first, so that nothing is said to one who only plays the holder.
 */
import {
  INTRODUCTION_NONCE_BYTES,
  introductionOf,
  isProof,
  type Provider,
  stretchPassphrase,
} from '@sotto/crypto';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { PASSPHRASE_COST } from '../limits.ts';
import type { StoreSecret } from '../store/store-sealed.ts';
import type { Ask } from './wire.ts';

/** Raised by whatever makes two releases misunderstand each other. */
const RELEASE = 3;

const SALT_BYTES = 16;
const SECRET_BYTES = 32;

const bytes = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === length);
const Nonce = bytes(INTRODUCTION_NONCE_BYTES);
const Proof = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const Greeting = z.object({
  release: z.literal(RELEASE),
  build: z.optional(z.string()),
  secret: z.literal(['none', 'passphrase', 'key']),
  salt: bytes(SALT_BYTES),
  nonce: Nonce,
});
type Greeting = z.infer<typeof Greeting>;

/** What opens a store, as each who shares it knows it. */
export interface Knowledge {
  /** Of the program around the client, when it has a name: no other one shares the store with it. */
  readonly build?: string | undefined;
  readonly secret?: StoreSecret | undefined;
  readonly provider: Provider;
}

/** Answers one who comes: as a doorkeeper first, and by what `enter` gives once they are in. */
export type Doorkeeping = (enter: () => Ask) => Ask;

/** What a doorkeeper is asked, in this order. */
const [GREET, PROVE, SHOW] = ['greet', 'prove', 'show'] as const;

/**
 * The doorkeepers of one holder, one for each who comes: who has heard what another one was shown cannot show it again.
 * What a person types is stretched once for all of them.
 */
export function openDoors({ build, secret, provider }: Knowledge): Doorkeeping {
  const salt = provider.randomBytes(SALT_BYTES);
  let known: Promise<Uint8Array> | undefined;
  return (enter) => {
    const nonce = provider.randomBytes(INTRODUCTION_NONCE_BYTES);
    const greeting: Greeting = { release: RELEASE, build, secret: kindOf(secret), salt, nonce };
    const proofs = async (theirs: unknown) => {
      known ??= secretBytes(secret, salt);
      const nonces = { holder: nonce, follower: Nonce.parse(theirs) };
      return introductionOf(provider, await known, nonces);
    };
    let inside: Ask | undefined;
    return async (name, args, signal) => {
      if (inside !== undefined) return inside(name, args, signal);
      if (name === GREET) return greeting;
      if (name === PROVE) return (await proofs(args[0])).holder;
      if (name !== SHOW) throw new TypeError('nothing is answered before an introduction');
      assertProof(args[1], (await proofs(args[0])).follower);
      inside ??= enter();
      return undefined;
    };
  };
}

/**
 * Comes in by a doorkeeper. Rejects with `store.key-wrong`, `store.sealed` and `store.plain` as opening the store would, and with
 * `store.locked` when another release has it.
 */
export async function comeIn(ask: Ask, { build, secret, provider }: Knowledge): Promise<void> {
  const { data: greeting } = Greeting.safeParse(await ask(GREET, []));
  if (greeting === undefined || greeting.build !== build) {
    throw new ClientError('store.locked', 'another release of the program has the store');
  }
  assertKind(greeting.secret, kindOf(secret));
  const nonce = provider.randomBytes(INTRODUCTION_NONCE_BYTES);
  const [known, proof] = await Promise.all([
    secretBytes(secret, greeting.salt),
    ask(PROVE, [nonce]),
  ]);
  const nonces = { holder: greeting.nonce, follower: nonce };
  const { holder, follower } = introductionOf(provider, known, nonces);
  assertProof(proof, holder);
  await ask(SHOW, [nonce, follower]);
}

function kindOf(secret: StoreSecret | undefined): Greeting['secret'] {
  if (secret === undefined) return 'none';
  return 'key' in secret ? 'key' : 'passphrase';
}

function assertKind(theirs: Greeting['secret'], ours: Greeting['secret']): void {
  if (theirs === ours) return;
  if (ours === 'none') throw new ClientError('store.sealed', 'the store is encrypted');
  if (theirs === 'none') {
    throw new ClientError('store.plain', 'the store was made without encryption');
  }
  throw new ClientError('store.key-wrong', 'the store is not opened by that kind of secret');
}

function assertProof(shown: unknown, expected: Uint8Array): void {
  if (isProof(Proof.parse(shown), expected)) return;
  throw new ClientError('store.key-wrong', 'the passphrase or key is not that of the store');
}

/** As dear to guess from as the store itself: others of the same origin or user may hear a proof. */
async function secretBytes(secret: StoreSecret | undefined, salt: Uint8Array): Promise<Uint8Array> {
  if (secret === undefined) return new Uint8Array(SECRET_BYTES);
  if ('key' in secret) return secret.key;
  return stretchPassphrase(secret.passphrase, salt, PASSPHRASE_COST);
}
