/** The password once more, for what a session that is older than a few minutes may not do. */
import { useClient } from '@sotto/hooks';
import { useId, useState } from 'react';
import { Banner, Button, Dialog } from '../design/index.ts';
import { PasswordField } from '../entrance/password-field.tsx';
import { useAttempt } from '../entrance/use-attempt.ts';
import { explain } from './explain.ts';
import { useMe } from './me.ts';

export interface PasswordDialogProps {
  /** The session is fresh: now it may be done. */
  onDone: () => void;
  onClose: () => void;
}

/** Logs in again, and says so. */
export function PasswordDialog({ onDone, onClose }: PasswordDialogProps) {
  const client = useClient();
  const { username } = useMe();
  const form = useId();
  const [password, setPassword] = useState('');
  const { isBusy, error, run } = useAttempt();
  const login = async () => {
    await client.login({ username, password });
    onClose();
    onDone();
  };
  return (
    <Dialog
      title="Your password, please"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" type="submit" form={form} busy={isBusy}>
            Go on
          </Button>
        </>
      }
    >
      <form
        id={form}
        onSubmit={(event) => {
          event.preventDefault();
          run(login);
        }}
      >
        <PasswordField
          label="Password"
          kind="current"
          value={password}
          onChange={setPassword}
          autoFocus
        />
      </form>
      {error !== undefined && <Banner tone="danger">{explain(error)}</Banner>}
    </Dialog>
  );
}
