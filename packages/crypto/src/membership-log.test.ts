/** Membership logs: the rules, every way a server can show a wrong log, and hostile bytes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, equal } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { signStatement } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { checkDecoder } from './fuzz.fixture.ts';
import type { Identity } from './keys.ts';
import { TIME_MS_MAX } from './limits.ts';
import {
  decodeMembershipEntry,
  encodeMembershipEntry,
  type MembershipAction,
  type MembershipAuthor,
} from './membership-entry.ts';
import {
  applyMembershipEntry,
  createMembershipLog,
  departedEntry,
  type Membership,
  replayMembershipLog,
  signMembershipEntry,
} from './membership-log.ts';
import { now } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import { fastProvider as provider, providers } from './providers.fixture.ts';

const conversation = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c01';
const userId = (number: number) =>
  `0190a1b2-c3d4-7e5f-8a9b-${number.toString(16).padStart(12, '0')}`;
const [ann, bob, cat, dan] = [userId(1), userId(2), userId(3), userId(4)] as const;
const names = new Map([
  [ann, 'ann'],
  [bob, 'bob'],
  [cat, 'cat'],
]);
const identities = new Map<string, Identity>(
  [ann, bob, cat, dan].map((user) => [user, makeIdentity(provider)]),
);
const authorOf = (user: string) => ({ user, identity: identities.get(user)! });
const isAuthor = ({ user, identityKey }: MembershipAuthor) =>
  equal(identities.get(user)!.publicKey, identityKey);

/** A log that grows. */
class Group {
  readonly entries: Uint8Array[] = [];
  membership: Membership;

  constructor(users: readonly string[] = [bob, cat]) {
    const step = createMembershipLog(provider, authorOf(ann), { conversation, time: now, users });
    this.entries.push(step.encoded);
    this.membership = step.membership;
  }

  do(user: string, action: MembershipAction): this {
    const { membership } = this;
    const input = { author: authorOf(user), membership };
    return this.#add(signMembershipEntry(provider, input, { action, time: now }));
  }

  depart(user: string): this {
    return this.#add(departedEntry(provider, this.membership, { user, time: now }));
  }

  get members(): string[] {
    return this.membership.members.map(({ user, role }) => `${names.get(user)}:${role}`);
  }

  #add(step: { encoded: Uint8Array; membership: Membership }): this {
    this.entries.push(step.encoded);
    this.membership = step.membership;
    return this;
  }
}

function replay(entries: readonly Uint8Array[], seen?: Membership) {
  return replayMembershipLog(provider, entries, { conversation, seen: seen?.head, isAuthor });
}

test.each(providers)('a log replays with $name to what its authors saw', (each) => {
  const group = new Group()
    .do(ann, { type: 'add', users: [dan] })
    .do(ann, { type: 'role', user: cat, role: 'admin' })
    .do(cat, { type: 'rename', titleHash: new Uint8Array(32).fill(7) })
    .do(cat, { type: 'remove', users: [bob] })
    .do(ann, { type: 'leave' })
    .depart(dan);
  const replayed = replayMembershipLog(each, group.entries, {
    conversation,
    seen: undefined,
    isAuthor,
  });
  expect(replayed).toEqual(group.membership);
  expect(replayed.members).toEqual([{ user: cat, role: 'admin', since: 1 }]);
  expect(replayed.head.version).toBe(7);
  expect(replayed.titleHash).toEqual(new Uint8Array(32).fill(7));
});

