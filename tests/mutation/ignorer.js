/**
 * Which changes are not tried: the texts of errors, which are for people and may be reworded, and the
 * capacity of a `ByteWriter`, which is a guess that the writer corrects.
 */
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** Functions whose last argument is such a text. */
const WITH_TEXT = new Set([
  'assertInteger',
  'assertLength',
  'malformed',
  'refused',
  'requireInteger',
]);

/** @param {import('@stryker-mutator/api/ignore').NodePath} path */
function shouldIgnore(path) {
  if (isText(path)) return 'the text of an error';
  if (isCapacity(path)) return 'a guess at a length';
  return undefined;
}

function isText({ node, parent, key, listKey }) {
  if (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral') return false;
  if (listKey !== 'arguments' || parent.callee?.type !== 'Identifier') return false;
  if (parent.type === 'NewExpression') return parent.callee.name.endsWith('Error') && key > 0;
  return WITH_TEXT.has(parent.callee.name) && key === parent.arguments.length - 1;
}

function isCapacity({ parent, listKey }) {
  return (
    listKey === 'arguments' &&
    parent.type === 'NewExpression' &&
    parent.callee.name === 'ByteWriter'
  );
}

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'not-behaviour', { shouldIgnore }),
];
