/** The key log: leaves that nothing changes, the tree over them, its signed heads, and what waits to be appended. */
import { randomBytes } from 'node:crypto';
import { nodeProvider } from '@sotto/crypto/node';
import {
  blindAccount,
  digestKey,
  encodeKeyLogLeaf,
  leafHashOf,
  verifyingKey,
} from '@sotto/crypto/verify';
import type { Migration } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';

export const keyLog: Migration = async (transaction) => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
  // Made once and never again: with another one nobody would find the leaves that they have seen.
  const blindingKey = randomBytes(32);
  await sql`insert into key_log_parameters (blinding_key) values (${blindingKey})`.execute(
    transaction,
  );
  await noteIdentities(transaction, blindingKey);
};

const STATEMENTS = [
  `create table key_log_parameters (
    single boolean primary key default true check (single),
    blinding_key bytea not null check (octet_length(blinding_key) = 32)
  )`,

  // The newest leaf of each account, appended or not yet. Its row lock lets the leaves of one account follow each other.
  `create table key_log_accounts (
    account bytea primary key check (octet_length(account) = 32),
    version bigint not null,
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
  )`,
  // Written with the identity. Ids of one account rise with its versions; the row goes when the leaf is in the tree.
  `create table key_log_pending (
    id bigint generated always as identity primary key,
    leaf bytea not null,
    account bytea,
    version bigint
  )`,

  // A leaf that is of no account tells that the platform was restored.
  `create table key_log_leaves (
    position bigint primary key,
    leaf bytea not null,
    account bytea,
    version bigint,
    constraint key_log_leaves_version unique (account, version)
  )`,
  // Complete subtrees never change; level 0 is the leaves. A proof of a tree of n leaves reads some 2 log n of them.
  `create table key_log_subtrees (
    level smallint not null,
    position bigint not null,
    hash bytea not null check (octet_length(hash) = 32),
    primary key (level, position)
  )`,
  // The key is named because a head is signed again when the log gets another one.
  `create table key_log_heads (
    size bigint primary key,
    head bytea not null,
    log_key bytea not null check (octet_length(log_key) = 32)
  )`,
  `create table key_log_cosignatures (
    size bigint not null references key_log_heads,
    witness_key bytea not null check (octet_length(witness_key) = 32),
    signature bytea not null check (octet_length(signature) = 64),
    primary key (size, witness_key)
  )`,

  // Against our own mistakes. Whoever may drop a trigger can rewrite the table; that is what witnesses see.
  `create function key_log_refuse() returns trigger language plpgsql as $$
    begin raise exception 'the key log is append-only'; end
  $$`,
  ...['key_log_leaves', 'key_log_subtrees', 'key_log_parameters'].map(
    (table) => `create trigger append_only before update or delete or truncate on ${table}
      for each statement execute function key_log_refuse()`,
  ),
];

const PAGE = 1_000;
const NO_HASH = new Uint8Array(32);

interface Identity {
  user_id: string;
  public_key: Uint8Array;
}

/** Identities that are older than the log get their first leaf. */
async function noteIdentities(transaction: Kysely<unknown>, blindingKey: Uint8Array) {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await sql<Identity>`
      select user_id, public_key from identity_keys
      where user_id > ${after}::uuid order by user_id limit ${PAGE}
    `.execute(transaction);
    for (const identity of rows) await noteIdentity(transaction, blindingKey, identity);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.user_id;
  }
}

async function noteIdentity(
  transaction: Kysely<unknown>,
  blindingKey: Uint8Array,
  { user_id: user, public_key }: Identity,
): Promise<void> {
  const account = blindAccount(nodeProvider, blindingKey, user);
  const identityKey = verifyingKey<'identity'>(public_key);
  const keyDigest = digestKey(nodeProvider, blindingKey, { user, identityKey });
  const leaf = encodeKeyLogLeaf({
    ...{ type: 'account', account, version: 1, previousHash: NO_HASH, keyDigest },
  });
  await sql`insert into key_log_accounts (account, version, leaf_hash)
    values (${account}, 1, ${leafHashOf(nodeProvider, leaf)})`.execute(transaction);
  await sql`insert into key_log_pending (leaf, account, version)
    values (${leaf}, ${account}, 1)`.execute(transaction);
}
