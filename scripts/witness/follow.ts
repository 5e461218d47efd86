/** Following a log from the head seen last to its newest one, leaf by leaf. */
import { encodeBase64url, KEY_LOG_LEAVES_MAX } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import {
  accountHeadAfter,
  appendLeaf,
  CryptoError,
  decodeKeyLogLeaf,
  decodeTreeHead,
  emptyTree,
  type Head,
  leafHashOf,
  rootOf,
  type TreeEdge,
  type TreeHead,
  verifyingKey,
  verifyTreeHead,
} from '@sotto/crypto/verify';
import { Alarm, type AlarmCode } from './alarm.ts';
import type { LogReader } from './log-reader.ts';

/** All that a witness knows of a log. */
export interface Followed {
  readonly logKey: Uint8Array;
  /** The head up to which every leaf was checked, as the log signed it. */
  readonly head: Uint8Array;
  readonly tree: TreeEdge;
  /** The newest leaf of each account, by its blinded name in base64url. */
  readonly accounts: ReadonlyMap<string, Head>;
}

type Reader = Pick<LogReader, 'head' | 'leaves'>;

/**
 * Checks the newest head and every leaf since the one seen. What is to be remembered, and what there is to tell. Throws an
 * Alarm when the log is not what it claims, Unreachable when it cannot be asked.
 */
export async function followLog(
  log: Reader,
  seen: Followed | undefined,
): Promise<{ followed: Followed; news: string[] }> {
  const answer = await log.head(seen?.tree.size);
  const logKey = requireSameKey(answer.logKey, seen);
  const head = checkHead(answer, seen);
  const accounts = new Map(seen?.accounts);
  const { tree, restored } = await readLeaves(log, {
    ...{ from: seen?.tree ?? emptyTree, head: answer.head, size: head.size, accounts },
  });
  if (!Buffer.from(rootOf(nodeProvider, tree)).equals(head.root)) {
    throw new Alarm('leaves-swapped', { ...evidenceOf(seen), head: encodeBase64url(answer.head) });
  }
  const followed = { logKey, head: answer.head, tree, accounts };
  return { followed, news: tell(seen, { head, restored, logKey }) };
}

function requireSameKey(given: Uint8Array, seen: Followed | undefined): Uint8Array {
  if (seen !== undefined && !Buffer.from(given).equals(seen.logKey)) {
    throw new Alarm('key-changed', { ...evidenceOf(seen), newKey: encodeBase64url(given) });
  }
  return given;
}

type HeadAnswer = Awaited<ReturnType<LogReader['head']>>;

function checkHead(answer: HeadAnswer, seen: Followed | undefined): TreeHead {
  try {
    return verifyTreeHead(nodeProvider, answer.head, {
      logKey: verifyingKey<'key-log'>(answer.logKey),
      seen: seen && decodeTreeHead(seen.head).head,
      consistency: answer.consistency,
    });
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const evidence = {
      ...evidenceOf(seen),
      logKey: encodeBase64url(answer.logKey),
      head: encodeBase64url(answer.head),
      consistency: answer.consistency.map(encodeBase64url),
    };
    throw new Alarm(headAlarm(error), evidence, { cause: error });
  }
}

function headAlarm({ code }: CryptoError): AlarmCode {
  if (code === 'head.rolled-back') return 'rolled-back';
  if (code === 'head.forked') return 'forked';
  return code === 'proof.invalid' ? 'rewritten' : 'head-unsigned';
}

interface Reading {
  from: TreeEdge;
  /** What the log has signed, for evidence, and how many leaves that is. */
  head: Uint8Array;
  size: number;
  /** Brought up to date. */
  accounts: Map<string, Head>;
}

async function readLeaves(log: Reader, { from, head, size, accounts }: Reading) {
  let tree = from;
  const restored: string[] = [];
  while (tree.size < size) {
    const count = Math.min(KEY_LOG_LEAVES_MAX, size - tree.size);
    const page = (await log.leaves({ start: tree.size, count })) ?? [];
    if (page.length === 0) {
      throw new Alarm('leaves-withheld', { index: tree.size, head: encodeBase64url(head) });
    }
    for (const leaf of page.slice(0, count)) {
      const news = checkLeaf(accounts, leaf, { index: tree.size, head: encodeBase64url(head) });
      if (news !== undefined) restored.push(news);
      ({ tree } = appendLeaf(nodeProvider, tree, leafHashOf(nodeProvider, leaf)));
    }
  }
  return { tree, restored };
}

/** Follows an account by one leaf, or tells of a platform that was restored. */
function checkLeaf(
  accounts: Map<string, Head>,
  leaf: Uint8Array,
  place: { index: number; head: string },
): string | undefined {
  const evidence = { ...place, leaf: encodeBase64url(leaf) };
  const decoded = decodeLeaf(leaf, evidence);
  if (decoded.type === 'restored') {
    const at = new Date(decoded.time).toUTCString();
    return `the platform says that it was restored: incarnation ${decoded.incarnation}, ${at}`;
  }
  const { account } = decoded;
  const name = encodeBase64url(account);
  const before = accounts.get(name);
  try {
    accounts.set(name, accountHeadAfter(nodeProvider, { account, before }, leaf));
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const known = before && { version: before.version, hash: encodeBase64url(before.hash) };
    throw new Alarm('account-forked', { ...evidence, account: name, known }, { cause: error });
  }
  return undefined;
}

function decodeLeaf(leaf: Uint8Array, evidence: Record<string, unknown>) {
  try {
    return decodeKeyLogLeaf(leaf);
  } catch (error) {
    if (error instanceof CryptoError) throw new Alarm('leaf-malformed', evidence, { cause: error });
    throw error;
  }
}

function evidenceOf(seen: Followed | undefined): Record<string, unknown> {
  if (seen === undefined) return {};
  return { seenKey: encodeBase64url(seen.logKey), seenHead: encodeBase64url(seen.head) };
}

interface News {
  head: TreeHead;
  restored: readonly string[];
  logKey: Uint8Array;
}

function tell(seen: Followed | undefined, { head, restored, logKey }: News): string[] {
  if (seen !== undefined && seen.tree.size === head.size) return [];
  const root = Buffer.from(head.root).toString('hex').slice(0, 16);
  const first = seen === undefined ? [`log key ${encodeBase64url(logKey)}, seen first now`] : [];
  return [...first, ...restored, `followed to leaf ${head.size}, root ${root}`];
}
