/** Fetching a file that somebody has sent. */
import type { FileReference, OpenedFile } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { choosePlace } from './save-opened.ts';

/** How far it is: a part of 1, or undefined when nothing is under way. */
export interface Download {
  readonly progress: number | undefined;
  readonly save: () => void;
  readonly cancel: () => void;
}

/** What a file's bubble offers. */
export function useDownload(file: FileReference): Download {
  const client = useClient();
  const toast = useToast();
  const [progress, setProgress] = useState<number>();
  const abort = useRef<AbortController>(undefined);
  const cancel = useCallback(() => abort.current?.abort(), []);
  const save = async () => {
    const place = await choosePlace(file.name);
    if (place === undefined || abort.current !== undefined) return;
    const controller = new AbortController();
    abort.current = controller;
    setProgress(0);
    try {
      const { signal } = controller;
      const opened = await client.openFile({ content: { type: 'file', file } }, { signal });
      await place.take(opened, (done) => setProgress(partOf(done, opened)));
    } catch (error) {
      if (!controller.signal.aborted) toast(explain(error), 'danger');
    } finally {
      abort.current = undefined;
      setProgress(undefined);
    }
  };
  return { progress, save: () => void save(), cancel };
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
      return read(opened, (done) => setProgress(partOf(done, opened)));
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

function partOf(done: number, { size }: OpenedFile): number {
  return size === 0 ? 1 : done / size;
}
