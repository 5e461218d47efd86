/** `sotto send TO [TEXT...]`: one text, on the platform's disk before it ends. */
import { type Client, ClientError, type Sent } from '@sotto/client';
import { timeoutOf } from '../arguments.ts';
import { type Call, withClient } from '../call.ts';
import { CommandError, EXIT, wrongCall } from '../exit-code.ts';
import { readInput } from '../input.ts';
import { safeJson } from '../safe-text.ts';
import { findConversation } from './names.ts';

/** Rejects as the SDK does, and with a `CommandError` when the message is kept and will leave later. */
export async function send(call: Call): Promise<void> {
  const [, to, ...texts] = call.words;
  if (to === undefined) throw wrongCall('sotto send TO [TEXT...]');
  const text = texts.length > 0 ? texts.join(' ') : (await readInput()).replace(/\r?\n$/u, '');
  if (text === '') throw new CommandError('there is nothing to send', EXIT.data);
  await withClient(call, async (client) => {
    const conversation = await findConversation(client, to);
    const sent = await client.sendText(conversation, text);
    await arrive(call, client, sent);
  });
}

/** Waits until a message is stored, and prints its place. */
export async function arrive(call: Call, client: Client, sent: Sent): Promise<void> {
  const { conversation, id } = sent;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(lateError()), timeoutOf(call.options));
  try {
    await assertNothingWaits(client, conversation);
    const { seq } = await Promise.race([client.whenStored(id), late]);
    if (call.options.json === true) call.output.out(safeJson({ conversation, id, seq }));
  } catch (error) {
    if (error instanceof ClientError && error.code === 'message.refused') {
      await client.deleteMessage(sent); // A script that is told of a failure is not to find it in the chat.
    }
    // It may be what has just been found out.
    if (error instanceof CommandError) await assertNothingWaits(client, conversation);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Says what a person has to decide before the message leaves: waiting longer is of no use. */
async function assertNothingWaits(
  client: Client,
  conversation: Sent['conversation'],
): Promise<void> {
  const { general, identityChanged, logBroken } = await client.alarms();
  if (general !== undefined)
    throw new ClientError(general, 'nothing is sent before that is dealt with');
  const record = (await client.conversations()).find(({ id }) => id === conversation);
  if (record?.kind !== 'direct') return;
  const isChanged = [...identityChanged, ...logBroken].some((user) =>
    record.members.includes(user),
  );
  if (!isChanged) return;
  throw new CommandError(
    'kept here, and not sent: their keys have changed. Compare safety numbers (sotto verify --help)',
    EXIT.refused,
  );
}

function lateError(): CommandError {
  return new CommandError(
    'not sent yet: it is kept here, and leaves with the next connection',
    EXIT.unavailable,
  );
}
