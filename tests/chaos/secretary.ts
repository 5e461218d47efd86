/**
 * Changes who is in a group while everybody writes: takes members out and back in, by entries that its admin signs. It
 * keeps at which place each came and went, which receipts are judged by.
 */
import {
  applyMembershipEntry,
  createMembershipLog,
  type Membership,
  type MembershipAction,
  signMembershipEntry,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import type { Chance } from './chance.ts';
import type { Resident } from './residents.ts';
import { ask } from './rest.ts';
import { bitsOf, groupState, type Room } from './room.ts';

export interface SecretaryDeps {
  origin: string;
  admin: Resident;
  residents: readonly Resident[];
  token(): string;
}

/** A change of a group, at its place. */
export interface Change {
  seq: number;
  /** Bits of the devices of those who are members from then on. */
  readers: number;
}

export interface Secretary {
  room: Room;
  changes: readonly Change[];
  /** The last place that somebody who is no member now may read; undefined for members and strangers. */
  lastPlaceOf(user: string): number | undefined;
  /** Resolves once the platform has told of every change, also of one whose answer was lost. Rejects when it cannot. */
  readOn(): Promise<void>;
  /** Takes somebody out, or in again. `isDone` says whether one who went has read everything. Never rejects. */
  change(chance: Chance, isDone: (resident: Resident, seq: number) => boolean): Promise<void>;
}

interface Listed {
  entries: { version: number; seq: number; entry: string }[];
}

/** Below it nobody is taken out. */
const MEMBERS_MIN = 3;

/** Founds a group. The room is one for senders, and is kept up to date. */
export async function foundGroup(
  deps: SecretaryDeps,
  { index, id, members }: { index: number; id: string; members: readonly Resident[] },
): Promise<Secretary> {
  const { admin, origin, residents, token } = deps;
  const author = { user: admin.user, identity: admin.identity };
  const users = members.map(({ user }) => user).filter((user) => user !== admin.user);
  const step = createMembershipLog(nodeProvider, author, {
    conversation: id,
    time: Date.now(),
    users,
  });
  let membership: Membership = step.membership;
  const room: Room = { index, id, kind: 'group', members, group: groupState(1, members) };
  const changes: Change[] = [];
  const gone = new Map<string, number>();
  const present = () => residents.filter(({ user }) => isMember(membership, user));

  /** Takes note of an entry that stands at a place. */
  function note(seq: number, next: Membership): void {
    const before = membership.members.map(({ user }) => user);
    membership = next;
    const here = present();
    for (const user of before) if (!isMember(next, user)) gone.set(user, seq);
    for (const { user } of here) gone.delete(user);
    changes.push({ seq, readers: bitsOf(here.flatMap(({ devices }) => devices)) });
    room.members = here;
    room.group = groupState(next.head.version, here);
  }

  /** Reads what was entered without our hearing of it. */
  async function readOn(): Promise<void> {
    const after = changes.length;
    const path = `/api/v1/conversations/${id}/membership?after=${after}`;
    const { status, answer } = await ask<Listed>(origin, path, { token: token() });
    if (status !== 200) throw new Error(`the log cannot be read: ${status}`);
    for (const { seq, entry, version } of answer.entries) {
      if (version !== changes.length + 1) continue;
      const encoded = new Uint8Array(Buffer.from(entry, 'base64url'));
      const known = version === 1 ? undefined : membership;
      note(seq, applyMembershipEntry(nodeProvider, known, { encoded, isAuthor: () => true }));
    }
  }

  async function enter(encoded: Uint8Array): Promise<void> {
    const entry = Buffer.from(encoded).toString('base64url');
    const path = `/api/v1/conversations/${id}/membership`;
    // Whatever becomes of it, the log says whether it was entered.
    await ask(origin, path, { token: token(), method: 'POST', body: { entry } }).catch(
      () => undefined,
    );
    await readOn();
  }

  await ask(origin, '/api/v1/conversations', {
    token: token(),
    method: 'POST',
    body: { kind: 'group', entry: Buffer.from(step.encoded).toString('base64url') },
  }).then(({ status, answer }) => {
    if (status !== 200) throw new Error(`no group: ${JSON.stringify(answer)}`);
  });
  await readOn();
  return {
    room,
    changes,
    lastPlaceOf: (user) => gone.get(user),
    readOn,
    async change(chance, isDone) {
      await readOn().catch(() => undefined);
      const action = actionOf(membership, { chance, admin, gone, residents, isDone });
      if (action === undefined) return;
      const { encoded } = signMembershipEntry(
        nodeProvider,
        { author, membership },
        { action, time: Date.now() },
      );
      await enter(encoded).catch(() => undefined);
    },
  };
}

interface Situation {
  chance: Chance;
  admin: Resident;
  gone: ReadonlyMap<string, number>;
  residents: readonly Resident[];
  isDone(resident: Resident, seq: number): boolean;
}

/** Somebody goes, or one who went comes back once it has read what was there for it. */
function actionOf(
  { members }: Membership,
  { chance, admin, gone, residents, isDone }: Situation,
): MembershipAction | undefined {
  const back = residents.filter((resident) => {
    const seq = gone.get(resident.user);
    return seq !== undefined && isDone(resident, seq);
  });
  if (back.length > 0 && (chance.below(2) === 0 || members.length <= MEMBERS_MIN)) {
    return { type: 'add', users: [chance.pick(back).user] };
  }
  const others = members.filter(({ user }) => user !== admin.user);
  if (members.length <= MEMBERS_MIN || others.length === 0) return undefined;
  return { type: 'remove', users: [chance.pick(others).user] };
}

function isMember({ members }: Membership, user: string): boolean {
  return members.some((member) => member.user === user);
}
