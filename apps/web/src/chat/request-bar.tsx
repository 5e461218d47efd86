/** What stands in the composer's place while a conversation is a request. */
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Button, useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { navigate } from '../shell/route.ts';
import { useChat } from './chat-context.ts';
import styles from './request-bar.module.css';

/** Nothing is told to a stranger before the request is accepted. */
export function RequestBar({ name, onAccepted }: { name: string; onAccepted: () => void }) {
  const client = useClient();
  const toast = useToast();
  const { view, isGroup } = useChat();
  const [isBusy, setBusy] = useState(false);
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      toast(explain(error), 'danger');
    } finally {
      setBusy(false);
    }
  };
  const accept = () =>
    attempt(async () => {
      await client.people.accept(view.id);
      onAccepted();
    });
  const decline = () =>
    attempt(async () => {
      await client.people.decline(view.id);
      if (!isGroup) toast('Blocked. They are not told.');
      navigate({ name: 'conversations' });
    });
  return (
    <section className={styles.bar} aria-label="Message request">
      <p>
        {isGroup ? 'You were added to ' : 'Do you want to talk with '}
        <bdi className={styles.name}>{name}</bdi>
        {isGroup ? '. Do you want to stay?' : '?'} They do not see that you have read this until you
        accept.
      </p>
      <div className={styles.buttons}>
        <Button tone="danger" busy={isBusy} onClick={() => void decline()}>
          {isGroup ? 'Leave' : 'Block'}
        </Button>
        <Button tone="primary" busy={isBusy} onClick={() => void accept()}>
          Accept
        </Button>
      </div>
    </section>
  );
}
