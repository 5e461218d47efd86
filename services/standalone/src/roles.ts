/** The platform's database inside the embedded cluster: one role and one schema per service, closed to the others. */
import pg from 'pg';

/** The services that keep data. */
export const DATA_SERVICES = ['auth', 'key', 'message', 'file'] as const;
export type DataService = (typeof DATA_SERVICES)[number];

/** The name of the database. */
export const DATABASE_NAME = 'sotto';

/** The role of a service. */
export function roleOf(service: DataService): string {
  return `sotto_${service}`;
}

interface Superuser {
  port: number;
  password: string;
}

/** Makes what is not there yet, and gives each role its password. Safe to run at every start. */
export async function prepareRoles(
  superuser: Superuser,
  passwords: Readonly<Record<DataService, string>>,
): Promise<void> {
  await as(superuser, 'postgres', async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [
      DATABASE_NAME,
    ]);
    if (rowCount === 0) await client.query(`create database ${DATABASE_NAME}`);
  });
  await as(superuser, DATABASE_NAME, async (client) => {
    await client.query(`revoke all on database ${DATABASE_NAME} from public`);
    await client.query('revoke all on schema public from public');
    for (const service of DATA_SERVICES) await prepareRole(client, service, passwords[service]);
  });
}

async function prepareRole(
  client: pg.Client,
  service: DataService,
  password: string,
): Promise<void> {
  const role = roleOf(service);
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) await client.query(`create role ${role}`);
  await client.query(`alter role ${role} login password ${client.escapeLiteral(password)}`);
  await client.query(`grant connect on database ${DATABASE_NAME} to ${role}`);
  await client.query(`create schema if not exists ${service} authorization ${role}`);
}

async function as(
  { port, password }: Superuser,
  database: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
