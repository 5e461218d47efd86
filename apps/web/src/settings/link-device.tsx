/**
 * Links a device that shows a code: pasted or typed, so no camera is needed. Never taken from the address of the page, which
 * anybody can send somebody as a link.
 */
import { useClient } from '@sotto/hooks';
import { type FormEvent, useState } from 'react';
import { Actions, Button, FormDialog, Switch, TextField, useToast } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';
import styles from './words.module.css';

/** What codes begin with, also in the midst of other words. */
const CODE = /sotto-link:[\w-]+/;

/** The form, and the question that it leads to. */
export function LinkDevice({ onLinked }: { onLinked: () => void }) {
  const [code, setCode] = useState('');
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = CODE.exec(code)?.[0];
    setError(found === undefined ? 'A code begins with “sotto-link:”.' : undefined);
    setAsking(found !== undefined);
  };
  const close = (isLinked: boolean) => {
    setAsking(false);
    if (!isLinked) return;
    setCode('');
    onLinked();
  };
  return (
    <>
      <form className={styles.form} onSubmit={submit}>
        <TextField
          label="Code of the new device"
          placeholder="sotto-link:…"
          dir="ltr"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          value={code}
          error={error}
          onChange={({ target }) => setCode(target.value)}
        />
        <Actions>
          <Button type="submit" disabled={code.trim() === ''}>
            Link device
          </Button>
        </Actions>
      </form>
      {isAsking && <LinkDialog code={CODE.exec(code)?.[0] ?? ''} onClose={close} />}
    </>
  );
}

interface LinkDialogProps {
  code: string;
  onClose: (isLinked: boolean) => void;
}

/** Asks before a device becomes one of the account's: a code may have been sent by somebody else. */
function LinkDialog({ code, onClose }: LinkDialogProps) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const [withHistory, setWithHistory] = useState(true);
  const [name, setName] = useState('');
  const link = async () => {
    const isLinked = await task.run(async () => {
      const { device } = await client.completeLink(code, { history: withHistory });
      const given = name.trim();
      if (given !== '') await client.renameDevice(device, given);
    });
    if (!isLinked) return;
    toast('The device is linked');
    onClose(true);
  };
  return (
    <FormDialog
      title="Link this device?"
      submit="Link"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void link()}
      onClose={() => onClose(false)}
    >
      <p>
        The device that shows this code will read and write messages as you. Go on only if it is in
        front of you.
      </p>
      <TextField
        label="Name of the device"
        placeholder="Tablet"
        dir="auto"
        maxLength={40}
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
      <Switch
        label="Send recent history"
        hint="What was said in the last 30 days, encrypted for the new device."
        checked={withHistory}
        onChange={setWithHistory}
      />
    </FormDialog>
  );
}
