/** Prekey bundles as they are asked for: one user's, or those of many in one request. */
import {
  ApiError,
  BUNDLES_PER_REQUEST_MAX,
  type Bundle,
  type DeviceId,
  getBundle,
  getBundles,
  type UserId,
} from '@sotto/api';
import type { Call } from '../connection/call.ts';
import { ClientError, isProblem } from '../errors.ts';
import type { Wanted } from './wanted.ts';

/** What is wanted of one user. */
export interface Question {
  /** Devices that a session is to be started with, whatever there is; all that are new when there are none. */
  readonly devices: ReadonlySet<DeviceId>;
  /** True when somebody wants whatever devices the user has. */
  readonly isOfAll: boolean;
  readonly version?: number | undefined;
}

/** Whether a question is about a single device, and its answer tells nothing of the others. */
export function isOfOne({ devices, isOfAll }: Question): boolean {
  return !isOfAll && devices.size === 1;
}

/** What is wanted, by user. */
export function questionsOf(wanted: readonly Wanted[]): Map<UserId, Question> {
  const questions = new Map<UserId, Question>();
  for (const { user, device, version } of wanted) {
    const before = questions.get(user);
    const devices = new Set(before?.devices);
    if (device !== undefined) devices.add(device);
    questions.set(user, {
      devices,
      isOfAll: device === undefined || before?.isOfAll === true,
      version: version ?? before?.version,
    });
  }
  return questions;
}

/** What came, and why something did not, by user. */
export interface Fetched {
  readonly bundles: Bundle[];
  readonly failures: Map<UserId, Error>;
}

/** Asks. Throws what calls throw, but for what is said of one user. */
export async function fetchBundles(
  call: Call,
  questions: ReadonlyMap<UserId, Question>,
): Promise<Fetched> {
  const fetched: Fetched = { bundles: [], failures: new Map() };
  const users = [...questions.keys()];
  const [only] = users;
  if (only !== undefined && users.length === 1) {
    await fetchOne(call, { user: only, question: questions.get(only)! }, fetched);
  } else {
    for (let start = 0; start < users.length; start += BUNDLES_PER_REQUEST_MAX) {
      await fetchMany(call, users.slice(start, start + BUNDLES_PER_REQUEST_MAX), fetched);
    }
  }
  return fetched;
}

async function fetchOne(
  call: Call,
  { user, question }: { user: UserId; question: Question },
  { bundles, failures }: Fetched,
): Promise<void> {
  const [device] = isOfOne(question) ? question.devices : [];
  try {
    const input = { params: { user_id: user }, ...(device && { query: { device } }) };
    const bundle = await call(getBundle, input);
    const isEmpty = bundle.devices.length === 0 && device === undefined;
    const isCounted = question.version !== undefined;
    if (bundle.user !== user || (isEmpty && !isCounted)) throw notAsked();
    bundles.push(bundle);
  } catch (error) {
    if (!isProblem(error, 'key.identity-unknown', 'key.list-unknown', 'rate.limited')) throw error;
    failures.set(user, error);
  }
}

async function fetchMany(
  call: Call,
  users: readonly UserId[],
  { bundles, failures }: Fetched,
): Promise<void> {
  const answer = await call(getBundles, { body: { users: [...users] } });
  const missing = new Set(users);
  for (const bundle of answer.bundles) {
    if (!missing.delete(bundle.user)) throw notAsked();
    bundles.push(bundle);
  }
  for (const user of answer.unknown) {
    if (missing.delete(user)) failures.set(user, new ApiError('key.identity-unknown'));
  }
  for (const { user, retryAfter } of answer.limited) {
    if (missing.delete(user)) failures.set(user, new ApiError('rate.limited', { retryAfter }));
  }
  for (const user of missing) failures.set(user, notAsked());
}

function notAsked(): ClientError {
  return new ClientError('answer.invalid', 'the bundle is not the one asked for');
}
