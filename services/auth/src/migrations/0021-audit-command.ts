/** Which of the operator's commands a row of the audit log tells of. */
import type { Migration } from '@sotto/runtime';
import { sql } from 'kysely';

export const auditCommand: Migration = async (transaction) => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
};

const STATEMENTS = [
  'alter table audit_log add column command text',
  // As before, and no change to the new column either.
  `create or replace function refuse_audit_change() returns trigger language plpgsql as $$
  begin
    if tg_op = 'UPDATE' and old.source is not null
      and (new.at, new.id, new.action, new.command, new.user_id, new.device_id, new.session_id, new.count)
        is not distinct from
        (old.at, old.id, old.action, old.command, old.user_id, old.device_id, old.session_id, old.count)
    then
      return new;
    end if;
    raise exception 'the audit log is append-only' using errcode = 'integrity_constraint_violation';
  end $$`,
];
