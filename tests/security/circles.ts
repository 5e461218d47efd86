/** People whose affairs are nobody else's, for tests of who gets at what. */
import { type ConversationId, type MessageId, sendMessage, subscribePush } from '@sotto/api';
import { addPeople, Group } from '../../services/message/test/groups.ts';
import { messageFor, openConversation } from '../../services/message/test/messages.ts';
import type { Node, Platform } from '../../services/message/test/nodes.ts';
import type { Person } from '../../services/message/test/peers.ts';

/** Of a push service that nobody ever reaches: a node must have its host among its own. */
export const ENDPOINT = 'https://push.invalid/';

/** Two people, with what is theirs alone. */
export interface Circle {
  people: [Person, Person];
  direct: ConversationId;
  group: Group;
  /** A message in the direct conversation, for the second of them. */
  message: MessageId;
}
/** Two new people with a conversation, a group, a message, and a device that is to be woken. */
export async function makeCircle(platform: Platform, node: Node): Promise<Circle> {
  const [a, b] = await addPeople(platform.peers, 2);
  if (a === undefined || b === undefined) throw new Error('nobody came');
  const direct = await openConversation(node, a, b);
  const group = new Group(platform.peers, a, [b]);
  await group.create(node, a);
  const body = messageFor(direct, [b]);
  await node.call(a, sendMessage, { body });
  await node.call(b, subscribePush, { body: { endpoint: ENDPOINT } });
  return { people: [a, b], direct, group, message: body.id };
}

/** What a stranger's answer must not have in it. */
export function marksOf({ people, direct, group, message }: Circle): string[] {
  return [...people.flatMap(({ user, device }) => [user, device]), direct, group.id, message];
}

/** What the rows of a circle's people are. */
export async function possessions(
  { database: { pool } }: Pick<Platform, 'database'>,
  { people, direct, group }: Circle,
): Promise<unknown> {
  const users = people.map(({ user }) => user);
  const { rows } = await pool.query(
    `select
      (select jsonb_agg(m order by conversation, user_id) from conversation_members m
        where conversation = any($1)) as members,
      (select jsonb_agg(c order by device, conversation) from cursors c
        where conversation = any($1)) as cursors,
      (select jsonb_agg(b order by blocker, blocked) from blocks b where blocker = any($2)) as blocks,
      (select jsonb_agg(p order by user_id) from presence p where user_id = any($2)) as presence,
      (select jsonb_agg(s order by device) from push_subscriptions s where user_id = any($2)) as pushes`,
    [[direct, group.id], users],
  );
  return rows;
}
