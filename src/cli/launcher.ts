/** Set by bin/launch.js, for its child only. */
const mark = 'GATEWAYD_HAS_LAUNCHER';

/**
 * Ends this process by SIGTERM if the launcher that started it (bin/launch.js) was killed: it would go on, and hold its
 * port, while whoever watches the launcher starts another one. Does nothing where there is no launcher.
 */
export function endWithLauncher(): void {
  const hasLauncher = process.env[mark] !== undefined;
  delete process.env[mark];
  if (!hasLauncher) return;
  const end = () => process.kill(process.pid, 'SIGTERM');
  if (!process.connected) return void end();
  process.once('disconnect', end);
  // The rest of the program decides how long it runs.
  process.channel?.unref();
}
