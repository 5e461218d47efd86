/** What the two ends of a group's sender chains keep, and its encoding, version 1. */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Chain } from './chain.ts';
import { CryptoError } from './errors.ts';
import {
  type SigningKeyPair,
  type SymmetricKey,
  signingSeed,
  symmetricKey,
  type VerifyingKey,
  verifyingKey,
} from './keys.ts';
import { COUNTER_MAX, SENDER_CHAINS_MAX, SKIPPED_KEYS_MAX } from './limits.ts';

/** The chain that this device sends with in one group. Plain data; every transition makes a new one. */
export interface SenderChain {
  /** Random, 32 bits: tells the chains of one sender apart. */
  readonly id: number;
  readonly chain: Chain;
  readonly signing: SigningKeyPair<'sender-key'>;
}

/** A chain of another device, as its distribution message gave it and as far as it was used. */
export interface ReceivingChain {
  readonly id: number;
  readonly chain: Chain;
  readonly verifyingKey: VerifyingKey<'sender-key'>;
}

/** All that is kept of one sending device in one group. Plain data; every transition makes a new one. */
export interface SenderKeyRecord {
  /** Newest first, at most five. */
  readonly chains: readonly ReceivingChain[];
  /** Seeds of messages that have not come yet; see {@link takeSkippedSeed}. Never changed in place. */
  readonly skipped: Uint8Array;
}

/** Bytes of one skipped seed: chain id (4) ‖ counter (4) ‖ seed (32). */
export const SKIPPED_SEED_BYTES = 40;

const VERSION = 1;
const SENDER_CHAIN_BYTES = 1 + 4 + 36 + 64;
const RECEIVING_CHAIN_BYTES = 4 + 36 + 32;

/** A sending chain as bytes. It contains secrets. */
export function encodeSenderChain({ id, chain, signing }: SenderChain): Uint8Array {
  const writer = new ByteWriter(SENDER_CHAIN_BYTES).u8(VERSION).u32(id);
  return writeChain(writer, chain).bytes(signing.seed).bytes(signing.publicKey).finish();
}

/** The inverse of {@link encodeSenderChain}; throws `encoding.unsupported` or `encoding.invalid`. */
export function decodeSenderChain(bytes: Uint8Array): SenderChain {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'sender chain');
  const id = reader.u32();
  const chain = readChain(reader);
  const seed = signingSeed<'sender-key'>(reader.bytes(32));
  const publicKey = verifyingKey<'sender-key'>(reader.bytes(32));
  reader.end();
  return { id, chain, signing: { seed, publicKey } };
}

/** A record as bytes: 77 for one chain, and 40 for each skipped seed. It contains secrets. */
export function encodeSenderKeyRecord({ chains, skipped }: SenderKeyRecord): Uint8Array {
  const length = 2 + chains.length * RECEIVING_CHAIN_BYTES + 2 + skipped.length;
  const writer = new ByteWriter(length).u8(VERSION).u8(chains.length);
  for (const { id, chain, verifyingKey: key } of chains) {
    writeChain(writer.u32(id), chain).bytes(key);
  }
  return writer
    .u16(skipped.length / SKIPPED_SEED_BYTES)
    .bytes(skipped)
    .finish();
}

/** The inverse of {@link encodeSenderKeyRecord}; throws `encoding.unsupported` or `encoding.invalid`. */
export function decodeSenderKeyRecord(bytes: Uint8Array): SenderKeyRecord {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'sender key record');
  const count = reader.u8();
  if (count > SENDER_CHAINS_MAX) throw new CryptoError('encoding.invalid', 'too many chains');
  const chains = Array.from({ length: count }, () => readReceivingChain(reader));
  const skippedCount = reader.u16();
  if (skippedCount > SKIPPED_KEYS_MAX) {
    throw new CryptoError('encoding.invalid', 'too many skipped seeds');
  }
  const skipped = reader.bytes(skippedCount * SKIPPED_SEED_BYTES);
  reader.end();
  return { chains, skipped };
}

/** A skipped seed and the store without it; undefined when it was used, dropped, or never skipped. */
export function takeSkippedSeed(
  skipped: Uint8Array,
  wanted: { readonly chainId: number; readonly counter: number },
): { readonly seed: SymmetricKey<'message-seed'>; readonly rest: Uint8Array } | undefined {
  const view = new DataView(skipped.buffer, skipped.byteOffset, skipped.length);
  for (let at = 0; at < skipped.length; at += SKIPPED_SEED_BYTES) {
    if (view.getUint32(at + 4) !== wanted.counter || view.getUint32(at) !== wanted.chainId)
      continue;
    const rest = new Uint8Array(skipped.length - SKIPPED_SEED_BYTES);
    rest.set(skipped.subarray(0, at));
    rest.set(skipped.subarray(at + SKIPPED_SEED_BYTES), at);
    return { seed: symmetricKey(skipped.slice(at + 8, at + SKIPPED_SEED_BYTES)), rest };
  }
  return undefined;
}

/** The store with the seeds of consecutive messages behind it; the oldest over 2 000 are dropped. */
export function addSkippedSeeds(
  skipped: Uint8Array,
  from: { readonly chainId: number; readonly counter: number },
  seeds: readonly SymmetricKey<'message-seed'>[],
): Uint8Array {
  const length = skipped.length + seeds.length * SKIPPED_SEED_BYTES;
  const writer = new ByteWriter(length).bytes(skipped);
  for (const [index, seed] of seeds.entries()) {
    writer
      .u32(from.chainId)
      .u32(from.counter + index)
      .bytes(seed);
  }
  const all = writer.finish();
  return all.slice(Math.max(0, all.length - SKIPPED_KEYS_MAX * SKIPPED_SEED_BYTES));
}

/** The store without the seeds of chains that are not kept any more. */
export function dropForgottenChains(
  skipped: Uint8Array,
  chains: readonly ReceivingChain[],
): Uint8Array {
  const view = new DataView(skipped.buffer, skipped.byteOffset, skipped.length);
  const kept = new Set(chains.map(({ id }) => id));
  const writer = new ByteWriter(skipped.length);
  for (let at = 0; at < skipped.length; at += SKIPPED_SEED_BYTES) {
    if (kept.has(view.getUint32(at))) writer.bytes(skipped.subarray(at, at + SKIPPED_SEED_BYTES));
  }
  return writer.finish();
}

function writeChain(writer: ByteWriter, chain: Chain): ByteWriter {
  return writer.bytes(chain.key).u32(chain.counter);
}

function readChain(reader: ByteReader): Chain {
  const key = symmetricKey<'chain'>(reader.bytes(32));
  const counter = reader.u32();
  if (counter > COUNTER_MAX + 1) throw new CryptoError('encoding.invalid', 'a chain counter');
  return { key, counter };
}

function readReceivingChain(reader: ByteReader): ReceivingChain {
  const id = reader.u32();
  const chain = readChain(reader);
  return { id, chain, verifyingKey: verifyingKey(reader.bytes(32)) };
}
