/** Sending a file once, whoever of those that share an account does it. */
import { randomUUIDv7 } from 'node:crypto';
import {
  type Client,
  ClientError,
  ConnectionError,
  type FileInput,
  type MessageReference,
  type SendFileOptions,
  type Sent,
} from '@sotto/client';
import { SILENCE_MS_MAX } from './limits.ts';

/** A file, and how it is sent. */
export interface FileSending extends Pick<SendFileOptions, 'onProgress' | 'signal'> {
  readonly file: FileInput;
}

/**
 * Sends a file. When whoever had the store ends in the middle, or is stopped, nobody knows whether the message is written: it
 * is asked for again under its id, by which whoever has the store then knows it. Rejects as `sendFile` does, with
 * `client.silent` when nobody answers for a minute.
 */
export async function sendFileOnce(
  client: Pick<Client, 'sendFile' | 'on'>,
  conversation: Sent['conversation'],
  { file, ...options }: FileSending,
): Promise<Sent> {
  const id = randomUUIDv7() as MessageReference['id'];
  try {
    return await client.sendFile(conversation, file, { ...options, id });
  } catch (error) {
    const isSilent = error instanceof ClientError && error.code === 'client.silent';
    const mayBeDone = isSilent || error instanceof ConnectionError;
    if (!mayBeDone || options.signal?.aborted === true) throw error;
    if (isSilent) await untilHeard(client, options.signal);
    return client.sendFile(conversation, file, { ...options, id, isAgain: true });
  }
}

/** Until somebody answers again, or it is enough. */
async function untilHeard({ on }: Pick<Client, 'on'>, signal?: AbortSignal): Promise<void> {
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  const enough = AbortSignal.any([
    AbortSignal.timeout(SILENCE_MS_MAX),
    ...(signal ? [signal] : []),
  ]);
  enough.addEventListener('abort', () => resolve());
  const end = on('silent', ({ isSilent }) => {
    if (!isSilent) resolve();
  });
  await heard.finally(end);
}
