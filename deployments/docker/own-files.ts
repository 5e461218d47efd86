/** What bundling does to files that a source names beside itself: in an image they lie elsewhere. */
import { readFileSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Of services and packages: workers become entries of their own, and the rest lies where `src` saw it. Throws for a file
 * that would not be in the image.
 */
export const ownFiles: Plugin = {
  name: 'own-files',
  setup({ onLoad }) {
    onLoad({ filter: /\/(services|packages)\/[^/]+\/src\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replace(
        /new URL\((['"`])([^'"`]*)\1, import\.meta\.url\)/g,
        (found, quote: string, target: string) => {
          if (/^\.\/[a-z-]+-worker\.ts$/.test(target))
            return found.replace(`.ts${quote}`, `.js${quote}`);
          if (isBesideSource(target) && basename(dirname(path)) === 'src') return found;
          throw new Error(
            `${path}: ${target} would not be in the image: see ${import.meta.filename}`,
          );
        },
      );
      return { contents, loader: 'ts' };
    });
  },
};

function isBesideSource(target: string): boolean {
  return target === '../package.json' || target.startsWith('../assets/');
}

/** Of the operator's commands, which go by the checkout's root: the folder above the bundle takes its place. */
export function commandFiles(root: string): Plugin {
  return {
    name: 'command-files',
    setup({ onLoad }) {
      onLoad({ filter: /\/scripts\/.*\.ts$/ }, ({ path }) => {
        const place = JSON.stringify(`../${relative(root, path)}`);
        const source = readFileSync(path, 'utf8');
        const contents = source.replaceAll('import.meta.url', `new URL(${place}, import.meta.url)`);
        return { contents, loader: 'ts' };
      });
    },
  };
}
