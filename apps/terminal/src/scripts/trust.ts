/** Commands about whom to talk with: `accept`, `verify`, and `link`, which makes devices one account's. */
import { type Client, ClientError, type Me } from '@sotto/client';
import { adoptLinked, prepareLinking } from '../account/data-directory.ts';
import {
  type Call,
  DEFAULT_URL,
  noteOpenDirectory,
  urlOf,
  withAccount,
  withClient,
} from '../call.ts';
import { CommandError, EXIT, wrongCall } from '../exit-code.ts';
import { qrRows } from '../qr-code.ts';
import { safeJson, safeLine } from '../safe-text.ts';
import { digitRows } from '../safety-digits.ts';
import { noteNotices } from './alarm-notes.ts';
import { findConversation, findUser } from './names.ts';

type UserId = Me['user'];

/** `sotto accept TO`. */
export async function accept(call: Call): Promise<void> {
  const to = onlyWord(call, 'TO');
  await withClient(call, async (client) =>
    client.people.accept(await findConversation(client, to)),
  );
}

/** `sotto verify NAME`, and `--accept DIGITS`. */
export async function verify(call: Call): Promise<void> {
  const name = onlyWord(call, 'NAME');
  await withClient(call, async (client) => {
    const { user, username } = await findUser(client, name);
    const { accept: compared } = call.options;
    if (compared !== undefined) return acceptShown(client, user, compared);
    const { digits, scannable } = await client.safetyNumber(user);
    if (call.options.json === true) {
      const qr = Buffer.from(scannable).toString('base64url');
      call.output.out(safeJson({ username, user, digits, qr }));
      return;
    }
    for (const row of digitRows(digits)) call.output.out(row);
    for (const row of qrRows(scannable)) call.output.out(row);
  });
}

/** Goes on with the number that somebody has compared, and with no other: the keys may have changed again since. */
async function acceptShown(client: Client, user: UserId, compared: string): Promise<void> {
  const digits = compared.replace(/\s/gu, '');
  if (!/^\d{60}$/u.test(digits)) throw wrongCall('--accept takes the 60 digits that were compared');
  try {
    await client.acceptIdentity(user, digits);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'identity.changed') throw error;
    const words = 'this is not their number now: compare it anew (sotto verify NAME)';
    throw new CommandError(words, EXIT.refused, { cause: error });
  }
}

/** `sotto link`: shows a code; `sotto link CODE`: completes one that another device shows. */
export async function link(call: Call): Promise<void> {
  const [, code, ...rest] = call.words;
  if (rest.length > 0) throw wrongCall('sotto link [CODE]');
  if (code === undefined) return beLinked(call);
  await withClient(call, async (client) => {
    const { device } = await client.completeLink(code, { history: call.options.history === true });
    if (call.options.json === true) call.output.out(safeJson({ device }));
    else call.output.note('the device is one of yours now');
  });
}

async function beLinked(call: Call): Promise<void> {
  const url = urlOf(call) ?? DEFAULT_URL;
  const linking = prepareLinking(call.directory, url);
  noteOpenDirectory(call);
  const me = await withAccount(call, linking, ({ client }) => waitForLink(client, call));
  adoptLinked(call.directory, linking, me.username);
  if (call.options.json === true) call.output.out(safeJson({ ...me, url }));
  else call.output.note(`this is a device of ${safeLine(me.username)} now`);
}

async function waitForLink(client: Client, { options, output }: Call) {
  const { code, completed } = await client.beginLink();
  if (options.json === true) output.out(safeJson({ code }));
  else {
    for (const row of qrRows(code)) output.out(row);
    output.out(code);
    output.note('Let a device of the account read this, or type there: sotto link CODE');
  }
  const me = await completed;
  // The device is linked whatever comes of this; what is not told now waits for the next call.
  await noteNotices(output, client).catch(() => {});
  return me;
}

function onlyWord({ words }: Call, name: string): string {
  const [command, word, ...rest] = words;
  if (word === undefined || rest.length > 0) throw wrongCall(`sotto ${command} ${name}`);
  return word;
}
