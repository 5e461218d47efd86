/** What a line says, in words: for lists, quotes and notifications, and where nothing but words can be shown. */
import type { MembershipChange, MessageBody, MessageView } from '@sotto/client';
import type { NameOf, UserId } from './ids.ts';
import { lifetimeLabel } from './time-labels.ts';

/** By whom a line is read, and what everybody is called. */
export interface Reader {
  readonly me: UserId;
  readonly nameOf: NameOf;
}

/** Everybody whom a line may name: its author, those it speaks of, and those who have reacted to it. */
export function peopleIn({ sender, body, reactions }: MessageView): readonly UserId[] {
  const said = sender === undefined ? [] : [sender];
  const reacted = reactions.flatMap(({ users }) => users);
  if (body.type !== 'membership' || body.change.type === 'renamed') return [...said, ...reacted];
  const { change } = body;
  return [...said, ...('users' in change ? change.users : [change.user])];
}

/** A line in one: what was said, or what happened. */
export function lineWords(line: MessageView, reader: Reader): string {
  const { body, sender } = line;
  switch (body.type) {
    case 'text':
      return body.text;
    case 'file':
      return fileWords(body.file);
    case 'deleted':
      return line.isOwn ? 'You deleted this message' : 'This message was deleted';
    case 'timer':
      return timerWords(body, sender, reader);
    case 'unreadable':
      return unreadableWords(body.cause);
    case 'membership':
      return membershipWords(body.change, sender, reader);
    case 'unsupported':
      return 'Something that this version cannot show. Update to see it.';
  }
}

/** The same with who said it in front, where a group or ourselves leave that open. */
export function previewWords(line: MessageView, isGroup: boolean, reader: Reader): string {
  const words = lineWords(line, reader);
  if (!['text', 'file'].includes(line.body.type)) return words;
  if (line.isOwn) return `You: ${words}`;
  return isGroup && line.sender !== undefined ? `${reader.nameOf(line.sender)}: ${words}` : words;
}

/** What kind of file it is, and its name. */
function fileWords({ name, mediaType }: Extract<MessageBody, { type: 'file' }>['file']): string {
  const kind = /^(image|video|audio)\//.exec(mediaType)?.[1];
  if (kind === 'image') return `Photo: ${name}`;
  if (kind === 'video') return `Video: ${name}`;
  return kind === 'audio' ? `Audio: ${name}` : `File: ${name}`;
}

function timerWords(
  { seconds }: Extract<MessageBody, { type: 'timer' }>,
  sender: UserId | undefined,
  reader: Reader,
): string {
  const who = subject(sender, reader);
  if (seconds === null) return `${who} turned disappearing messages off`;
  return `${who} set messages to disappear ${lifetimeLabel(seconds)} after they are read`;
}

/**
 * Why a message is not there. Causes are codes of the SDK; what people can do is the same for nearly all of them: wait,
 * because the sender's device is asked for it again.
 */
function unreadableWords(cause: string): string {
  if (cause === 'sender.invalid') {
    return 'A message was left out: whoever it names as its sender cannot have sent it';
  }
  return 'This message cannot be read yet. It was asked for again.';
}

/** Who came, went, got a role or gave the group another title. */
function membershipWords(
  change: MembershipChange,
  author: UserId | undefined,
  reader: Reader,
): string {
  const who = subject(author, reader);
  switch (change.type) {
    case 'created':
      return `${who} created the group`;
    case 'added':
      return `${who} added ${listed(change.users, reader)}`;
    case 'removed':
      return `${who} removed ${listed(change.users, reader)}`;
    case 'left':
      return `${subject(change.user, reader)} left the group`;
    case 'departed':
      return `${subject(change.user, reader)} deleted their account`;
    case 'role': {
      const whom = listed([change.user], reader);
      return change.role === 'admin'
        ? `${who} made ${whom} an admin`
        : `${who} took the admin role from ${whom}`;
    }
    case 'renamed':
      return `${who} changed the group’s name`;
  }
}

function subject(user: UserId | undefined, { me, nameOf }: Reader): string {
  if (user === undefined) return 'The server';
  return user === me ? 'You' : nameOf(user);
}

function listed(users: readonly UserId[], { me, nameOf }: Reader): string {
  const names = users.map((user) => (user === me ? 'you' : nameOf(user)));
  const last = names.at(-1) ?? 'nobody';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** Who is writing just now; empty for nobody. */
export function typingWords(users: readonly UserId[], isGroup: boolean, nameOf: NameOf): string {
  const [first, second] = users;
  if (first === undefined) return '';
  if (!isGroup) return 'typing…';
  if (second === undefined) return `${nameOf(first)} is typing…`;
  if (users.length === 2) return `${nameOf(first)} and ${nameOf(second)} are typing…`;
  return `${users.length} people are typing…`;
}
