/** `npm start`: the web client's page, built if it is not that of these sources, and the platform. */
import { buildPage } from './web/page-build.ts';

/** The build takes seconds once; without it the platform is as good, but for people with browsers. */
if (!process.argv.some((word) => word === '--help' || word === '--check')) {
  await buildPage().catch((error: unknown) => {
    const [why] = error instanceof Error ? error.message.split('\n') : [];
    process.stderr.write(
      `sotto: the web client cannot be built (${why}); npm run web tells more\n`,
    );
  });
}
await import('../services/standalone/src/main.ts');
