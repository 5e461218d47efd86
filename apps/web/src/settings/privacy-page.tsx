/** Who sees what of this account, and who cannot reach it. */
import { type UserId, useClient } from '@sotto/hooks';
import { UserRoundX } from 'lucide-react';
import { useCallback, useState } from 'react';
import { Button, Failure, Loading, Row, Rows, Section, Switch, useToast } from '../design/index.ts';
import { PersonLine } from '../people/person-line.tsx';
import { useMe } from '../shell/me.ts';
import { useLoaded } from '../shell/use-loaded.ts';
import { useTask } from '../shell/use-task.ts';

/** The page. */
export function PrivacyPage() {
  return (
    <>
      <Section title="Presence">
        <PresenceSwitch />
      </Section>
      <Section
        title="Blocked people"
        hint="Nothing that they send reaches you, and they are not told."
      >
        <BlockedPeople />
      </Section>
    </>
  );
}

/** The platform does not say which way it stands, so this browser remembers what was chosen in it last. */
function PresenceSwitch() {
  const client = useClient();
  const { user } = useMe();
  const key = `sotto/hidden/${user}`;
  const [isVisible, setVisible] = useState(() => localStorage.getItem(key) === null);
  const task = useTask();
  const change = async (visible: boolean) => {
    if (!(await task.run(() => client.people.showPresence(visible)))) return;
    if (visible) localStorage.removeItem(key);
    else localStorage.setItem(key, 'hidden');
    setVisible(visible);
  };
  return (
    <>
      <Switch
        label="Show when I am online"
        hint="People you have accepted see it. If you hide it, you do not see theirs either."
        checked={isVisible}
        disabled={task.isBusy}
        onChange={(visible) => void change(visible)}
      />
      <Failure error={task.error} />
    </>
  );
}

function BlockedPeople() {
  const client = useClient();
  const loaded = useLoaded(useCallback(() => client.people.blocks(), [client]));
  return (
    <Loading loaded={loaded} label="Fetching whom you have blocked">
      {(blocked) => (
        <Rows label="Blocked people">
          {blocked.length === 0 && (
            <Row
              icon={<UserRoundX size={20} strokeWidth={1.75} aria-hidden />}
              title="Nobody is blocked"
              detail="You can block somebody from their conversation."
            />
          )}
          {blocked.map((user) => (
            <Row
              key={user}
              title={
                <PersonLine
                  user={user}
                  action={<UnblockButton user={user} onDone={loaded.reload} />}
                />
              }
            />
          ))}
        </Rows>
      )}
    </Loading>
  );
}

function UnblockButton({ user, onDone }: { user: UserId; onDone: () => void }) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const unblock = async () => {
    if (!(await task.run(() => client.people.unblock(user)))) return;
    toast('They can write to you again');
    onDone();
  };
  return (
    <>
      <Failure error={task.error} />
      <Button busy={task.isBusy} onClick={() => void unblock()}>
        Unblock
      </Button>
    </>
  );
}
