/**
 * The engine in a process of its own. Alone, it installs what it needs and tells where it listens:
 *
 *   npx node bench/engine/engine-process.ts [port]
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MeasuredProcess, reportToParent, startMeasured } from '../support/measured-process.ts';
import { chatServer } from './chat-server.ts';
import { install, NoEngine, onThisMachine } from './install.ts';
import { type Llama, startLlama } from './llama.ts';
import { randomLlama, smallShape } from './random-llama.ts';

export const engineSeats = 2;
const contextTokens = 1024;

export const startEngine = (): Promise<MeasuredProcess> => startMeasured(new URL(import.meta.url));

async function serve(port: number): Promise<void> {
  const server = chatServer(await startRandomLlama()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (process.send !== undefined) reportToParent(url);
  else console.log(`POST ${url}/v1/chat/completions, ${engineSeats} at a time`);
}

async function startRandomLlama(): Promise<Llama> {
  const folder = await install(onThisMachine(console.log));
  const modelFolder = mkdtempSync(join(tmpdir(), 'gateway-bench-model-'));
  const modelFile = join(modelFolder, 'random.gguf');
  try {
    writeFileSync(modelFile, randomLlama(smallShape, 1));
    return await startLlama({ folder, modelFile, sequences: engineSeats, contextTokens });
  } finally {
    // The engine has it in memory by now.
    rmSync(modelFolder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(Number(process.argv[2] ?? 0)).catch(error => {
    console.error(error instanceof NoEngine ? [error.message, error.cause].filter(Boolean).join('\n') : error);
    process.exit(1);
  });
}
