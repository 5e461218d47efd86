/** Something for a camera to read. */
import { useMemo } from 'react';
import { encode } from 'uqr';
import styles from './qr-code.module.css';

export interface QrCodeProps {
  text: string | Uint8Array;
  /** What it holds, for those who do not see it. */
  label: string;
}

/** A QR code: dark on light in both themes, with the margin that readers need. */
export function QrCode({ text, label }: QrCodeProps) {
  const { size, path } = useMemo(() => draw(text), [text]);
  return (
    <svg
      className={styles.code}
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
    >
      <path d={path} />
    </svg>
  );
}

function draw(text: string | Uint8Array): { size: number; path: string } {
  const { data, size } = encode(typeof text === 'string' ? text : [...text], {
    ecc: 'M',
    border: 4,
  });
  const squares = data.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])),
  );
  return { size, path: squares.join('') };
}
