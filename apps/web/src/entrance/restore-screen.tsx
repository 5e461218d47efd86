/** Restoring a backup into this browser. */
import type { Client } from '@sotto/client';
import { FormHeader } from './form.tsx';

export interface RestoreScreenProps {
  client: Client;
  onRestored: (username: string) => void;
  onBack: () => void;
}

/** The backup's own component, fetched when it is asked for. */
export function RestoreScreen({ onBack }: RestoreScreenProps) {
  return <FormHeader title="Restore a backup" about="Choose the file." onBack={onBack} />;
}
