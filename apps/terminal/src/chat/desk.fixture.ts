/** A desk in front of a platform that answers when a test says so. */
import {
  type Client,
  type ConversationView,
  createClient,
  type MessageView,
  openMemoryStore,
  type Sent,
} from '@sotto/client';
import { draftOf } from '../screen/edit-line.ts';
import { type Desk, openDesk } from './desk.ts';
import { openConversation } from './places.ts';
import { submit } from './submit.ts';

type ConversationId = ConversationView['id'];
type UserId = ConversationView['members'][number];

export const [ME, BOB, CAROL] = ['me', 'bob', 'carol'] as [UserId, UserId, UserId];

/** The conversation of two with somebody. */
export const WITH_BOB = viewWith(BOB);
export const WITH_CAROL = viewWith(CAROL);
export const GROUP: ConversationView = {
  ...viewWith(BOB),
  id: 'group' as ConversationId,
  kind: 'group',
  title: 'Choir',
  members: [ME, BOB, CAROL],
};

const VIEWS = [WITH_BOB, WITH_CAROL, GROUP];

/** What is asked of a client whose store is empty is answered by `answers`; `asked` has what was. */
export function deskWith(answers: Partial<Client>): { desk: Desk; asked: readonly unknown[][] } {
  const client = createClient({ url: 'http://127.0.0.1:1', store: openMemoryStore() });
  const asked: unknown[][] = [];
  const noted: Partial<Client> = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      typeof answer === 'function'
        ? (...args: never[]) => {
            asked.push([name, ...args]);
            return Reflect.apply(answer, undefined, args);
          }
        : answer,
    ]),
  );
  const conversations = { get: () => VIEWS, subscribe: () => () => {} };
  const desk = openDesk({
    client: { ...client, ...noted, state: { ...client.state, conversations, ...answers.state } },
    me: { user: ME, device: 'device' as Sent['reference']['device'], username: 'me' },
    workingDirectory: '/nowhere',
    quit: () => {},
  });
  desk.shown = { ...desk.shown, conversations: VIEWS };
  return { desk, asked };
}

/** Types a text where the person is, in place of what stands there. */
export function type(desk: Desk, text: string): void {
  desk.change({ draft: draftOf(text) });
}

/** The same, and Enter. */
export function enter(desk: Desk, text: string): void {
  type(desk, text);
  submit(desk);
}

/** Goes to a conversation, whose messages are on the screen then. */
export function open(desk: Desk, { id }: ConversationView, lines: readonly MessageView[] = []) {
  openConversation(desk, id);
  desk.shown = { ...desk.shown, lines };
}

/** A text of somebody in a conversation. */
export function line(seq: number, { id }: ConversationView, sender: UserId = BOB): MessageView {
  const said = { body: { type: 'text', text: `${seq}`, isEdited: false }, reactions: [] } as const;
  const placed = { conversation: id, seq, time: seq, order: 'next' } as const;
  const status = sender === ME ? 'stored' : 'received';
  return { ...said, ...placed, sender, isOwn: sender === ME, status, ...sentAs(`${seq}`) };
}

/** The reference of a message of that id. */
export function sentAs(id: string): Pick<Sent, 'reference'> {
  return { reference: { device: 'device', id } as Sent['reference'] };
}

/** What the platform answers to a text that was sent. */
export function sent(conversation: ConversationId, id: string): Sent {
  return { conversation, id: id as Sent['id'], ...sentAs(id) };
}

function viewWith(user: UserId): ConversationView {
  const nothing = { admins: [], unread: 0, typing: [], timer: null } as const;
  return { id: `with-${user}` as ConversationId, kind: 'direct', members: [ME, user], ...nothing };
}
