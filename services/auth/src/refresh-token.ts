/**
 * Refresh tokens: session (16) ‖ generation (4) ‖ HMAC-SHA256(secret, session ‖ generation ‖ salt) (32), as base64url.
 *
 * The salt is the session's own and lies in the database, the secret lies elsewhere: neither alone makes a token.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { decodeBase64url, encodeBase64url, SessionId } from '@sotto/api';

const SESSION_BYTES = 16;
const HEAD_BYTES = SESSION_BYTES + 4;
const TOKEN_BYTES = HEAD_BYTES + 32;

/** What a token claims, before anything is known to be true. */
export interface RefreshClaim {
  session: SessionId;
  generation: number;
  /** The bytes that the authenticator covers, and the authenticator. */
  head: Uint8Array;
  authenticator: Uint8Array;
}

/** Which token of which session. */
export interface RefreshTokenName {
  session: SessionId;
  generation: number;
  salt: Uint8Array;
}

/** The one token of a generation. The first of the secrets makes it. */
export function makeRefreshToken(
  secrets: readonly string[],
  { session, generation, salt }: RefreshTokenName,
): string {
  const [secret] = secrets;
  if (secret === undefined) throw new TypeError('there is no secret to make refresh tokens with');
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(session.replaceAll('-', ''), 'hex');
  head.writeUInt32BE(generation, SESSION_BYTES);
  return encodeBase64url(Buffer.concat([head, authenticate(secret, head, salt)]));
}

/** What a text claims to be, or undefined when it is no refresh token at all. */
export function readRefreshToken(text: string): RefreshClaim | undefined {
  const bytes = decode(text);
  if (bytes?.length !== TOKEN_BYTES) return undefined;
  const session = SessionId.safeParse(uuidText(bytes.subarray(0, SESSION_BYTES)));
  if (!session.success) return undefined;
  return {
    session: session.data,
    generation: bytes.readUInt32BE(SESSION_BYTES),
    head: bytes.subarray(0, HEAD_BYTES),
    authenticator: bytes.subarray(HEAD_BYTES),
  };
}

/** True when one of the secrets made the token, in a time that does not tell how much of it was right. */
export function isGenuine(
  secrets: readonly string[],
  { head, authenticator }: RefreshClaim,
  salt: Uint8Array,
): boolean {
  return secrets.some((secret) => timingSafeEqual(authenticate(secret, head, salt), authenticator));
}

function authenticate(secret: string, head: Uint8Array, salt: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update(head).update(salt).digest();
}

function decode(text: string): Buffer | undefined {
  try {
    return Buffer.from(decodeBase64url(text));
  } catch {
    return undefined;
  }
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
