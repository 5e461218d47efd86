/** Sessions: one log-in of one device, renewed by refresh tokens until it ends. */
import { randomBytes, randomUUID } from 'node:crypto';
import { ApiError, type DeviceId, SessionId, type Tokens, type UserId } from '@sotto/api';
import { type Clock, type Database, enqueueEvent, type Outbox } from '@sotto/runtime';
import type { Audit } from './audit.ts';
import { requirePassword } from './device-store.ts';
import type { AuthEvents } from './events.ts';
import { ENDED_SESSION_MS } from './limits.ts';
import { type RefreshFamily, useRefreshToken } from './refresh-family.ts';
import { isGenuine, makeRefreshToken, readRefreshToken } from './refresh-token.ts';
import type { AuthTables } from './schema.ts';
import {
  type AuthTransaction,
  deleteOldSessions,
  type EndedSession,
  endSession,
  insertSession,
  lockSession,
  type Session,
  saveFamily,
} from './store.ts';
import type { AccessTokens } from './tokens.ts';
import type { FindUnlisted } from './unlisted-devices.ts';

export interface SessionDeps {
  database: Pick<Database<AuthTables>, 'query'>;
  outbox: Pick<Outbox, 'nudge'>;
  events: AuthEvents;
  audit: Audit;
  clock: Clock;
  accessTokens: AccessTokens;
  /** The first makes refresh tokens, all verify. */
  refreshSecrets: readonly string[];
  refreshLifeMs: number;
  /** New ones of one account. */
  newDevicesPerDay: number;
  findUnlisted: FindUnlisted;
}

export interface SessionRequest {
  user: UserId;
  device: DeviceId;
  /** Now: somebody has just shown who they are. */
  at: Date;
  /** By a password or a recovery code, which is more than to have the device. */
  byPassword: boolean;
  /** The thumbprint of the key that the log-in was signed with; tokens of an unbound session are good for any holder. */
  boundTo?: string | undefined;
}

export interface OpenedSession {
  session: SessionId;
  tokens: Tokens;
}

/** Opens a session in the transaction that made or found its device. */
export async function openSession(
  deps: SessionDeps,
  transaction: AuthTransaction,
  { user, device, at, byPassword, boundTo }: SessionRequest,
): Promise<OpenedSession> {
  const row = {
    id: SessionId.parse(randomUUID()),
    user_id: user,
    device_id: device,
    created_at: at,
    refresh_salt: randomBytes(16),
    expires_at: new Date(at.getTime() + deps.refreshLifeMs),
    bound_to: boundTo ?? null,
    authenticated_at: byPassword ? at : null,
    renewed_at: at,
  };
  await insertSession(transaction, row);
  await deleteOldSessions(transaction, { device, olderThanMs: ENDED_SESSION_MS });
  return { session: row.id, tokens: await tokensOf(deps, row, 0) };
}

/** A refresh token as it is used. */
export interface RefreshRequest {
  refreshToken: string;
  /** The thumbprint of the key that the request was signed with. */
  signedBy?: string | undefined;
  /** Where it comes from, for the audit log. */
  address?: string | undefined;
}

type Renewal = { tokens: Tokens } | { ended: EndedSession[] } | undefined;

/**
 * The successor of a refresh token, and an access token. Throws `auth.refresh-invalid` for everything that is wrong
 * with a token; one that is used after its time ends its session first. For a bound session whoever has no proof of
 * its key changes nothing, so that a stolen token neither renews nor ends it (RFC 9449 section 5): `auth.proof-missing`,
 * `auth.proof-invalid`.
 */
export async function refreshSession(deps: SessionDeps, request: RefreshRequest): Promise<Tokens> {
  const renewal = await deps.database.query
    .transaction()
    .execute((transaction) => renew(deps, transaction, request));
  // Thrown out here, because a throw inside would take back the end of the session.
  if (renewal === undefined) throw new ApiError('auth.refresh-invalid');
  if ('ended' in renewal) {
    deps.events.refreshReused();
    sessionsEnded(deps, renewal.ended);
    throw new ApiError('auth.refresh-invalid');
  }
  deps.events.refreshed();
  return renewal.tokens;
}

