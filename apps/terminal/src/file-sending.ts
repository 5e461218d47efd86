/** Sending a file once, whoever of those that share an account does it. */
import { randomUUIDv7 } from 'node:crypto';
import {
  type Client,
  ConnectionError,
  type FileInput,
  type MessageReference,
  type SendFileOptions,
  type Sent,
} from '@sotto/client';

/** A file, and how it is sent. */
export interface FileSending extends Pick<SendFileOptions, 'onProgress' | 'signal'> {
  readonly file: FileInput;
}

/**
 * Sends a file. When whoever had the store ends in the middle, nobody knows whether the message is written: it is asked for
 * again under its id, by which whoever has the store now knows it. Rejects as `sendFile` does.
 */
export async function sendFileOnce(
  client: Pick<Client, 'sendFile'>,
  conversation: Sent['conversation'],
  { file, ...options }: FileSending,
): Promise<Sent> {
  const id = randomUUIDv7() as MessageReference['id'];
  try {
    return await client.sendFile(conversation, file, { ...options, id });
  } catch (error) {
    if (!(error instanceof ConnectionError) || options.signal?.aborted === true) throw error;
    return client.sendFile(conversation, file, { ...options, id, isAgain: true });
  }
}
