/** Following a log from the head seen last to its newest one, leaf by leaf. */
import { encodeBase64url, KEY_LOG_LEAVES_MAX } from '@sotto/api';
import { KEY_LOG_SKEW_MS_MAX } from '@sotto/crypto';
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
  type RestoredLeaf,
  rootOf,
  type TreeEdge,
  type TreeHead,
  verifyingKey,
  verifyTreeHead,
} from '@sotto/crypto/verify';
import { Alarm, type AlarmCode } from './alarm.ts';
import { type LogReader, Unreachable } from './log-reader.ts';

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

/** What came of a look at a log. */
export interface Following {
  /** To be remembered. */
  readonly followed: Followed;
  /** To be told. */
  readonly news: string[];
  /** What would be an alarm, had the log not said itself that it was restored since: for a person to judge. */
  readonly excused?: Alarm;
}

/**
 * Checks the newest head and every leaf since the one seen; all leaves, when the log says that it was restored since.
 * Throws an Alarm when the log is not what it claims, Unreachable when it cannot be asked or its head is from the future:
 * one of the two clocks is wrong then, and what is signed with such a time could tell of a restore that is yet to come.
 */
export async function followLog(
  log: Reader,
  seen: Followed | undefined,
  now = Date.now(),
): Promise<Following> {
  const answer = await log.head(seen?.tree.size);
  const logKey = requireSameKey(answer.logKey, seen);
  let head: TreeHead;
  try {
    head = checkHead(answer, seen);
  } catch (error) {
    if (seen === undefined || !(error instanceof Alarm)) throw error;
    return followRestored(log, { answer, seen, alarm: error, now });
  }
  if (isAhead(head, now)) {
    throw new Unreachable('the log signs its heads in the future, or the clock here is wrong');
  }
  const accounts = new Map(seen?.accounts);
  const { tree, restored } = await readLeaves(log, {
    ...{ from: seen?.tree ?? emptyTree, answer, head, accounts },
  });
  requireRoot(tree, { answer, head, seen });
  const followed = { logKey, head: answer.head, tree, accounts };
  return { followed, news: tell(seen, { head, restored: restored.map(describe), logKey }) };
}

interface OtherLog {
  answer: HeadAnswer;
  seen: Followed;
  /** What is wrong with it as it stands. */
  alarm: Alarm;
  now: number;
}

/**
 * Follows a log from its beginning that does not continue what was seen. Up to the leaf of a restore since, it must be the
 * beginning of what was seen, as far as that can be told: no account may have there what it did not have before.
 */
async function followRestored(
  log: Reader,
  { answer, seen, alarm, now }: OtherLog,
): Promise<Following> {
  const head = checkHead(answer, undefined);
  if (isAhead(head, now)) throw alarm;
  const { logKey } = answer;
  const seenTime = decodeTreeHead(seen.head).head.time;
  const accounts = new Map<string, Head>();
  let restore: RestoredLeaf | undefined;
  const { tree, restored } = await readLeaves(log, {
    ...{ from: emptyTree, answer, head, accounts },
    onRestored(leaf) {
      if (restore !== undefined || leaf.time < seenTime) return;
      restore = leaf;
      if (!isBeginning(accounts, seen.accounts)) throw alarm;
    },
  });
  requireRoot(tree, { answer, head, seen });
  if (restore === undefined) throw alarm;
  const followed = { logKey, head: answer.head, tree, accounts };
  const lost = `the log that was followed before had ${seen.tree.size} leaves, and does not go on`;
  const news = tell(seen, { head, restored: restored.map(describe), logKey }, true);
  return { followed, news: [lost, ...news], excused: alarm };
}

function isAhead({ time }: { time: number }, of: number): boolean {
  return time > of + KEY_LOG_SKEW_MS_MAX;
}

/** Whether all accounts were at least as far, and no different where they were as far. */
function isBeginning(
  accounts: ReadonlyMap<string, Head>,
  seen: ReadonlyMap<string, Head>,
): boolean {
  return [...accounts].every(([account, { version, hash }]) => {
    const before = seen.get(account);
    if (before === undefined || before.version < version) return false;
    return before.version > version || Buffer.from(before.hash).equals(hash);
  });
}

interface Rooted {
  answer: HeadAnswer;
  head: TreeHead;
  seen: Followed | undefined;
}

function requireRoot(tree: TreeEdge, { answer, head, seen }: Rooted): void {
  if (Buffer.from(rootOf(nodeProvider, tree)).equals(head.root)) return;
  throw new Alarm('leaves-swapped', { ...evidenceOf(seen), head: encodeBase64url(answer.head) });
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
  /** What the log has signed, and the same for evidence. */
  head: TreeHead;
  answer: HeadAnswer;
  /** Brought up to date. */
  accounts: Map<string, Head>;
  /** Called with `accounts` as they are before the leaf. */
  onRestored?: (leaf: RestoredLeaf) => void;
}

async function readLeaves(log: Reader, { from, head, answer, accounts, onRestored }: Reading) {
  const { size } = head;
  const evidence = { head: encodeBase64url(answer.head) };
  let tree = from;
  const restored: RestoredLeaf[] = [];
  while (tree.size < size) {
    const count = Math.min(KEY_LOG_LEAVES_MAX, size - tree.size);
    const page = (await log.leaves({ start: tree.size, count })) ?? [];
    if (page.length === 0) {
      throw new Alarm('leaves-withheld', { ...evidence, index: tree.size });
    }
    for (const leaf of page.slice(0, count)) {
      const place = { ...evidence, index: tree.size };
      const restore = checkLeaf(accounts, leaf, place);
      if (restore !== undefined) {
        if (isAhead(restore, head.time)) throw aheadOf(leaf, place);
        restored.push(restore);
        onRestored?.(restore);
      }
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
): RestoredLeaf | undefined {
  const evidence = { ...place, leaf: encodeBase64url(leaf) };
  const decoded = decodeLeaf(leaf, evidence);
  if (decoded.type === 'restored') return decoded;
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

function aheadOf(leaf: Uint8Array, place: { index: number; head: string }): Alarm {
  return new Alarm('restore-ahead', { ...place, leaf: encodeBase64url(leaf) });
}

function describe({ incarnation, time }: RestoredLeaf): string {
  const at = new Date(time).toUTCString();
  return `the platform says that it was restored: incarnation ${incarnation}, ${at}`;
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

function tell(
  seen: Followed | undefined,
  { head, restored, logKey }: News,
  isOther = false,
): string[] {
  if (seen !== undefined && seen.tree.size === head.size && !isOther) return [];
  const root = Buffer.from(head.root).toString('hex').slice(0, 16);
  const first = seen === undefined ? [`log key ${encodeBase64url(logKey)}, seen first now`] : [];
  return [...first, ...restored, `followed to leaf ${head.size}, root ${root}`];
}
