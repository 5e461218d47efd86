/** `sotto list`: conversations. */
import type { Client, ConversationView } from '@sotto/client';
import { type Call, withClient } from '../call.ts';
import { wrongCall } from '../exit-code.ts';
import { safeExcerpt, safeJson, safeLine } from '../safe-text.ts';
import { firstValue } from './first-value.ts';
import { type Names, openNames } from './names.ts';
import { untilQuiet } from './until-quiet.ts';

const EXCERPT_LENGTH = 60;

/** Prints the newest first. */
export async function list(call: Call): Promise<void> {
  if (call.words.length > 1) throw wrongCall('sotto list takes options only');
  await withClient(call, async (client) => {
    await untilQuiet(client, call.signal);
    const views = await firstValue(client.state.conversations);
    const names = openNames(client);
    const titles = await listTitles(client, views, names);
    const requested = new Set((await client.people.requests()).map((each) => each.conversation));
    for (const view of views) {
      const name = titles.get(view.id) ?? '';
      const isRequest = requested.has(view.id);
      const members = await Promise.all(view.members.map(names.nameOf));
      call.output.out(
        call.options.json === true
          ? listJson(view, { name, members, isRequest })
          : listLine(view, { name, isRequest }),
      );
    }
  });
}

/** What conversations are called: a group's title, or the names of who else is there. */
export async function listTitles(
  client: Client,
  views: readonly ConversationView[],
  { nameOf }: Names,
): Promise<Map<string, string>> {
  const me = await client.me();
  const titles = views.map(async ({ id, title, members }) => {
    const others = members.filter((user) => user !== me?.user);
    const names = await Promise.all(others.map(nameOf));
    return [id, title ?? names.join(', ')] as const;
  });
  return new Map(await Promise.all(titles));
}

interface Described {
  readonly name: string;
  readonly isRequest: boolean;
}

function listJson(
  { id, kind, unread, newest, timer }: ConversationView,
  { name, members, isRequest }: Described & { readonly members: readonly string[] },
): string {
  const time = newest === undefined ? {} : { time: new Date(newest.time).toISOString() };
  return safeJson({ id, kind, name, members, unread, request: isRequest, timer, ...time });
}

function listLine(
  { kind, unread, newest }: ConversationView,
  { name, isRequest }: Described,
): string {
  const count = unread === 0 ? '' : String(unread);
  const mark = isRequest ? ' (asks to be accepted)' : '';
  const said = newest?.body.type === 'text' ? safeExcerpt(newest.body.text, EXCERPT_LENGTH) : '';
  const title = `${kind === 'group' ? '#' : ''}${safeLine(name)}${mark}`;
  return `${count.padStart(4)}  ${title}${said === '' ? '' : `  ${said}`}`;
}
