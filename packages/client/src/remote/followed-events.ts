/** Events of a client that runs elsewhere. */
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { type ClientEvent, type ClientEvents, createEvents, type Events } from '../events.ts';
import { type Answerer, keepAsking } from './holder.ts';
import { LostAnswer } from './wire.ts';

const Told = z.array(z.tuple([z.string(), z.unknown()]));

/** Emits what the holder tells of the events that somebody listens to, until `closing`. */
export function followEvents(holder: Answerer, closing: AbortSignal): Events {
  const events = createEvents();
  const counts = new Map<string, number>();
  const fail = (error: unknown) => {
    if (!closing.aborted) events.emit('trouble', { error });
  };
  const say = (what: 'listen' | 'unlisten', name: string) =>
    void holder.ask(`events.${what}`, [name]).catch((error) => {
      if (!(error instanceof LostAnswer)) fail(error); // Whoever comes next is told all the names.
    });
  const hear = (told: unknown) => {
    for (const [name, event] of Told.parse(told)) {
      const known = name as ClientEvent;
      if (counts.has(known)) events.emit(known, event as ClientEvents[typeof known]);
    }
  };
  const tell = (signal: AbortSignal) => {
    const telling = holder.ask('events.tell', [hear], signal);
    for (const name of counts.keys()) say('listen', name);
    return telling;
  };

  keepAsking(holder, closing, async (signal) => {
    for (;;) {
      try {
        return await tell(signal);
      } catch (error) {
        if (!(error instanceof ClientError && error.code === 'events.missed')) throw error;
        fail(error);
      }
    }
  }).catch(fail);

  return {
    emit: events.emit,
    on(name, listener) {
      const end = events.on(name, listener);
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      if (count === 0) say('listen', name);
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        end();
        const left = (counts.get(name) ?? 1) - 1;
        if (left > 0) counts.set(name, left);
        else counts.delete(name);
        if (left === 0) say('unlisten', name);
      };
    },
  };
}
