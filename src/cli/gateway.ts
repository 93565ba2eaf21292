/** Operators' commands; docs/cli.md. */
import { readFileSync } from 'node:fs';
import { runGatewayCommand } from './gateway/program.ts';
import { ignoreUpkeep } from './signals.ts';

const { stdin, stdout, stderr, env } = process;
// The reader may close the pipe early, as `head` does.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}
ignoreUpkeep();
process.exitCode = await runGatewayCommand(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  readInput: () => readFileSync(stdin.fd),
});
