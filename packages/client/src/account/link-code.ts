/** The code that a new device shows: text that fits into a QR code or a clipboard. */
import { decodeBase64url, encodeBase64url } from '@sotto/api';
import { CryptoError, type Provider } from '@sotto/crypto';
import { decodeLinkOffer, encodeLinkOffer, type LinkOffer } from '@sotto/crypto/provisioning';
import { ClientError } from '../errors.ts';

const PREFIX = 'sotto-link:';

/** An offer as text. */
export function encodeLinkCode(offer: LinkOffer): string {
  return PREFIX + encodeBase64url(encodeLinkOffer(offer));
}

/** The inverse of {@link encodeLinkCode}; white space around it is allowed. Throws `link.code-invalid`. */
export function decodeLinkCode(provider: Provider, code: string): LinkOffer {
  const text = code.trim();
  if (!text.startsWith(PREFIX)) throw invalid();
  try {
    return decodeLinkOffer(provider, decodeBase64url(text.slice(PREFIX.length)));
  } catch (cause) {
    if (cause instanceof CryptoError || cause instanceof SyntaxError) throw invalid(cause);
    throw cause;
  }
}

function invalid(cause?: Error): ClientError {
  return new ClientError('link.code-invalid', 'this is no code of a device', { cause });
}