describe('the members of a group', () => {
  test('are the creator as admin and the others in ascending order, whatever order was given', () => {
    expect(new Group([cat, bob]).members).toEqual(['ann:admin', 'bob:member', 'cat:member']);
    expect(new Group([]).members).toEqual(['ann:admin']);
  });

  test('are changed by admins only', () => {
    const actions: MembershipAction[] = [
      { type: 'add', users: [dan] },
      { type: 'remove', users: [cat] },
      { type: 'role', user: bob, role: 'admin' },
      { type: 'rename', titleHash: new Uint8Array(32) },
    ];
    for (const action of actions) {
      expect(() => new Group().do(bob, action), action.type).toThrow(withCode('log.refused'));
      expect(() => new Group().do(dan, action), action.type).toThrow(withCode('log.refused'));
      new Group().do(ann, action);
    }
  });

  test('may leave by themselves, and strangers may not', () => {
    expect(new Group().do(bob, { type: 'leave' }).members).toEqual(['ann:admin', 'cat:member']);
    expect(() => new Group().do(dan, { type: 'leave' })).toThrow(withCode('log.refused'));
  });

  test('have the eldest as admin when the last one has gone, and nobody else', () => {
    const left = new Group([])
      .do(ann, { type: 'add', users: [cat] })
      .do(ann, { type: 'add', users: [bob] });
    expect(left.do(ann, { type: 'leave' }).members).toEqual(['cat:admin', 'bob:member']);
    expect(new Group().depart(ann).members).toEqual(['bob:admin', 'cat:member']);
    const two = new Group().do(ann, { type: 'role', user: cat, role: 'admin' }).depart(ann);
    expect(two.members).toEqual(['bob:member', 'cat:admin']);
  });

  test('that come back are the youngest', () => {
    const back = new Group()
      .do(ann, { type: 'remove', users: [bob] })
      .do(ann, { type: 'add', users: [bob] });
    expect(back.members).toEqual(['ann:admin', 'cat:member', 'bob:member']);
    expect(back.membership.members[2]!.since).toBe(3);
  });

  test('are none in the end, and then nothing can follow', () => {
    const empty = new Group([]).do(ann, { type: 'leave' });
    expect(empty.membership.members).toEqual([]);
    expect(() => empty.do(ann, { type: 'add', users: [bob] })).toThrow(withCode('log.refused'));
    expect(() => empty.depart(ann)).toThrow(withCode('log.refused'));
    expect(replay(empty.entries).members).toEqual([]);
  });

  test('are at most 200', () => {
    const others = Array.from({ length: 199 }, (_, index) => userId(100 + index));
    const full = new Group(others);
    expect(full.membership.members).toHaveLength(200);
    expect(() => full.do(ann, { type: 'add', users: [bob] })).toThrow(withCode('log.refused'));
    expect(() => new Group([...others, bob])).toThrow(withCode('input.invalid'));
  });

  test('cannot be changed without effect or against the rules', () => {
    const refused: MembershipAction[] = [
      { type: 'add', users: [bob] },
      { type: 'remove', users: [dan] },
      { type: 'remove', users: [bob, dan] },
      { type: 'remove', users: [ann] },
      { type: 'role', user: dan, role: 'admin' },
      { type: 'role', user: bob, role: 'member' },
      { type: 'role', user: ann, role: 'member' },
    ];
    for (const action of refused) {
      expect(() => new Group().do(ann, action)).toThrow(withCode('log.refused'));
    }
    expect(() => new Group().depart(dan)).toThrow(withCode('log.refused'));
    expect(() => new Group([ann])).toThrow(withCode('log.refused'));
    const invalid: MembershipAction[] = [
      { type: 'add', users: [] },
      { type: 'add', users: [dan, dan] },
      { type: 'add', users: ['dan'] },
      { type: 'rename', titleHash: new Uint8Array(31) },
      { type: 'create', users: [dan] },
      { type: 'departed', user: bob },
    ];
    for (const action of invalid) {
      expect(() => new Group().do(ann, action)).toThrow(withCode('input.invalid'));
    }
  });
});

