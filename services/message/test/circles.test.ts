/** What is remembered of who may hear whom is never older than the last change, however many changes come. */
import { UserId } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCircles } from '../src/circles.ts';
import { CIRCLE_NEWS_MAX } from '../src/limits.ts';
import { newId } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

/** Resolves when what was to be asked in this turn is under way. */
const asked = () => new Promise((resolve) => setImmediate(resolve));

test('an answer that a change has overtaken is used by nobody else', async () => {
  const { a, conversation } = await startTalk(platform, node);
  const circles = createCircles(platform.database);
  await circles.load(conversation);
  expect(circles.find(conversation, a.user)).toBeDefined();
  const loading = circles.load(conversation);
  await asked();
  circles.change({ users: [a.user], conversation });
  await loading;
  expect(circles.find(conversation, a.user)).toBeUndefined();
});

test('so many changes that they are not kept count for everything asked before', async () => {
  const { a, conversation } = await startTalk(platform, node);
  const circles = createCircles(platform.database);
  const loading = circles.load(conversation);
  await asked();
  circles.change({ users: [a.user], conversation });
  const others = Array.from({ length: CIRCLE_NEWS_MAX }, () => UserId.parse(newId()));
  circles.change({ users: others });
  await loading;
  expect(circles.find(conversation, a.user)).toBeUndefined();
  await circles.load(conversation);
  expect(circles.find(conversation, a.user)).toBeDefined();
});
