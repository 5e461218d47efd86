/** Access tokens as an attacker makes them, with nothing but `node:crypto`: what a library refuses to make is wanted here. */
import { createPrivateKey, hkdfSync, type KeyObject, sign } from 'node:crypto';

export interface TokenParts {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
}

/** What a token says; nothing is checked. */
export function readToken(token: string): TokenParts {
  const [header = '', claims = ''] = token.split('.');
  return { header: decode(header), claims: decode(claims) };
}

/** The signing key of a platform whose secret is known, as `services/auth/src/tokens.ts` documents it. */
export function signingKeyOf(secret: string): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', secret, '', 'sotto/v1/access-token-signing-key', 32));
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
}

/** A token of these parts, signed with Ed25519 whatever its header says. */
export function forge({ header, claims }: TokenParts, key: KeyObject): string {
  const signed = unsigned({ header, claims });
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

/** The part of a token that a signature covers. */
export function unsigned({ header, claims }: TokenParts): string {
  return `${encode(header)}.${encode(claims)}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
}
