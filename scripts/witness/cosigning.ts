/** A witness's signature under a head that it has followed the log to. */
import { encodeBase64url } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { cosignTreeHead, type SigningKeyPair } from '@sotto/crypto/verify';
import { Alarm } from './alarm.ts';
import { type LogReader, Unreachable } from './log-reader.ts';

/**
 * Signs the head and hands the signature in. False when the platform does not know this witness. Throws an Alarm when it
 * does not know the head.
 */
export async function cosignHead(
  log: Pick<LogReader, 'cosign'>,
  head: Uint8Array,
  witness: SigningKeyPair<'witness'>,
): Promise<boolean> {
  const signature = cosignTreeHead(nodeProvider, witness, head);
  const refusal = await log.cosign({ head, witnessKey: witness.publicKey, signature });
  if (refusal === undefined) return true;
  if (refusal.code === 'key.witness-unknown') return false;
  if (refusal.code === 'key.log-unknown') {
    throw new Alarm('head-denied', { head: encodeBase64url(head) });
  }
  throw new Unreachable(`the platform refuses our signature: ${refusal.code}`);
}
