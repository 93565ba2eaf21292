/**
 * The daemon's program. Loading the rest takes a second without a cache, in which a signal for upkeep would end the
 * process or make Node open its debugger.
 */
import { listenForUpkeep } from './cli/signals.ts';
import { reuseCompiledCode } from './compiled-code.ts';
import { keepObjectsYoung } from './young-objects.ts';

const upkeep = listenForUpkeep();
keepObjectsYoung();
reuseCompiledCode();
const { runDaemon } = await import('./daemon.ts');
await runDaemon(upkeep);
