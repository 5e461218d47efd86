/** HTTP as bytes: what clients tidy up, or would never say. */
import { connect } from 'node:net';

/** How long an answer may keep us waiting: what hangs here would hang a victim. */
const SILENCE_MS = 5_000;

export interface Speech {
  heard: string;
  /** Whether the other end hung up, rather than us. */
  isClosed: boolean;
}

/** Says the texts one after the other, and hears out what comes until the connection ends or falls silent. */
export function speak(url: string, ...texts: readonly string[]): Promise<Speech> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let heard = '';
    let isClosed = true;
    socket.setTimeout(SILENCE_MS, () => {
      isClosed = false;
      socket.destroy();
    });
    socket.setEncoding('latin1').on('data', (text) => {
      heard += text;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve({ heard, isClosed }));
    for (const text of texts) socket.write(text, 'latin1');
  });
}

/** The status lines in what was heard: how many answers there were. */
export function statusesIn({ heard }: Speech): number[] {
  return [...heard.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}
