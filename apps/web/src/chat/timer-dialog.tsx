/** How long what is written from now on stays. */
import { lifetimeLabel, useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Button, Dialog } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { useChat } from './chat-context.ts';
import styles from './timer-dialog.module.css';

const DAY = 24 * 3600;
const CHOICES = [null, 30, 300, 3600, 8 * 3600, DAY, 7 * DAY, 28 * DAY] as const;

/** The conversation's timer: everybody in it sees that it was changed. */
export function TimerDialog({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const { id, timer } = useChat().view;
  const [chosen, setChosen] = useState(timer);
  const [error, setError] = useState<string>();
  const choices = CHOICES.some((seconds) => seconds === timer) ? CHOICES : [...CHOICES, timer];
  const save = async () => {
    try {
      if (chosen !== timer) await client.setTimer(id, chosen);
      onClose();
    } catch (failure) {
      setError(explain(failure));
    }
  };
  return (
    <Dialog
      title="Disappearing messages"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <p className={styles.words}>
        Messages written from now on disappear this long after they are read. Whoever has read them
        can have kept them.
      </p>
      <fieldset className={styles.choices}>
        <legend className={styles.legend}>Messages disappear</legend>
        {choices.map((seconds) => (
          <label key={`${seconds}`} className={styles.choice}>
            <input
              type="radio"
              name="timer"
              checked={chosen === seconds}
              onChange={() => setChosen(seconds)}
            />
            {seconds === null ? 'Off' : `After ${lifetimeLabel(seconds)}`}
          </label>
        ))}
      </fieldset>
      {error !== undefined && <p role="alert">{error}</p>}
    </Dialog>
  );
}
