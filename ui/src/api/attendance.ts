/** Whether somebody uses the page: requests that it makes by itself do not keep a session from being idle. */
const unattendedAfterMs = 60_000;
let lastInputAt = performance.now();

for (const kind of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart']) {
  addEventListener(
    kind,
    () => {
      lastInputAt = performance.now();
    },
    { capture: true, passive: true },
  );
}

export const isUnattended = (): boolean => performance.now() - lastInputAt > unattendedAfterMs;
