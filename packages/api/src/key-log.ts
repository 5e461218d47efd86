/** The key log: heads, leaves, proofs and the signatures of witnesses. */
import * as z from 'zod/mini';
import { bytes, bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { UserId } from './ids.ts';
import { KEY_LOG_LEAVES_MAX } from './limits.ts';

const userParams = z.strictObject({ user_id: UserId });

/** A tree head as `@sotto/crypto` signs it, 113 bytes. */
const TreeHeadBytes = bytesOf(113);
const Hash = bytesOf(32);
/** A proof names one hash a level: 2^53 leaves have 53 levels, and a consistency proof two more. */
const Proof = z.array(Hash).check(z.maxLength(64));
const LogSize = z.coerce.number().check(z.int(), z.minimum(0));

/** A witness's signature under a tree head. */
const Cosignature = z.object({ witnessKey: bytesOf(32), signature: bytesOf(64) });

/** What a witness has signed last, where that is not the newest head, with a proof that the newest one continues it. */
const EarlierCosignature = z.object({
  ...Cosignature.shape,
  head: TreeHeadBytes,
  consistency: Proof,
});

/**
 * The leaf that tells of the platform's last restore, with its audit path in the head's tree: it explains why the head
 * does not continue one that was signed before.
 */
const RestoredLeaf = z.object({
  leaf: bytes({ min: 1, max: 128 }),
  index: z.int(),
  inclusion: Proof,
});

export const getKeyLogKeys = endpoint({
  id: 'getKeyLogKeys',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/log/keys',
  access: 'user',
  status: 200,
  response: z.object({
    logKey: bytesOf(32),
    blindingKey: bytesOf(32),
    /** Keys of the witnesses that this platform knows. */
    witnessKeys: z.array(bytesOf(32)),
  }),
  problems: [],
});

export const getKeyLogHead = endpoint({
  id: 'getKeyLogHead',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/log/head',
  access: 'anyone',
  query: z.strictObject({ from: z.optional(LogSize) }),
  status: 200,
  response: z.object({
    logKey: bytesOf(32),
    head: TreeHeadBytes,
    consistency: Proof,
    cosignatures: z.array(Cosignature),
    /** Of witnesses that have not signed this head yet. */
    earlier: z.optional(z.array(EarlierCosignature)),
    restored: z.optional(RestoredLeaf),
  }),
  problems: ['key.log-unknown'],
});

export const getKeyLogLeaves = endpoint({
  id: 'getKeyLogLeaves',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/log/leaves',
  access: 'anyone',
  query: z.strictObject({
    start: LogSize,
    count: z.coerce.number().check(z.int(), z.minimum(1), z.maximum(KEY_LOG_LEAVES_MAX)),
  }),
  status: 200,
  response: z.object({ leaves: z.array(bytes({ min: 1, max: 128 })) }),
  problems: ['key.log-unknown'],
});

export const getKeyLogAccount = endpoint({
  id: 'getKeyLogAccount',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/log/accounts/{user_id}',
  access: 'user',
  params: userParams,
  query: z.strictObject({
    /** The first leaf wanted, by its version; 1 when left out. */
    from: z.optional(z.coerce.number().check(z.int(), z.minimum(1))),
    /** A head's size that the caller has seen, for the proof that the head below continues it. */
    seen: z.optional(LogSize),
  }),
  status: 200,
  response: z.object({
    leaves: z.array(bytes({ min: 1, max: 128 })).check(z.minLength(1)),
    /** Place of the last leaf in the tree, and its audit path in the head's tree. */
    index: z.int(),
    inclusion: Proof,
    head: TreeHeadBytes,
    consistency: Proof,
    cosignatures: z.array(Cosignature),
    /** Of witnesses that have not signed this head yet. */
    earlier: z.optional(z.array(EarlierCosignature)),
    restored: z.optional(RestoredLeaf),
  }),
  problems: ['key.log-unknown'],
});

export const cosignKeyLogHead = endpoint({
  id: 'cosignKeyLogHead',
  service: 'key',
  method: 'POST',
  path: '/api/v1/keys/log/cosignatures',
  access: 'anyone',
  body: z.strictObject({ head: TreeHeadBytes, witnessKey: bytesOf(32), signature: bytesOf(64) }),
  status: 204,
  problems: ['key.witness-unknown', 'key.signature-invalid', 'key.log-unknown'],
});

export const keyLogEndpoints = [
  getKeyLogKeys,
  getKeyLogHead,
  getKeyLogLeaves,
  getKeyLogAccount,
  cosignKeyLogHead,
] as const;
