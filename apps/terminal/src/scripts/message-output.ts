/** Messages as commands print them: for people a line, for programs an object. docs/terminal.md has the fields. */
import type { Content, HistoryItem } from '@sotto/client';
import { safeJson, safeLine, safeLines } from '../safe-text.ts';
import type { Names } from './names.ts';

/** One object for one item of a history. Fields are only ever added. */
export async function messageJson(item: HistoryItem, names: Names): Promise<string> {
  const { conversation, seq } = item;
  if (item.type === 'membership') {
    const by = item.author === undefined ? {} : { from: await names.nameOf(item.author) };
    const time = new Date(item.time).toISOString();
    return safeJson({ type: 'membership', conversation, seq, ...by, time, change: item.change });
  }
  const from = await names.nameOf(item.sender.user);
  const placed = { conversation, seq, id: item.id, from };
  if (item.type === 'unreadable') {
    return safeJson({ type: 'unreadable', ...placed, time: item.sentAt, cause: item.cause });
  }
  return safeJson({
    type: 'message',
    ...placed,
    own: item.own,
    time: new Date(item.time).toISOString(),
    ...(item.isEdited === true && { edited: true }),
    ...(item.order !== 'next' && { order: item.order }),
    content: contentJson(item.content),
  });
}

/** The same as lines for people; none for what speaks of another message only. */
export async function messageLines(
  item: HistoryItem,
  { names, where }: { readonly names: Names; readonly where: string },
): Promise<string[]> {
  const said = saidIn(item);
  if (said === undefined) return [];
  const author = item.type === 'membership' ? item.author : item.sender.user;
  const who = author === undefined ? 'The server' : safeLine(await names.nameOf(author));
  const time = item.type === 'unreadable' ? Date.parse(item.sentAt) : item.time;
  // Whoever wrote it has chosen the time: its year may have six digits.
  const stamp = new Date(time)
    .toISOString()
    .replace(/:\d\d\.\d{3}Z$/u, '')
    .replace('T', ' ');
  const place = where === '' || where === who ? '' : ` → ${safeLine(where)}`;
  const [first = '', ...rest] = said;
  return [`${stamp}  ${who}${place}: ${first}`, ...rest.map((line) => `    ${line}`)];
}

function saidIn(item: HistoryItem): readonly string[] | undefined {
  if (item.type === 'membership') return [`(the group was changed: ${item.change.type})`];
  if (item.type === 'unreadable') return ['(this message cannot be read yet)'];
  const { content } = item;
  switch (content.type) {
    case 'text':
      return safeLines(content.text);
    case 'file':
      return [`(file ${safeLine(content.file.name)}, ${content.file.size} bytes, id ${item.id})`];
    case 'deleted':
      return ['(deleted)'];
    case 'unsupported':
      return ['(something that this version cannot show)'];
    case 'timer':
      return [
        content.seconds === null
          ? '(messages stay from now on)'
          : `(messages go away ${content.seconds} seconds after they were read)`,
      ];
    case 'reaction':
    case 'edit':
    case 'delete':
      return undefined;
  }
}

/** Without keys and digests: whoever has the output is not to have the file. */
function contentJson(content: Content): unknown {
  if (content.type === 'file') {
    const { name, mediaType, size } = content.file;
    const reply = content.replyTo === undefined ? {} : { replyTo: content.replyTo };
    return { type: 'file', name, mediaType, size, ...reply };
  }
  return content;
}
