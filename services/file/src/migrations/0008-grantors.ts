/** Who shared a file where, and what let them: a grant of somebody else than the uploader ends with that. */
import { type Kysely, sql } from 'kysely';

export async function grantors(transaction: Kysely<unknown>): Promise<void> {
  await sql`alter table grants add column grantor uuid, add column via uuid`.execute(transaction);
  // Nobody wrote down who it was; as the uploader's they go on.
  await sql`update grants set grantor = files.owner from files where files.id = grants.file`.execute(
    transaction,
  );
  await sql`alter table grants alter column grantor set not null,
    add foreign key (file, via) references grants on delete cascade`.execute(transaction);
  await sql`create index grants_via on grants (file, via) where via is not null`.execute(
    transaction,
  );
  await sql`create index grants_grantor on grants (grantor) where via is not null`.execute(
    transaction,
  );
}
