/**
 * The daemon's program. All else takes a second to load where nothing is cached, in which a signal for upkeep would
 * end the process or have Node open its debugger.
 */
import { listenForUpkeep } from './cli/signals.ts';
import { keepObjectsYoung } from './young-objects.ts';

const upkeep = listenForUpkeep();
keepObjectsYoung();
const { runDaemon } = await import('./daemon.ts');
await runDaemon(upkeep);
