/** The button that saves a file, and stops that. */
import { CircleStop, Download as DownloadIcon } from 'lucide-react';
import { IconButton } from '../design/index.ts';
import type { Download } from './use-download.ts';

export interface SaveButtonProps {
  /** Of the file. */
  name: string;
  download: Download;
}

/** One or the other, as far as it is. */
export function SaveButton({ name, download: { progress, save, cancel } }: SaveButtonProps) {
  return progress === undefined ? (
    <IconButton label={`Save ${name}`} icon={DownloadIcon} onClick={save} />
  ) : (
    <IconButton label={`Stop saving ${name}`} icon={CircleStop} onClick={cancel} />
  );
}
