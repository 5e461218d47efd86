/** What keeps a page from going while it still sends files: they do not outlive it. */
import { useClient, useObservable } from '@sotto/hooks';
import { useEffect } from 'react';
import { uploadsOf } from './upload-board.ts';

/** Has the browser ask before the page is closed or loaded anew with files that are on their way, paused or failed. */
export function UploadGuard() {
  const board = uploadsOf(useClient());
  const { subscribe } = board;
  const isNeeded = useObservable({ subscribe, get: () => board.get().length > 0 });
  useEffect(() => {
    if (!isNeeded) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isNeeded]);
  return null;
}