describe('a server that shows a wrong log is caught:', () => {
  const group = new Group().do(ann, { type: 'add', users: [dan] }).do(bob, { type: 'leave' });
  const [create, add, leave] = group.entries as [Uint8Array, Uint8Array, Uint8Array];
  const start = replay([create]);

  test('an entry left out, repeated or reordered', () => {
    expect(() => replay([create, leave])).toThrow(withCode('log.gap'));
    expect(() => replay([add, leave])).toThrow(withCode('log.gap'));
    expect(() => replay([create, add, add])).toThrow(withCode('head.rolled-back'));
    expect(() => replay([create, leave, add])).toThrow(withCode('log.gap'));
    expect(() => replay([create, create])).toThrow(withCode('head.rolled-back'));
    expect(() => replay([])).toThrow(withCode('log.gap'));
  });

  test('a log that ends before what was seen', () => {
    expect(() => replay([create, add], group.membership)).toThrow(withCode('head.rolled-back'));
    expect(replay([create, add, leave], start).head).toEqual(group.membership.head);
  });

  test('another log of the same length, or a longer one that branches off earlier', () => {
    const fork = new Group().do(ann, { type: 'remove', users: [cat] });
    const seen = replay([create, add]);
    expect(() => replay([create, fork.entries[1]!], seen)).toThrow(withCode('head.forked'));
    fork.do(ann, { type: 'add', users: [dan] });
    expect(() => replay(fork.entries, seen)).toThrow(withCode('head.forked'));
    const apply = () =>
      applyMembershipEntry(provider, seen, { encoded: fork.entries[2]!, isAuthor });
    expect(apply).toThrow(withCode('head.forked'));
  });

  test('the log of another conversation', () => {
    const other = userId(99);
    const expected = { conversation: other, seen: undefined, isAuthor };
    expect(() => replayMembershipLog(provider, group.entries, expected)).toThrow(
      withCode('log.refused'),
    );
    const input = { conversation: other, time: now, users: [bob] };
    const elsewhere = createMembershipLog(provider, authorOf(ann), input);
    const moved = signMembershipEntry(
      provider,
      { author: authorOf(ann), membership: { ...elsewhere.membership, head: start.head } },
      { action: { type: 'add', users: [dan] }, time: now },
    );
    const apply = () => applyMembershipEntry(provider, start, { encoded: moved.encoded, isAuthor });
    expect(apply).toThrow(withCode('log.refused'));
  });

  test('an entry under an identity that is not the author’s', () => {
    const author = { user: ann, identity: makeIdentity(provider) };
    const action = { type: 'add', users: [dan] } as const;
    const forged = signMembershipEntry(
      provider,
      { author, membership: start },
      { action, time: now },
    );
    expect(() => replay([create, forged.encoded])).toThrow(withCode('identity.changed'));
  });

  test('an entry that its author signed for another purpose', () => {
    const message = add.subarray(0, -64);
    const signature = signStatement(provider, identities.get(ann)!.seed, {
      purpose: 'deviceList',
      message,
    });
    expect(() => replay([create, concat(message, signature)])).toThrow(
      withCode('signature.invalid'),
    );
  });

  test('any bit changed', () => {
    for (let bit = 0; bit < add.length * 8; bit++) {
      const changed = add.with(bit >> 3, add[bit >> 3]! ^ (1 << (bit & 7)));
      expect(() => replay([create, changed])).toThrow(CryptoError);
    }
  });

  test('a time that is no date', () => {
    const { entry } = decodeMembershipEntry(add);
    const encoded = encodeMembershipEntry({ ...entry, time: TIME_MS_MAX });
    const timeEnd = 2 + 16 + 4 + 32 + 7;
    const late = encoded.with(timeEnd, encoded[timeEnd]! + 1);
    const decode = (bytes: Uint8Array) => decodeMembershipEntry(concat(bytes, new Uint8Array(64)));
    expect(decode(encoded).entry.time).toBe(TIME_MS_MAX);
    expect(() => decode(late)).toThrow(withCode('encoding.invalid'));
    expect(() => encodeMembershipEntry({ ...entry, time: TIME_MS_MAX + 1 })).toThrow(
      withCode('input.invalid'),
    );
  });

  test('but it may take out accounts by `departed`, and that is all it may do', () => {
    const departed = departedEntry(provider, start, { user: bob, time: now });
    expect(replay([create, departed.encoded]).members).toHaveLength(2);
    const unsigned = encodeMembershipEntry({
      ...decodeMembershipEntry(add).entry,
      author: { user: ann, identityKey: identities.get(ann)!.publicKey },
    });
    expect(() => replay([create, unsigned])).toThrow(withCode('encoding.invalid'));
    const nobody = { ...decodeMembershipEntry(add).entry, author: undefined };
    expect(() => encodeMembershipEntry(nobody)).toThrow(withCode('input.invalid'));
  });
});

