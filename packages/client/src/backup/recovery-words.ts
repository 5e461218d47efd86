/**
 * A recovery key as its owner keeps it: 24 English words (BIP-39), which are easier to write down than 32 bytes, and have a
 * checksum that notices most mistakes.
 */

import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { nobleProvider, type Provider, RECOVERY_KEY_BYTES } from '@sotto/crypto';
import { ClientError } from '../errors.ts';

const WORDS = 24;

/**
 * Words for a new recovery key: to be shown to the account's owner, who writes them down, and kept nowhere. They serve for
 * every backup from then on; nobody opens one without them.
 */
export function makeRecoveryKey(provider: Provider = nobleProvider): string {
  return entropyToMnemonic(provider.randomBytes(RECOVERY_KEY_BYTES), wordlist);
}

/**
 * The key that the words stand for, however they are spaced and capitalised. Throws `backup.words-wrong` when they are not
 * 24 of the list, or their checksum is wrong.
 */
export function decodeRecoveryWords(words: string): Uint8Array {
  const typed = words.normalize('NFKD').toLowerCase().trim().split(/\s+/);
  try {
    if (typed.length === WORDS) return mnemonicToEntropy(typed.join(' '), wordlist);
  } catch {
    // Without a cause: it could quote the words, and errors end up in logs.
  }
  throw new ClientError('backup.words-wrong', 'these are not the 24 words of a recovery key');
}
