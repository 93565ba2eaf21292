#!/usr/bin/env node
// Runs on every Node that npm supports; the gateway's own Node 24 then runs src/cli/gateway.ts.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/cli/gateway.ts', import.meta.url);
const script = fileURLToPath(source);
const bundled = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

// Node strips the types and compiles only what it has not kept from an earlier run.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled-code', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= 24) {
  module.enableCompileCache();
  await import(source.href);
} else if (existsSync(bundled)) runWith(bundled);
else {
  console.error(`gateway: needs Node 24 or newer, this is ${process.version}; npm ci brings it on most machines`);
  process.exitCode = 1;
}

function runWith(node) {
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches both processes; the child decides when to end.
  const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.once('error', error => {
    console.error(`gateway: ${bundled} cannot be run: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
