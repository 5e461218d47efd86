/** The audit log: one row per security event, in monthly partitions that go whole when they are old. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const audit: Migration = async (transaction) => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
};

const STATEMENTS = [
  // No reference to users: the log outlives the account that it speaks of. Partitions are made by audit-partitions.ts.
  `create table audit_log (
    at timestamptz not null,
    id uuid not null,
    action text not null,
    user_id uuid,
    device_id uuid,
    session_id uuid,
    source bytea,
    count integer not null default 1,
    primary key (at, id)
  ) partition by range (at)`,
  'create index audit_log_user on audit_log (user_id, at)',
  // Nearly empty: addresses are removed after a day.
  'create index audit_log_sources on audit_log (at) where source is not null',

  // Against mistakes and injected SQL. It does not hold the table's owner back, who could drop it.
  `create function refuse_audit_change() returns trigger language plpgsql as $$
  begin
    -- An address may be sealed anew, or removed; nothing else, and none may be put in later.
    if tg_op = 'UPDATE' and old.source is not null
      and (new.at, new.id, new.action, new.user_id, new.device_id, new.session_id, new.count)
        is not distinct from
        (old.at, old.id, old.action, old.user_id, old.device_id, old.session_id, old.count)
    then
      return new;
    end if;
    raise exception 'the audit log is append-only' using errcode = 'integrity_constraint_violation';
  end $$`,
  `create trigger audit_log_append_only before update or delete on audit_log
    for each row execute function refuse_audit_change()`,
  `create trigger audit_log_no_truncate before truncate on audit_log
    for each statement execute function refuse_audit_change()`,
];
