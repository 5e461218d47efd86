/** What is asked again when whoever should have answered is gone. */
import { CLIENT_METHODS, GROUP_METHODS, PEOPLE_METHODS, type Repetition } from './method-table.ts';

/** What a client answers beside its methods; what goes on for as long as somebody hears is begun anew by them. */
const SPECIAL: Readonly<Record<string, Repetition>> = {
  'messages.next': 'again',
  'state.older': 'again',
};

/**
 * What goes on for as long as somebody hears, and what is only noted: nobody waits for the answer. And what a page waits for
 * while its worker is loaded.
 */
const PATIENT = new Set([
  'open',
  'messages.next',
  'messages.end',
  'connect.keep',
  'state.follow',
  'events.tell',
  'events.listen',
  'events.unlisten',
]);

/** Whether a call stands while whoever is to answer is silent. Others are given up. */
export function isPatient(path: string): boolean {
  return PATIENT.has(path);
}

/** How a call may be repeated. */
export function repetitionOf(path: string): Repetition {
  const [first = '', second = ''] = path.split('.');
  const tables = { groups: GROUP_METHODS, people: PEOPLE_METHODS };
  const table: Readonly<Record<string, Repetition>> =
    first === 'groups' || first === 'people' ? tables[first] : CLIENT_METHODS;
  return SPECIAL[path] ?? table[second === '' ? first : second] ?? 'lost';
}

/** Whether a call that may have been heard can be made again. */
export function mayAskAgain(path: string, args: readonly unknown[]): boolean {
  const repetition = repetitionOf(path);
  return repetition === 'again' || (typeof repetition === 'number' && !hasStream(args));
}

/** The arguments of a call that may have been heard. */
export function asAgain(path: string, args: readonly unknown[]): readonly unknown[] {
  const place = repetitionOf(path);
  if (typeof place !== 'number') return args;
  return args.with(place, { ...optionsAt(args, place), isAgain: true });
}

/** The id that a call gives its message, by which it is known when it comes again. */
export function idOf(path: string, args: readonly unknown[]): string | undefined {
  const place = repetitionOf(path);
  const id = typeof place === 'number' ? Reflect.get(optionsAt(args, place), 'id') : undefined;
  return typeof id === 'string' ? id : undefined;
}

function optionsAt(args: readonly unknown[], place: number): object {
  const options = args[place];
  return options instanceof Object ? options : {};
}

/** Of a file that can be read once. */
function hasStream(args: readonly unknown[]): boolean {
  const file = args[1];
  const data: unknown = file instanceof Object ? Reflect.get(file, 'data') : undefined;
  return data instanceof Object && 'stream' in data && data.stream instanceof ReadableStream;
}
