import {
  type Client,
  ClientError,
  ConnectionError,
  type SendFileOptions,
  type Sent,
} from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { sendFileOnce } from './file-sending.ts';

const ROOM = 'room' as Sent['conversation'];
const FILE = { name: 'a.txt', type: 'text/plain', data: new Blob(['a']) };

/** A client that fails the first time that it is asked. */
function clientFailing(error: Error) {
  const asked: SendFileOptions[] = [];
  const sendFile = async (conversation: Sent['conversation'], _file: unknown, how = {}) => {
    asked.push(how);
    if (asked.length === 1) throw error;
    return { conversation } as Sent;
  };
  const hearers = new Set<(told: { isSilent: boolean }) => void>();
  const on = ((_, hear: (told: { isSilent: boolean }) => void) => {
    hearers.add(hear);
    return () => void hearers.delete(hear);
  }) as Client['on'];
  return { asked, hearers, client: { sendFile, on } };
}

test('a file whose sending nobody knows of is asked for again as the same message', async () => {
  const { asked, client } = clientFailing(new ConnectionError('whoever had the store is gone'));
  await sendFileOnce(client, ROOM, { file: FILE });
  expect(asked).toEqual([{ id: expect.any(String) }, { id: asked[0]?.id, isAgain: true }]);
});

test('so is one whose sending was given up, as soon as whoever has the store goes on', async () => {
  const { asked, hearers, client } = clientFailing(new ClientError('client.silent', 'stopped'));
  const sending = sendFileOnce(client, ROOM, { file: FILE });
  await vi.waitFor(() => expect(hearers.size).toBe(1));
  expect(asked).toHaveLength(1);
  for (const hear of hearers) hear({ isSilent: false });
  await sending;
  expect(asked).toEqual([{ id: expect.any(String) }, { id: asked[0]?.id, isAgain: true }]);
  expect(hearers.size).toBe(0);
});

test('a file that is refused, or given up, is not', async () => {
  const refused = clientFailing(new ClientError('file.size', 'too large'));
  await expect(sendFileOnce(refused.client, ROOM, { file: FILE })).rejects.toThrow('too large');
  const givenUp = clientFailing(new ConnectionError('gone'));
  const sending = { file: FILE, signal: AbortSignal.abort() };
  await expect(sendFileOnce(givenUp.client, ROOM, sending)).rejects.toThrow('gone');
  expect([refused.asked.length, givenUp.asked.length]).toEqual([1, 1]);
});
