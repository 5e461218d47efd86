/** Groups as a test's members keep them: each signs with an identity of their own and replays the same log. */
import { randomBytes } from 'node:crypto';
import {
  type Conversation,
  ConversationId,
  changeMembership,
  createConversation,
  type OutgoingMessage,
  type UserId,
} from '@sotto/api';
import {
  createMembershipLog,
  digestDeviceLists,
  type Identity,
  type Membership,
  type MembershipAction,
  type MembershipStep,
  makeIdentity,
  nobleProvider,
  signMembershipEntry,
} from '@sotto/crypto';
import { newId } from './messages.ts';
import type { Node } from './nodes.ts';
import type { Peers, Person } from './peers.ts';

const identities = new Map<UserId, Identity>();

/** The identity of a person, published when there is none yet. */
export function identityOf(peers: Peers, { user }: Pick<Person, 'user'>): Identity {
  let identity = identities.get(user);
  if (identity === undefined) {
    identity = makeIdentity(nobleProvider);
    identities.set(user, identity);
    peers.setIdentity(user, identity.publicKey);
  }
  return identity;
}

type GroupMessage = Extract<OutgoingMessage, { kind: 'group' }>;

/** A group as all its members see it. */
export class Group {
  readonly id: ConversationId;
  readonly #peers: Peers;
  #step: MembershipStep;

  constructor(peers: Peers, creator: Person, others: readonly Person[]) {
    this.id = ConversationId.parse(newId());
    this.#peers = peers;
    const author = { user: creator.user, identity: identityOf(peers, creator) };
    const users = others.map(({ user }) => user);
    const group = { conversation: this.id, time: Date.now(), users };
    this.#step = createMembershipLog(nobleProvider, author, group);
  }

  /** The newest entry. */
  get entry(): Uint8Array {
    return this.#step.encoded;
  }

  get version(): number {
    return this.#step.membership.head.version;
  }

  /** As its members see it. */
  get membership(): Membership {
    return this.#step.membership;
  }

  get members(): UserId[] {
    return this.#step.membership.members.map(({ user }) => user as UserId);
  }

  create(node: Node, creator: Person): Promise<Conversation> {
    return node.call(creator, createConversation, { body: { kind: 'group', entry: this.entry } });
  }

  /** The next entry, signed by a person, and not yet part of the log. */
  sign(person: Person, action: MembershipAction): MembershipStep {
    const author = { user: person.user, identity: identityOf(this.#peers, person) };
    const { membership } = this.#step;
    return signMembershipEntry(nobleProvider, { author, membership }, { action, time: Date.now() });
  }

  /** Sends the next entry; it is part of the log once the platform has taken it. */
  async change(
    node: Node,
    person: Person,
    action: MembershipAction,
    title?: Uint8Array,
  ): Promise<{ version: number; seq: number }> {
    const step = this.sign(person, action);
    const answer = await post(node, person, { group: this, entry: step.encoded, title });
    this.accept(step);
    return answer;
  }

  /** Goes by a step that the platform has taken. */
  accept(step: MembershipStep): void {
    this.#step = step;
  }

  /** A message that is keyed for the members and devices of now. */
  message({ text = String(Math.random()), id = newId() } = {}): GroupMessage {
    const lists = this.members.map((user) => ({ user, version: this.#peers.listVersion(user) }));
    return {
      ...{ kind: 'group', id, conversation: this.id, version: this.version },
      ciphertext: new Uint8Array(Buffer.from(text)),
      lists: digestDeviceLists(nobleProvider, lists),
    };
  }
}

/** Sends an entry as it is. */
export function post(
  node: Node,
  person: Person,
  {
    group,
    entry,
    title,
  }: { group: Pick<Group, 'id'>; entry: Uint8Array; title?: Uint8Array | undefined },
): Promise<{ version: number; seq: number }> {
  return node.call(person, changeMembership, {
    params: { id: group.id },
    body: { entry, ...(title !== undefined && { title }) },
  });
}

/** So many people, each with a device and an identity. */
export async function addPeople(peers: Peers, count: number): Promise<Person[]> {
  const people: Person[] = [];
  while (people.length < count) {
    const some = Math.min(20, count - people.length);
    people.push(...(await Promise.all(Array.from({ length: some }, () => peers.addPerson()))));
  }
  for (const person of people) identityOf(peers, person);
  return people;
}

/** A title and the digest by which a `rename` names it. */
export function makeTitle(): { title: Uint8Array; titleHash: Uint8Array } {
  const title = new Uint8Array(randomBytes(40));
  return { title, titleHash: nobleProvider.sha256(title) };
}

export type Three = [Person, Person, Person];

/** A group of three members, of whom the first is the admin, and one who is none. */
export async function foundThree(
  peers: Peers,
  node: Node,
): Promise<{ people: Three; stranger: Person; group: Group }> {
  const [ann, bob, cat, dan] = (await addPeople(peers, 4)) as [...Three, Person];
  const group = new Group(peers, ann, [bob, cat]);
  await group.create(node, ann);
  return { people: [ann, bob, cat], stranger: dan, group };
}
