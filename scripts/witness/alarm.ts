/** What a witness has caught a log at, and how it says so. */

/** Each is something that an honest log never does. */
export type AlarmCode =
  | 'key-changed'
  | 'head-unsigned'
  | 'rolled-back'
  | 'forked'
  | 'rewritten'
  | 'head-denied'
  | 'leaves-withheld'
  | 'leaves-swapped'
  | 'leaf-malformed'
  | 'account-forked'
  | 'restore-ahead';

const SENTENCES: Record<AlarmCode, string> = {
  'key-changed': 'the log signs with another key than the one that it had when we first saw it',
  'head-unsigned': 'the head is not signed by the key of the log',
  'rolled-back': 'the log is shorter than it was: leaves have been taken away',
  forked: 'the log has shown two different heads of one size: somebody else sees another log',
  rewritten: 'the log does not continue what it was: a leaf that we have seen was changed',
  'head-denied':
    'the log does not know a head that it has signed: what we are shown is not what others see',
  'leaves-withheld': 'the log has signed for leaves that it does not show',
  'leaves-swapped': 'the leaves that the log shows are not those that it has signed for',
  'leaf-malformed': 'a leaf of the log is none',
  'account-forked':
    'an account has two leaves of one version, or one that does not follow on the one before it',
  'restore-ahead': 'a leaf tells of a restore that is to come: it would excuse all until then',
};

/** Thrown when the log is not what it claims; carries what proves it to others. */
export class Alarm extends Error {
  override readonly name = 'Alarm';
  readonly code: AlarmCode;
  /** Heads and leaves, in base64url. */
  readonly evidence: Readonly<Record<string, unknown>>;

  constructor(
    code: AlarmCode,
    evidence: Readonly<Record<string, unknown>>,
    options?: ErrorOptions,
  ) {
    super(SENTENCES[code], options);
    this.code = code;
    this.evidence = evidence;
  }
}

/** One line for a person. */
export function describeAlarm({ message, evidence }: Alarm): string {
  const { index } = evidence;
  return typeof index === 'number' ? `${message} (leaf ${index})` : message;
}
