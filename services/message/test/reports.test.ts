/** What users report, what the operator sees of it, and how long it stays. */
import { randomUUID } from 'node:crypto';
import { ConversationId, reportUser, UserId } from '@sotto/api';
import { type Event, exportMessages } from '@sotto/api/internal';
import { consumeEvent, createMemoryBus, publishEvent, runCommand } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { helpFor } from '../src/admin/help.ts';
import { REPORT_COMMANDS } from '../src/admin/report-commands.ts';
import { deleteOldReports } from '../src/report-store.ts';
import { newId } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
let node: Node;
const bus = createMemoryBus();
const audited: Event<'events.audit.noted'>['entries'] = [];

beforeAll(async () => {
  platform = await startPlatform(bus);
  await consumeEvent(bus, 'test-reports', 'events.audit.noted', async ({ entries }) => {
    audited.push(...entries);
  });
  node = await platform.startNode(bus);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

/** Runs a command line of the operator's. */
async function admin(line: string): Promise<{ exitCode: number; out: string[]; notes: string[] }> {
  const out: string[] = [];
  const notes: string[] = [];
  const terminal = {
    out: (text: string) => void out.push(text),
    note: (text: string) => void notes.push(text),
  };
  const deps = { database: platform.database, terminal };
  return { exitCode: await runCommand(REPORT_COMMANDS, deps, line.split(' ')), out, notes };
}

function report(from: Person, about: Person, more: object = {}): Promise<{ report: string }> {
  const body = { user: about.user, reason: 'abuse' as const, messages: [], ...more };
  return node.call(from, reportUser, { body });
}

const sentAt = '2026-11-20T08:00:00.000Z';

describe('a report', () => {
  test('reaches the operator with what its maker chose to show, and nothing that a terminal obeys', async () => {
    const { a, b, conversation } = await startTalk(platform, node);
    const text = 'first line\n\u001b[2Jsecond \u202eline';
    const messages = [{ id: newId(), sentAt, text }];
    const made = await report(a, b, { conversation, note: 'see this\u0007', messages });
    const listed = await admin('reports list');
    const line = listed.out.find((one) => one.startsWith(made.report));
    expect(line).toMatch(new RegExp(`abuse +${b.username} +${a.username} +1 +open$`));
    const shown = await admin(`reports show ${made.report}`);
    expect(shown.exitCode).toBe(0);
    const page = shown.out.join('\n');
    expect(page).toMatch(new RegExp(`^conversation +${conversation}$`, 'm'));
    expect(page).toContain('\n  first line\n  \ufffd[2Jsecond \ufffdline');
    for (const control of ['\u0007', '\u001b', '\u202e']) expect(page).not.toContain(control);
    const [json = ''] = (await admin(`reports show ${made.report} --json`)).out;
    expect(JSON.parse(json)).toMatchObject({
      ...{ id: made.report, reporter: a.user, reported: b.user, conversation, messages },
      ...{ reporter_name: a.username, reported_name: b.username, closed_at: null },
    });
  });

  test('is closed once, and then listed only among all', async () => {
    const { a, b } = await startTalk(platform, node);
    const { report: id } = await report(a, b);
    expect((await admin(`reports close ${id}`)).out).toEqual(['closed']);
    expect((await admin(`reports close ${id}`)).out).toEqual(['was closed already']);
    const listed = async (line: string) => (await admin(line)).out.some((one) => one.includes(id));
    expect(await listed('reports list --limit 10000')).toBe(false);
    expect(await listed('reports list --all --limit 10000')).toBe(true);
    const rows = (await admin('reports list --all --json')).out.map((one) => JSON.parse(one));
    expect(rows.find((row) => row.id === id).closed_at).toEqual(expect.any(String));
  });

  test('is told to the audit log, and so is who closed it; without what it says', async () => {
    const { a, b } = await startTalk(platform, node);
    const { report: id } = await report(a, b, { note: 'a secret note' });
    await admin(`reports close ${id}`);
    await vi.waitFor(() => {
      expect(audited).toContainEqual({
        at: expect.any(String),
        action: 'reports.made',
        user: a.user,
        device: a.device,
      });
      expect(audited).toContainEqual({
        at: expect.any(String),
        action: 'admin.acted',
        command: 'reports close',
      });
    }, 20_000);
    expect(JSON.stringify(audited)).not.toMatch(new RegExp(`secret note|${b.user}`));
  });
});

describe('no report is taken', () => {
  test('of nobody, of oneself, or in a conversation where the two have not met', async () => {
    const { a, b } = await startTalk(platform, node);
    const elsewhere = await startTalk(platform, node);
    const nobody = { user: UserId.parse(randomUUID()) };
    await expect(report(a, a)).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(report(a, b, nobody)).rejects.toMatchObject({ code: 'user.not-found' });
    for (const conversation of [elsewhere.conversation, ConversationId.parse(randomUUID())]) {
      await expect(report(a, b, { conversation })).rejects.toMatchObject({
        code: 'conversation.not-found',
      });
    }
  });

  test('beyond twenty of one user in a day', async () => {
    const { a, b } = await startTalk(platform, node);
    for (let count = 0; count < 20; count++) await report(a, b);
    await expect(report(a, b)).rejects.toMatchObject({ code: 'rate.limited' });
    await report(b, a);
  });
});

describe('a report goes', () => {
  test('ninety days after it was made, closed or not', async () => {
    const { a, b } = await startTalk(platform, node);
    const [old, young] = [(await report(a, b)).report, (await report(a, b)).report];
    for (const [id, days] of [
      [old, 91],
      [young, 89],
    ] as const) {
      await platform.database.pool.query(
        `update reports set made_at = now() - $2 * interval '1 day' where id = $1`,
        [id, days],
      );
    }
    await deleteOldReports(platform.database.query);
    expect((await admin(`reports show ${old}`)).exitCode).toBe(1);
    expect((await admin(`reports show ${young}`)).exitCode).toBe(0);
  });

  test('with the account of its maker, who has it in the export before; not with the other', async () => {
    const { a, b } = await startTalk(platform, node);
    const [ofA, ofB] = [(await report(a, b)).report, (await report(b, a)).report];
    const params = { user_id: a.user };
    const { tables } = await node.call(undefined, exportMessages, { params });
    expect(tables.reports).toMatchObject([{ id: ofA, reported: b.user }]);
    const deletion = { user: a.user, at: new Date().toISOString(), devices: [a.device] };
    await publishEvent(bus, 'events.account.deleted', deletion, randomUUID());
    await vi.waitFor(
      async () => expect((await admin(`reports show ${ofA}`)).exitCode).toBe(1),
      20_000,
    );
    const kept = (await admin(`reports show ${ofB}`)).out.join('\n');
    expect(kept).toContain(b.username);
    expect(kept).not.toContain(a.username);
  });
});

test('a wrong command line says what would be right', async () => {
  for (const line of ['reports', 'reports show', 'reports show 7', 'reports list --limit 0']) {
    const { exitCode, notes } = await admin(line);
    expect(exitCode).toBe(64);
    expect(notes.join('\n')).toContain('sotto: ');
  }
  expect((await admin(`reports close ${randomUUID()}`)).exitCode).toBe(1);
  expect(helpFor(['reports'])?.split('\n')[0]).toContain('reports list');
});
