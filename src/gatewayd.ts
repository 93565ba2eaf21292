/**
 * The daemon's program, and the front door of the other programs where the package is installed. Loading the rest takes
 * a second without a cache, in which a signal for upkeep would end the process or make Node open its debugger.
 */
import { endWithLauncher } from './cli/launcher.ts';
import { takeProgram } from './cli/programs.ts';
import { listenForUpkeep } from './cli/signals.ts';
import { reuseCompiledCode } from './compiled-code.ts';
import { keepObjectsYoung } from './young-objects.ts';

endWithLauncher();
const program = takeProgram(process.argv);
if (program === null) await serve();
else {
  reuseCompiledCode();
  await program();
}

async function serve(): Promise<void> {
  const upkeep = listenForUpkeep();
  keepObjectsYoung();
  reuseCompiledCode();
  const { runDaemon } = await import('./daemon.ts');
  await runDaemon(upkeep);
}
