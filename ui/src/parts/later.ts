const retryMs = 1_000;

/**
 * For code that comes after the page: while the gateway is away it is asked for again and again, so that a page which
 * shows the state of then goes on doing so. It fails where the gateway answers and does not have it: by then it serves
 * another build, and the page has to be loaded anew.
 */
export const later =
  <Module>(load: () => Promise<Module>) =>
  async (): Promise<Module> => {
    for (let wasReachable = false; ; ) {
      try {
        return await load();
      } catch (error) {
        if (wasReachable) throw error;
      }
      await new Promise(resolve => setTimeout(resolve, retryMs));
      wasReachable = await fetch('/healthz').then(
        ({ ok }) => ok,
        () => false,
      );
    }
  };