async function renew(
  deps: SessionDeps,
  transaction: AuthTransaction,
  { refreshToken, signedBy, address }: RefreshRequest,
): Promise<Renewal> {
  const claim = readRefreshToken(refreshToken);
  const session = claim && (await lockSession(transaction, claim.session));
  if (claim === undefined || session === undefined) return undefined;
  if (!isGenuine(deps.refreshSecrets, claim, session.refresh_salt)) return undefined;
  const now = deps.clock();
  // A generation that is yet to come was made before the database was restored to an earlier state.
  if (hasEnded(session, now) || claim.generation > session.generation) return undefined;
  checkBinding(session, signedBy);
  const { generation } = claim;
  const use = useRefreshToken(familyOf(session), { generation, now });
  if (use.kind === 'reuse') {
    const { id, user_id: user, device_id: device } = session;
    const noted = { user, device, session: id, source: address };
    await deps.audit.note(transaction, { action: 'refresh.reused', ...noted });
    const ended = await endIn(transaction, id);
    // Two hold its tokens, and whoever copied those may have copied the key.
    await requirePassword(transaction, device);
    return { ended };
  }
  const isNew = use.family.generation > session.generation;
  const expiresAt = isNew ? new Date(now + deps.refreshLifeMs) : session.expires_at;
  if (isNew) {
    const renewal = { at: new Date(now), expiresAt };
    await saveFamily(transaction, session.id, { family: use.family, renewal });
  }
  const renewed = { ...session, expires_at: expiresAt };
  return { tokens: await tokensOf(deps, renewed, use.generation) };
}

function checkBinding({ bound_to: boundTo }: Session, signedBy: string | undefined): void {
  if (boundTo === null || boundTo === signedBy) return;
  throw new ApiError(signedBy === undefined ? 'auth.proof-missing' : 'auth.proof-invalid');
}

/** Tells the other services, within the transaction that ended the sessions. */
export async function announceEnded(
  transaction: AuthTransaction,
  ended: readonly EndedSession[],
): Promise<void> {
  for (const { id, device_id, ended_at } of ended) {
    await enqueueEvent(transaction, 'events.session.revoked', {
      session: id,
      at: ended_at.toISOString(),
      device: device_id,
    });
  }
}

/** To be called after the commit. */
export function sessionsEnded(
  { outbox, events }: Pick<SessionDeps, 'outbox' | 'events'>,
  ended: readonly EndedSession[],
): void {
  if (ended.length === 0) return;
  events.sessionsEnded(ended.length);
  outbox.nudge();
}

async function endIn(transaction: AuthTransaction, id: SessionId): Promise<EndedSession[]> {
  const ended = await endSession(transaction, id);
  await announceEnded(transaction, ended);
  return ended;
}

/** Ended by somebody, or run out. */
export function hasEnded(session: Session, now: number): boolean {
  return session.ended_at !== null || session.expires_at.getTime() <= now;
}

/** Its refresh tokens. */
export function familyOf({ generation, first_uses }: Session): RefreshFamily {
  return { generation, firstUses: first_uses };
}

type TokenSource = Pick<
  Session,
  'id' | 'user_id' | 'device_id' | 'refresh_salt' | 'expires_at' | 'bound_to' | 'authenticated_at'
>;

async function tokensOf(
  { accessTokens, refreshSecrets, clock }: SessionDeps,
  row: TokenSource,
  generation: number,
): Promise<Tokens> {
  const { id: session, user_id: user, device_id: device, refresh_salt: salt } = row;
  const now = clock();
  const subject = {
    user,
    device,
    session,
    generation,
    ...(row.authenticated_at !== null && { authenticatedAt: row.authenticated_at.getTime() }),
    ...(row.bound_to !== null && { boundTo: row.bound_to }),
  };
  return {
    accessToken: await accessTokens.mint(subject, now),
    accessExpiresIn: Math.floor(accessTokens.lifeMs / 1000),
    refreshToken: makeRefreshToken(refreshSecrets, { session, generation, salt }),
    refreshExpiresIn: Math.max(0, Math.floor((row.expires_at.getTime() - now) / 1000)),
  };
}
