/** `docs/websocket.md` speaks of the contract as it is, and its transcript is made of frames. */
import { readFileSync } from 'node:fs';
import {
  CIPHERTEXT_BYTES_MAX,
  CLOSE_CODES,
  ClientFrame,
  CURSORS_PER_FRAME_MAX,
  commonProblems,
  DEVICES_PER_ACCOUNT_MAX,
  EPHEMERAL_BYTES_MAX,
  endpoints,
  FRAME_BYTES_MAX,
  GROUP_MEMBERS_MAX,
  ONE_TIME_PREKEYS_LOW,
  OutgoingMessage,
  PAGE_ITEMS_MAX,
  RECIPIENTS_PER_MESSAGE_MAX,
  ServerFrame,
  Slot,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  SOCKET_TICKET_SECONDS,
  sendMessage,
  UNACKNOWLEDGED_MAX,
  WATCHED_USERS_MAX,
} from '@sotto/api';
import { expect, test } from 'vitest';
import { z } from 'zod';

const guide = readFileSync(new URL('../../docs/websocket.md', import.meta.url), 'utf8');
const [, transcript = ''] = /<!-- transcript -->\n+```text\n(.*?)\n```/s.exec(guide) ?? [];

const LINE = /^(?:# .+|(?<who>Alice|Bob) (?:← close (?<code>\d{4})|(?<way>[→←]) (?<json>\{.*\})))$/;

interface Spoken {
  who: string;
  way: '→' | '←';
  type: string;
}

const spoken: Spoken[] = [];

/** The types that a schema tells its forms apart by. */
const typesOf = ({ def }: typeof ClientFrame | typeof ServerFrame | typeof Slot): string[] =>
  def.options.flatMap<string>(({ shape }) => shape.type.def.values);

test('each line of its transcript is a frame by the contract, or a close code of it', () => {
  const lines = transcript.split('\n');
  expect(lines.length).toBeGreaterThan(30);
  for (const line of lines) {
    const { groups } = LINE.exec(line) ?? expect.fail(line);
    const { who = '', way, json, code } = groups ?? {};
    if (code !== undefined) expect(Object.values(CLOSE_CODES)).toContain(Number(code));
    if (json === undefined) continue;
    const schema: z.core.$ZodType<{ type: string }> = way === '→' ? ClientFrame : ServerFrame;
    const frame = z.safeDecode(schema, JSON.parse(json));
    expect(frame.error, line).toBeUndefined();
    spoken.push({ who, way: way === '→' ? '→' : '←', type: frame.data?.type ?? '' });
  }
});

test('its transcript shows what a client sends, and each answer', () => {
  const types = (way: Spoken['way']) =>
    new Set(spoken.filter((one) => one.way === way).map(({ type }) => type));
  for (const type of typesOf(ClientFrame)) expect(types('→')).toContain(type);
  // The others come with time, or with keys.
  const later = ['cursors', 'heads', 'prekeys-low', 'keys-changed'];
  for (const type of typesOf(ServerFrame)) {
    if (!later.includes(type)) expect(types('←')).toContain(type);
  }
  for (const who of ['Alice', 'Bob']) {
    expect(spoken.find((one) => one.who === who)).toMatchObject({ way: '←', type: 'hello' });
  }
});

test('it says of each frame, kind, slot, close code and refusal what it is', () => {
  const says = (pattern: string) =>
    expect(new RegExp(pattern, 'm').test(guide), pattern).toBe(true);
  for (const type of [ClientFrame, ServerFrame, Slot].flatMap(typesOf)) {
    says(`[\`*"]${type}\\b|^ +(→ |← )?${type} `);
  }
  for (const { shape } of OutgoingMessage.def.options) {
    for (const kind of shape.kind.def.values) says(`^\\| \`${kind}\` \\|`);
  }
  for (const code of Object.values(CLOSE_CODES)) says(`^\\| ${code} \\|`);
  const common = commonProblems(sendMessage).filter((code) => !/^(auth|request)\./.test(code));
  for (const code of [...sendMessage.problems, ...common]) {
    says(`^\\| [^|]*\`${code.replace('.', '\\.')}\`[^|]*\\|`);
  }
});

test('operations that it names exist', () => {
  const ids = new Set(endpoints.map(({ id }) => id));
  const named = [
    ...guide.matchAll(
      /`((?:get|list|open|publish|create|change|send|search|count|announce|acknowledge)[A-Z]\w+)`/g,
    ),
  ];
  expect(named.length).toBeGreaterThan(10);
  for (const [, id = ''] of named) expect(ids).toContain(id);
});

test('its numbers are those of the contract', () => {
  const numbers = [
    `| ${FRAME_BYTES_MAX / 1024} KiB, `,
    `| ${sendMessage.bodyBytesMax / 1024 / 1024} MiB |`,
    `| ${CIPHERTEXT_BYTES_MAX / 1024} KiB; `,
    `| ${RECIPIENTS_PER_MESSAGE_MAX}; `,
    `not acknowledged | ${UNACKNOWLEDGED_MAX} |`,
    `At most ${UNACKNOWLEDGED_MAX} messages are under way`,
    `ephemeral ciphertext | ${EPHEMERAL_BYTES_MAX / 1024} KiB |`,
    `watched by a socket | ${WATCHED_USERS_MAX} |`,
    `| ${GROUP_MEMBERS_MAX}, ${DEVICES_PER_ACCOUNT_MAX} |`,
    `in a frame | ${CURSORS_PER_FRAME_MAX.toLocaleString('en').replace(',', ' ')} |`,
    `fewer than ${ONE_TIME_PREKEYS_LOW} are left`,
    `oldest first, ${PAGE_ITEMS_MAX} at a time`,
    `for ${SOCKET_TICKET_SECONDS} s; offer it`,
    `GET ${SOCKET_PATH}`,
    `${SOCKET_PROTOCOL}, ${SOCKET_TICKET_PREFIX}<ticket>`,
  ];
  for (const number of numbers) expect(guide.includes(number), number).toBe(true);
});
