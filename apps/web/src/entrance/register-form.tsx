/** Making an account. */
import type { Registered } from '@sotto/client';
import { useState } from 'react';
import { Button, TextField } from '../design/index.ts';
import { codeOf, explain } from '../shell/explain.ts';
import type { OpenClient } from '../shell/session.ts';
import { useTask } from '../shell/use-task.ts';
import { passwordNeeds, usernameFault } from './credential-rules.ts';
import { Form } from './form.tsx';
import { invitationOf } from './invitation.ts';
import { PasswordField } from './password-field.tsx';
import { UsernameField } from './username-field.tsx';

export interface RegisterFormProps {
  openClient: OpenClient;
  /** Of the link that somebody came by. */
  invitation: string | undefined;
  onRegistered: (registered: Registered) => void;
  onBack: () => void;
}

/** A name and a password; an invitation where the platform asks for one, or somebody has one. */
export function RegisterForm({ openClient, invitation, onRegistered, onBack }: RegisterFormProps) {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [invite, setInvite] = useState(invitation ?? '');
  const [isChecked, setChecked] = useState(false);
  const [wantsInvite, setWantsInvite] = useState(false);
  const task = useTask();
  const error = task.failure;
  const code = codeOf(error);
  const needs = passwordNeeds(password);
  const shows = shownFaults({ code, error, isChecked, username, needs });
  const register = async () => {
    const client = await openClient();
    const given = invitationOf(invite);
    onRegistered(await client.register({ username, password, ...(given && { invite: given }) }));
  };
  const asksInvite = wantsInvite || invitation !== undefined || code === 'auth.invite-wrong';
  return (
    <Form
      title="Create your account"
      about="No phone number, no address book. A name is all that others need to find you."
      submit="Create account"
      isBusy={task.isBusy}
      error={shows.form}
      onBack={onBack}
      onSubmit={() => {
        setChecked(true);
        if (usernameFault(username) !== undefined || needs !== undefined) return;
        void task.run(register);
      }}
      footer={
        asksInvite ? undefined : (
          <Button tone="quiet" onClick={() => setWantsInvite(true)}>
            I have an invitation
          </Button>
        )
      }
    >
      <UsernameField
        value={username}
        onChange={setUsername}
        hint="3 to 50 letters and digits. Others see it."
        error={shows.username}
        autoFocus
      />
      <PasswordField
        label="Password"
        kind="new"
        value={password}
        onChange={setPassword}
        hint={passwordHint(password, needs)}
        error={shows.password}
      />
      {asksInvite && (
        <TextField
          label="Invitation"
          name="invite"
          autoComplete="off"
          value={invite}
          hint="The code or the link that you were sent."
          error={shows.invite}
          onChange={(event) => setInvite(event.target.value)}
        />
      )}
    </Form>
  );
}

function passwordHint(password: string, needs: string | undefined): string {
  if (password === '') return '15 characters of anything, or 8 with A, a, 1 and a symbol.';
  return needs ?? 'Long enough. Keep it somewhere safe.';
}

interface Typed {
  code: string | undefined;
  error: unknown;
  isChecked: boolean;
  username: string;
  needs: string | undefined;
}

/** Which words stand at which field: those of the page before it asks, those of the platform after. */
function shownFaults({ code, error, isChecked, username, needs }: Typed) {
  const atUsername = code === 'auth.username-taken' || code === 'auth.username-rule';
  const atInvite = code === 'auth.invite-wrong';
  // What the page's own rule lets through and the platform does not is on its list of common ones.
  const atPassword = code === 'auth.password-rule';
  const isElsewhere = error !== undefined && !(atUsername || atInvite || atPassword);
  return {
    username: atUsername ? explain(error) : isChecked ? usernameFault(username) : undefined,
    password: atPassword
      ? 'This password is one of those that are tried first. Choose another one.'
      : isChecked
        ? needs
        : undefined,
    invite: atInvite
      ? 'Accounts here are by invitation. This one is missing, wrong or used up.'
      : undefined,
    form: isElsewhere ? explain(error) : undefined,
  };
}
