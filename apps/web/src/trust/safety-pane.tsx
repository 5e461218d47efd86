/** The safety number with somebody: two people who see the same one know that nobody sits between them. */
import type { SafetyNumber } from '@sotto/client';
import { NAMELESS, type UserId, useAlarms, useClient, useNames, useUsername } from '@sotto/hooks';
import { BadgeCheck, ShieldAlert } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import {
  Actions,
  Banner,
  Button,
  Failure,
  Loading,
  Pane,
  PaneColumn,
  QrCode,
  Section,
  TextField,
  useCopy,
  useToast,
} from '../design/index.ts';
import { codeOf } from '../shell/explain.ts';
import { goBack } from '../shell/route.ts';
import { useLoaded } from '../shell/use-loaded.ts';
import { useTask } from '../shell/use-task.ts';
import { type Comparison, compareDigits, groupsOf } from './safety-digits.ts';
import styles from './safety-pane.module.css';

const CHANGED =
  'This number is a new one. They may have a new phone, or somebody may pretend to be them.';
const CHANGED_AGAIN =
  'The number has changed while you looked at it. This is the new one: compare it from the beginning.';
const DISPUTED = 'The server has shown other keys of them than before.';

/** The page of somebody's safety number. */
export function SafetyPane({ user }: { user: UserId }) {
  const client = useClient();
  const { view } = useAlarms();
  const name = useNames([user])(user);
  const username = useUsername(user);
  const { changes, onChange } = useChanges(user);
  const isChanged = view.identityChanged.includes(user);
  const isBroken = view.logBroken.includes(user);
  // biome-ignore lint/correctness/useExhaustiveDependencies: after a change it is another number
  const load = useCallback(() => client.safetyNumber(user), [client, user, isChanged, changes]);
  const loaded = useLoaded(load);
  return (
    <Pane title="Safety number" onBack={goBack}>
      <PaneColumn>
        <p>
          Compare this number with the one that <strong dir="auto">{name}</strong>
          {username !== undefined && username !== name && ` (@${username})`} sees, in person or in a
          call. If they are the same, nobody sits between you.
        </p>
        {(isChanged || isBroken) && (
          <Banner tone={changes > 0 ? 'danger' : 'warning'}>
            {changes > 0 ? CHANGED_AGAIN : isChanged ? CHANGED : DISPUTED}
          </Banner>
        )}
        <Loading loaded={loaded} label="Working out the safety number">
          {(number) => (
            <>
              <Comparing number={number} name={name} />
              {(isChanged || isBroken) && <AcceptSection {...{ user, name, number, onChange }} />}
            </>
          )}
        </Loading>
      </PaneColumn>
    </Pane>
  );
}

/** How often the identity has changed while the page was open, by what the SDK tells and by what it refused. */
function useChanges(user: UserId) {
  const client = useClient();
  const [changes, setChanges] = useState(0);
  const onChange = useCallback(() => setChanges((count) => count + 1), []);
  useEffect(
    () => client.on('identity-changed', (changed) => changed.user === user && onChange()),
    [client, user, onChange],
  );
  return { changes, onChange };
}

function Comparing({ number, name }: { number: SafetyNumber; name: string }) {
  const [typed, setTyped] = useState('');
  const comparison = compareDigits(number.digits, typed);
  return (
    <>
      <div className={styles.whole}>
        <div className={styles.number}>
          <ol className={styles.digits} dir="ltr" aria-label="Your safety number">
            {groupsOf(number.digits).map((group, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two groups may be the same
              <li key={at}>{group}</li>
            ))}
          </ol>
          <div className={styles.code}>
            <QrCode text={number.scannable} label="The safety number, to be scanned" />
          </div>
        </div>
        <CopyButton digits={number.digits} />
      </div>
      <Section
        title="Compare without a camera"
        hint={
          <>
            Paste or type the number that <bdi>{name}</bdi> has sent you by another way.
          </>
        }
      >
        <TextField
          label="Their number"
          multiline
          inputMode="numeric"
          dir="ltr"
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
        />
        <Answer comparison={comparison} />
      </Section>
    </>
  );
}

const INCOMPLETE: Readonly<Partial<Record<Comparison, string>>> = {
  incomplete: 'The same so far. Go on: a whole number has 60 digits.',
  'too-long': 'A number has 60 digits. This one has more.',
};

function Answer({ comparison }: { comparison: Comparison }) {
  if (comparison === 'match') {
    return (
      <p className={styles.match} role="status">
        <BadgeCheck size={20} aria-hidden />
        The numbers match. Nobody sits between you.
      </p>
    );
  }
  if (comparison === 'mismatch') {
    return (
      <p className={styles.mismatch} role="alert">
        <ShieldAlert size={20} aria-hidden />
        These numbers differ. If it is theirs, somebody may be reading along: do not go on.
      </p>
    );
  }
  return (
    <p className={styles.quiet} role="status">
      {INCOMPLETE[comparison] ?? ''}
    </p>
  );
}

function CopyButton({ digits }: { digits: string }) {
  const copy = useCopy();
  return (
    <Actions>
      <Button onClick={() => copy(groupsOf(digits).join(' '), 'Safety number copied')}>
        Copy number
      </Button>
    </Actions>
  );
}

interface AcceptProps {
  user: UserId;
  name: string;
  /** What stands on the page: nothing else is accepted. */
  number: SafetyNumber;
  /** The identity is another one by now. */
  onChange: () => void;
}

function AcceptSection({ user, name, number, onChange }: AcceptProps) {
  const client = useClient();
  const { book } = useAlarms();
  const toast = useToast();
  const task = useTask();
  const accept = async () => {
    const isDone = await task.run(async () => {
      try {
        await client.acceptIdentity(user, number.digits);
      } catch (error) {
        if (codeOf(error) === 'identity.changed') {
          toast('The number has just changed again. Compare the new one.', 'danger');
          onChange();
        }
        throw error;
      }
      await book.refresh();
    });
    if (isDone) toast(`Messages go to ${name === NAMELESS ? 'them' : name} again`);
  };
  return (
    <Section
      title="Go on"
      hint="What waits is sent once you accept. Accepting without comparing gives up what the warning is for."
    >
      <Actions>
        <Button tone="primary" busy={task.isBusy} onClick={() => void accept()}>
          Accept this number
        </Button>
      </Actions>
      <Failure error={task.error} />
    </Section>
  );
}
