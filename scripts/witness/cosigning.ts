/** A witness's signature under a head that it has followed the log to. */
import { nodeProvider } from '@sotto/crypto/node';
import { cosignTreeHead, type SigningKeyPair } from '@sotto/crypto/verify';
import { type LogReader, Unreachable } from './log-reader.ts';

/** Signs the head and hands the signature in. False when the platform does not know this witness. */
export async function cosignHead(
  log: Pick<LogReader, 'cosign'>,
  head: Uint8Array,
  witness: SigningKeyPair<'witness'>,
): Promise<boolean> {
  const signature = cosignTreeHead(nodeProvider, witness, head);
  const refusal = await log.cosign({ head, witnessKey: witness.publicKey, signature });
  if (refusal === undefined) return true;
  if (refusal.code === 'key.witness-unknown') return false;
  throw new Unreachable(`the platform refuses our signature: ${refusal.code}`);
}
