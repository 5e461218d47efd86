/** A picture in full. */
import type { FileReference, OpenedFile } from '@sotto/client';
import { X } from 'lucide-react';
import { useLayoutEffect, useRef } from 'react';
import { IconButton, ProgressBar } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { useAddress } from './file-mark.tsx';
import styles from './picture-preview.module.css';
import { SaveButton } from './save-button.tsx';
import { readWhole } from './save-opened.ts';
import { useDownload, useOpened } from './use-download.ts';

/** Over the whole page, until it is closed by Escape, the cross or a click beside it. */
export function PicturePreview({ file, onClose }: { file: FileReference; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const download = useDownload(file);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Only a dialog that is closed before it goes gives the focus back.
    return () => element?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard closes it by Escape
    <dialog
      ref={dialog}
      className={styles.preview}
      aria-label={file.name}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => !(event.target instanceof HTMLImageElement) && onClose()}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keeps clicks of the bar's buttons */}
      <header className={styles.bar} onClick={(event) => event.stopPropagation()}>
        <bdi className={styles.name}>{file.name}</bdi>
        {download.progress !== undefined && (
          <span className={styles.progress}>
            <ProgressBar
              label={`${file.name}: how much has come`}
              value={download.progress}
              max={1}
            />
          </span>
        )}
        <SaveButton name={file.name} download={download} />
        <IconButton label="Close" icon={X} onClick={onClose} />
      </header>
      <Picture file={file} />
    </dialog>
  );
}

function Picture({ file }: { file: FileReference }) {
  const { value, progress, error } = useOpened(file, read);
  const address = useAddress(value);
  if (error !== undefined) {
    return (
      <p className={styles.words} role="alert">
        {explain(error)}
      </p>
    );
  }
  if (address === undefined) {
    return (
      <div className={styles.words}>
        <ProgressBar label="Loading the picture" value={progress} max={1} />
      </div>
    );
  }
  return <img className={styles.picture} src={address} alt={file.name} />;
}

function read(opened: OpenedFile, onProgress: (done: number) => void): Promise<Blob> {
  return readWhole(opened, onProgress);
}
