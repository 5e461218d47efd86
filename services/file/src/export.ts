/** What this service holds about a user, for `exportAccount`. Contents are counted: their owner can download them. */
import { encodeBase64url, type UserId } from '@sotto/api';
import type { Kysely } from 'kysely';
import { filesOf } from './erasure-store.ts';
import type { FileTables } from './schema.ts';

type Row = { [column: string]: string | number | boolean | null };

/** Table to rows, as JSON values. Where blobs lie in the store is nobody's but ours. */
export async function exportUser(
  query: Kysely<FileTables>,
  user: UserId,
): Promise<{ tables: Record<string, Row[]> }> {
  const { files, grants, usage, days, memberships } = await filesOf(query, user);
  return {
    tables: {
      files: files.map(({ id, state, size, sha256, created_at, expires_at }) => ({
        id,
        state,
        size,
        sha256: sha256 && encodeBase64url(sha256),
        created_at: created_at.toISOString(),
        expires_at: expires_at?.toISOString() ?? null,
      })),
      grants: grants.map(({ file, conversation, created_at }) => ({
        file,
        conversation,
        created_at: created_at.toISOString(),
      })),
      usage: usage.map(({ bytes }) => ({ bytes })),
      usage_days: days,
      members: memberships.map(({ conversation, is_member, heard_at }) => ({
        conversation,
        is_member,
        heard_at: heard_at.toISOString(),
      })),
    },
  };
}
