/** Restoring a backup into this browser. */
import type { Client } from '@sotto/client';
import { lazy, Suspense } from 'react';
import { Spinner } from '../design/index.ts';

export interface RestoreScreenProps {
  client: Client;
  onRestored: (username: string) => void;
  onBack: () => void;
}

const RestoreForm = lazy(async () => {
  const { RestoreForm: component } = await import('../settings/restore-form.tsx');
  return { default: component };
});

/** The backup's own component, fetched when it is asked for. */
export function RestoreScreen(props: RestoreScreenProps) {
  return (
    <Suspense fallback={<Spinner label="Loading" />}>
      <RestoreForm {...props} />
    </Suspense>
  );
}