test('every order of valid and refused changes leaves an admin, no double and one result', () => {
  const users = [ann, bob, cat, dan];
  const some = fc.uniqueArray(fc.constantFrom(...users), { minLength: 1, maxLength: 3 });
  const one = fc.constantFrom(...users);
  const change = fc.oneof(
    fc.record({ type: fc.constantFrom('add', 'remove'), users: some }),
    fc.record({ type: fc.constant('role'), user: one, role: fc.constantFrom('member', 'admin') }),
    fc.record({ type: fc.constantFrom('leave') }),
    fc.record({ type: fc.constant('departed'), user: one }),
  ) as fc.Arbitrary<MembershipAction>;
  const property = fc.property(fc.array(fc.tuple(one, change), { maxLength: 25 }), (changes) => {
    const group = new Group();
    for (const [author, action] of changes) {
      const before = group.entries.length;
      try {
        if (action.type === 'departed') group.depart(action.user);
        else group.do(author, action);
      } catch (error) {
        expect(error).toMatchObject({ code: 'log.refused' });
        expect(group.entries).toHaveLength(before);
      }
      const { members } = group.membership;
      expect(new Set(members.map(({ user }) => user)).size).toBe(members.length);
      expect(members.length === 0 || members.some(({ role }) => role === 'admin')).toBe(true);
      const since = members.map((member) => member.since);
      expect(since).toEqual(since.toSorted((a, b) => a - b));
    }
    expect(replay(group.entries)).toEqual(group.membership);
  });
  fc.assert(property, { numRuns: 100 });
});

describe('the decoder of membership entries', () => {
  const group = new Group()
    .do(ann, { type: 'add', users: [dan] })
    .do(ann, { type: 'role', user: bob, role: 'admin' })
    .do(bob, { type: 'rename', titleHash: new Uint8Array(32).fill(1) })
    .do(bob, { type: 'remove', users: [cat, dan] })
    .do(ann, { type: 'leave' })
    .depart(bob);

  test('gives entries back as they were from any bytes, or a typed error', () => {
    const roundTrip = (bytes: Uint8Array) => {
      const { entry, signature } = decodeMembershipEntry(bytes);
      return concat(encodeMembershipEntry(entry), signature);
    };
    checkDecoder({ name: 'membership entries', samples: group.entries, roundTrip });
  }, 600_000);

  test('refuses what no author writes', () => {
    const [create, add, role] = group.entries as [Uint8Array, Uint8Array, Uint8Array];
    const payload = 2 + 16 + 4 + 32 + 8 + 16 + 32;
    const versionEnd = 2 + 16 + 3;
    const noUsers = concat(add.with(payload, 0).subarray(0, payload + 1), add.subarray(-64));
    const inputs = [
      create.with(1, 0),
      create.with(1, 8),
      create.with(versionEnd, 0),
      create.with(versionEnd, 2),
      add.with(1, 1), // a second `create`
      noUsers,
      role.with(payload + 16, 2),
      concat(create, new Uint8Array(1)),
      create.subarray(0, -1),
    ];
    for (const input of inputs) {
      expect(() => decodeMembershipEntry(input)).toThrow(withCode('encoding.invalid'));
    }
    expect(() => decodeMembershipEntry(create.with(0, 2))).toThrow(
      withCode('encoding.unsupported'),
    );
  });
});
