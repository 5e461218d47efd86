/** Messages that the platform has refused, said once more: each of them once, however often somebody asks. */
import type { Client, MessageView } from '@sotto/client';
import { lineKey } from '@sotto/hooks';

/** What it takes of a client. */
export interface Talk {
  sendText(...message: Parameters<Client['sendText']>): Promise<unknown>;
  deleteMessage(line: MessageView): Promise<unknown>;
}

/** Says the text of a failed line as a new message, and takes the line away. Rejects as the SDK does. */
export type TryAgain = (line: MessageView) => Promise<void>;

const tries = new WeakMap<Talk, TryAgain>();

/** The second tries of a client, kept for as long as it is there. */
export function secondTriesOf(client: Talk): TryAgain {
  const known = tries.get(client) ?? openSecondTries(client);
  tries.set(client, known);
  return known;
}

function openSecondTries(client: Talk): TryAgain {
  const underWay = new Set<string>();
  /** Said already; what may be left is to take the line away. */
  const said = new Set<string>();
  return async (line) => {
    const { body, conversation, replyTo: reference } = line;
    const key = lineKey(line);
    if (body.type !== 'text' || underWay.has(key)) return;
    underWay.add(key);
    try {
      const replyTo = reference && { conversation, reference };
      if (!said.has(key)) {
        await client.sendText(conversation, body.text, { ...(replyTo && { replyTo }) });
      }
      said.add(key);
      await client.deleteMessage(line);
    } finally {
      underWay.delete(key);
    }
  };
}
