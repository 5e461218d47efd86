/** What stands on the page before the store is open, and when it cannot be opened. */
import { DatabaseZap } from 'lucide-react';
import { Button, EmptyState, Spinner } from '../design/index.ts';
import { explain } from './explain.ts';
import styles from './opening.module.css';

/** The mark, and after a moment a sign that something is under way. */
export function Opening() {
  return (
    <main className={styles.opening}>
      <img className={styles.mark} src="/icon.svg" alt="Sotto" width="72" height="72" />
      <span className={styles.late}>
        <Spinner label="Opening your messages" />
      </span>
    </main>
  );
}

/** Why the store cannot be opened, and another try. */
export function OpeningFailed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <main className={styles.opening}>
      <EmptyState
        icon={DatabaseZap}
        title="Sotto cannot open here"
        action={
          <Button tone="primary" onClick={onRetry}>
            Try again
          </Button>
        }
      >
        {explain(error)}
      </EmptyState>
    </main>
  );
}
