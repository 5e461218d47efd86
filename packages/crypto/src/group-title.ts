/**
 * The title of a group, encrypted for its members: the platform keeps it, and learns only how long it is, roughly. Its
 * key is random and of no other use; members hand it to each other. The membership log has the digest of the ciphertext.
 */
import { encodeUuid } from './address.ts';
import { TAG_BYTES } from './aead.ts';
import { concat, utf8 } from './bytes.ts';
import { CryptoError } from './errors.ts';
import { GROUP_TITLE_TEXT_BYTES_MAX } from './limits.ts';
import { pad, unpad } from './padding.ts';
import type { Provider } from './provider.ts';

const NONCE_BYTES = 12;
const KEY_BYTES = 32;

/** Which group's title it is, and the key to it. */
export interface GroupTitleInput {
  readonly key: Uint8Array;
  /** UUID of the conversation; a title cannot be moved to another one. */
  readonly conversation: string;
}

/** A key for titles of one group. */
export function makeGroupTitleKey(provider: Provider): Uint8Array {
  return provider.randomBytes(KEY_BYTES);
}

/**
 * nonce ‖ ciphertext ‖ tag, padded to 256 or 512 bytes of text. The nonce is random: a group would have to be renamed 2³²
 * times before that mattered. Throws `input.invalid` for an empty title, and one longer than
 * {@link GROUP_TITLE_TEXT_BYTES_MAX}.
 */
export function sealGroupTitle(
  provider: Provider,
  { key, conversation }: GroupTitleInput,
  title: string,
): Uint8Array {
  const encoded = utf8(title);
  if (encoded.length === 0 || encoded.length > GROUP_TITLE_TEXT_BYTES_MAX) {
    throw new CryptoError('input.invalid', `a title has 1 to ${GROUP_TITLE_TEXT_BYTES_MAX} bytes`);
  }
  const nonce = provider.randomBytes(NONCE_BYTES);
  const associatedData = encodeUuid(conversation);
  return concat(nonce, provider.aesGcmSeal({ key, nonce, associatedData, data: pad(encoded) }));
}

/** The title again, or undefined when it is under another key or of another group: a title is nothing to fail over. */
export function openGroupTitle(
  provider: Provider,
  { key, conversation }: GroupTitleInput,
  sealed: Uint8Array,
): string | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const padded = provider.aesGcmOpen({
    key,
    nonce: sealed.slice(0, NONCE_BYTES),
    associatedData: encodeUuid(conversation),
    data: sealed.slice(NONCE_BYTES),
  });
  if (padded === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(unpad(padded));
  } catch {
    return undefined; // Whoever encrypted it had the key, and wrote no title.
  }
}
