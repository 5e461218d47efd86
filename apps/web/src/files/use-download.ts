/** Fetching a file that somebody has sent. */
import type { FileReference, OpenedFile } from '@sotto/client';
import { useClient, useObservable } from '@sotto/hooks';
import { useEffect, useState } from 'react';
import { useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { downloadsOf, partOf } from './download-board.ts';
import { choosePlace } from './save-opened.ts';

/** How far it is: a part of 1, or undefined when nothing is under way. */
export interface Download {
  readonly progress: number | undefined;
  readonly save: () => void;
  readonly cancel: () => void;
}

/** What is offered wherever a file is shown: the same download everywhere. */
export function useDownload(file: FileReference): Download {
  const board = downloadsOf(useClient());
  const toast = useToast();
  const { id, name } = file;
  const progress = useObservable({ subscribe: board.subscribe, get: () => board.get().get(id) });
  const save = async () => {
    if (board.get().has(id)) return;
    const place = await choosePlace(name);
    if (place !== undefined) await board.save(file, place);
  };
  return {
    progress,
    save: () => void save().catch((error: unknown) => toast(explain(error), 'danger')),
    cancel: () => board.cancel(id),
  };
}

/** Ends when what asks for it goes. */
export function useOpened<T>(
  file: FileReference,
  read: (opened: OpenedFile, onProgress: (part: number) => void) => Promise<T>,
): { readonly value: T | undefined; readonly progress: number; readonly error: unknown } {
  const client = useClient();
  const [state, setState] = useState<{ value?: T; error?: unknown }>({});
  const [progress, setProgress] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    const work = async () => {
      const opened = await client.openFile({ content: { type: 'file', file } }, { signal });
      return read(opened, (done) => setProgress(partOf(done, opened.size)));
    };
    work().then(
      (value) => setState({ value }),
      (error: unknown) => {
        if (!signal.aborted) setState({ error });
      },
    );
    return () => abort.abort();
  }, [client, file, read]);
  return { value: state.value, progress, error: state.error };
}
