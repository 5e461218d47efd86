/** The account's sessions, each of which can be ended. */
import type { Session } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useCallback, useState } from 'react';
import {
  Actions,
  Button,
  Failure,
  FormDialog,
  Loading,
  Row,
  Rows,
  useToast,
} from '../design/index.ts';
import { useLoaded } from '../shell/use-loaded.ts';
import { useTask } from '../shell/use-task.ts';
import { nameOfDevice } from './device-name.ts';

/** A session with the name of its device. */
interface NamedSession extends Session {
  readonly name: string;
}

/** The list, and the way to end all of them. */
export function SessionList() {
  const client = useClient();
  const load = useCallback(async (): Promise<NamedSession[]> => {
    const [sessions, devices] = await Promise.all([client.sessions(), client.devices()]);
    return sessions.map((session) => {
      const device = devices.find((one) => one.device === session.device);
      return { ...session, name: device === undefined ? 'A device' : nameOfDevice(device) };
    });
  }, [client]);
  const loaded = useLoaded(load);
  const [isEndingAll, setEndingAll] = useState(false);
  return (
    <>
      <Loading loaded={loaded} label="Fetching your sessions">
        {(sessions) => (
          <Rows label="Sessions">
            {sessions.map((session) => (
              <SessionRow key={session.session} session={session} onEnded={loaded.reload} />
            ))}
          </Rows>
        )}
      </Loading>
      <Actions>
        <Button onClick={() => setEndingAll(true)}>End all sessions</Button>
      </Actions>
      {isEndingAll && <EndAllDialog onClose={() => setEndingAll(false)} />}
    </>
  );
}

function SessionRow({ session, onEnded }: { session: NamedSession; onEnded: () => void }) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const end = async () => {
    if (!(await task.run(() => client.endSession(session.session)))) return;
    toast('The session is ended');
    onEnded();
  };
  const since = new Date(session.createdAt).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  });
  return (
    <Row
      title={<bdi>{session.name}</bdi>}
      detail={
        <>
          {session.current ? 'This session, since ' : 'Since '}
          {since}
          <Failure error={task.error} />
        </>
      }
      action={
        !session.current && (
          <Button
            busy={task.isBusy}
            aria-label={`End the session of ${session.name}`}
            onClick={() => void end()}
          >
            End
          </Button>
        )
      }
    />
  );
}

function EndAllDialog({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const task = useTask();
  return (
    <FormDialog
      title="End all sessions?"
      submit="End all"
      tone="danger"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void task.run(() => client.logoutEverywhere())}
      onClose={onClose}
    >
      <p>
        You are logged out everywhere, also here. Every device asks for your password before it goes
        on; messages that are on a device stay there.
      </p>
    </FormDialog>
  );
}
