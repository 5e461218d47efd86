/** Files that are dragged onto a chat. */
import { FileUp } from 'lucide-react';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import styles from './drop-zone.module.css';

export interface DropZoneProps {
  /** Nothing is taken when it is left out. */
  onFiles: ((files: readonly File[]) => void) | undefined;
  className: string | undefined;
  children: ReactNode;
}

/** Says that they can be dropped while they are held over it. */
export function DropZone({ onFiles, className, children }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  // Every child that is passed tells of its own coming and going.
  const depth = useRef(0);
  const move = (event: DragEvent, step: number) => {
    if (onFiles === undefined || !event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    depth.current += step;
    setOver(depth.current > 0);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the attach button does the same by keyboard
    <div
      className={className}
      onDragEnter={(event) => move(event, 1)}
      onDragLeave={(event) => move(event, -1)}
      onDragOver={(event) => move(event, 0)}
      onDrop={(event) => {
        move(event, -depth.current);
        const files = [...event.dataTransfer.files];
        if (files.length > 0) onFiles?.(files);
      }}
    >
      {children}
      {isOver && (
        <div className={styles.over}>
          <FileUp size={32} strokeWidth={1.5} aria-hidden />
          Drop files to send them
        </div>
      )}
    </div>
  );
}
